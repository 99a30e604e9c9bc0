"""Where a photo's time goes, what its networks ask of the processor, and how fast this processor is at best.

Clocks are put around the runtime's own functions, and taken off again. A clock counts its function's own time, without
that of clocked functions it calls. The peak is that of the largest kernels that ONNX Runtime has.
"""

from __future__ import annotations

import functools
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from importlib import import_module
from pathlib import Path
from statistics import median
from typing import Any
from unittest.mock import patch

import numpy as np

from ... import runtime
from ...runtime.bundles.bundle import Bundle
from ...runtime.bundles.manifest import KINDS
from ...runtime.detector import Detector
from ...runtime.geometry import files
from ...runtime.geometry.images import Frame
from ...runtime.reader import Reader
from ..contenders import Contender, Options
from ..flops import gflop_of_frames
from .results import STAGES, Stage, Stages, Work

FUNCTIONS: dict[str, tuple[str, ...]] = {
    "decode": ("geometry.files:read_photo",),
    "fit": ("detector:as_bgr", "detector:plan_fit", "detector:plan_windows", "detector:fit"),
    "boxes": ("detector:find_regions", "detector:Detector._seen"),
    "cut": ("recognizer:plan_cut", "recognizer:fill_crop"),
    "text": ("recognizer:decode", "reader:select", "reader:ambiguous"),
}
"""Stage → what belongs to it in edgereader.runtime; the networks are `BINDINGS`."""
BINDINGS = "sessions.buffers:Buffers", "sessions.tensorrt.session:TensorRTBinding"
"""Whose `start` and `wait` are the detector, or the recognizer where the input is called "crops"."""
RUNTIME = runtime.__name__
LEAST_PHOTOS = 3
SIDE = 512
"""Rows and columns of the matrices that show the peak."""
PEAK_S = 1.0
"""Each kernel is run again and again for so long; its fastest run counts."""
LEAST_RUNS = 3
KERNELS = {
    "fp32": (("MatMul", "float32", "float32"),),
    "int8": (("MatMulInteger", "uint8", "int8"), ("MatMulInteger", "int8", "int8")),
}
"""Precision → operator, and the types of its two factors: bytes by signed bytes, whichever is faster here."""


class Clocks:
    """Seconds in each stage."""

    def __init__(self) -> None:
        self.seconds = dict.fromkeys(STAGES, 0.0)
        self.calls = dict.fromkeys(STAGES, 0)
        self._inside: list[float] = []

    def on(self, function: Callable[..., Any], stage: str | None = None) -> Callable[..., Any]:
        """Return the same function with a clock; without a stage, it is a method of a binding, which decides."""

        @functools.wraps(function)
        def clocked(*arguments: Any, **named: Any) -> Any:
            start = time.perf_counter()
            self._inside.append(0.0)
            try:
                return function(*arguments, **named)
            finally:
                took = time.perf_counter() - start
                name = stage or ("recognize" if "crops" in arguments[0].inputs else "detect")
                self.seconds[name] += took - self._inside.pop()
                self.calls[name] += 1
                if self._inside:
                    self._inside[-1] += took

        return clocked


@contextmanager
def clocks() -> Iterator[Clocks]:
    """Put clocks around the runtime's functions, and yield what they measure.

    Raises:
        AttributeError: the runtime has no such function any more; `FUNCTIONS` and `BINDINGS` say what there is.
    """
    made = Clocks()
    with ExitStack() as stack:
        for stage, names in FUNCTIONS.items():
            for name in names:
                owner, attribute = located(name)
                stack.enter_context(patch.object(owner, attribute, made.on(getattr(owner, attribute), stage)))
        for name in BINDINGS:
            if f"{RUNTIME}.{name.partition(':')[0]}" not in sys.modules:
                continue
            owner = getattr(*located(name))
            for attribute in {"start", "wait"} & vars(owner).keys():
                stack.enter_context(patch.object(owner, attribute, made.on(getattr(owner, attribute))))
        yield made


def located(name: str) -> tuple[Any, str]:
    """Return what holds a name of the runtime, "detector:Detector._seen", and its last part."""
    module, _, names = name.partition(":")
    *path, attribute = names.split(".")
    owner = import_module(f"{RUNTIME}.{module}")
    return functools.reduce(getattr, path, owner), attribute


def measure(contender: Contender, paths: Sequence[Path], seconds: float) -> Stages:
    """Read photo after photo from their files, each with the clocks and without, until the time is over."""
    clocked: list[dict[str, float]] = []
    whole: list[float] = []
    end = time.perf_counter() + seconds
    while len(whole) < LEAST_PHOTOS or time.perf_counter() < end:
        path = paths[len(whole) % len(paths)]
        for with_clocks in (True, False) if len(whole) % 2 else (False, True):
            if with_clocks:
                with clocks() as found:
                    read(contender, path)
                clocked.append(found.seconds)
            else:
                start = time.perf_counter()
                read(contender, path)
                whole.append(time.perf_counter() - start)
    return summed(clocked, whole)


def read(reader: Contender | Reader, path: Path) -> None:
    """Read a photo's file, from its bytes to its readings."""
    reader.read(files.read_photo(path).frame)


def summed(clocked: Sequence[dict[str, float]], whole: Sequence[float]) -> Stages:
    """Return the stages beside the whole."""
    times_ms = {stage: [1000 * seconds[stage] for seconds in clocked] for stage in STAGES}
    means = {stage: float(np.mean(times)) for stage, times in times_ms.items()}
    whole_ms = 1000 * float(np.mean(whole))
    return Stages(
        photos=len(whole),
        stages=[Stage(stage=stage, mean_ms=means[stage], p50_ms=median(times_ms[stage])) for stage in STAGES],
        sum_ms=sum(means.values()),
        whole_ms=whole_ms,
        outside_networks=sum(means[stage] for stage in ("fit", "boxes", "cut", "text")) / (whole_ms - means["decode"]),
    )


def work_of(options: Options, frames: Sequence[Frame]) -> Work | None:
    """Count the networks' operations for the photos' mean canvases and number of crops, beside this processor's peak.

    The photos, one or more, are (H, W, 3) uint8 BGR. Where precisions differ, `peak_gops` is their mean for this work.

    Returns:
        None for a precision that processors have no kernels of, and where onnx is not installed.
    """
    bundle, threads = Bundle.open(options.bundle), options.threads
    precisions = {kind: options.precision or bundle.precision(kind) for kind in KINDS}
    if not KERNELS.keys() >= set(precisions.values()):
        return None
    try:
        detector = Detector(bundle, "cpu", options.precision, options.canvas_px, threads or None)
        gop = gflop_of_frames(bundle, detector, frames)
        seconds = sum(gop[kind] / peak_gops(precisions[kind], threads) for kind in gop)
    except ImportError:
        return None
    total = sum(gop.values())
    return Work(gop_per_frame=total, peak_gops=total / seconds, limit_ms=1000 * seconds)


@functools.cache
def peak_gops(precision: str, threads: int = 0, seconds: float = PEAK_S) -> float:
    """Return billions of operations a second in a product of two matrices; measured once in a process.

    Each kernel of the precision has so many seconds; 0 threads are as many as there are cores.
    """
    best_s = min(fastest_s(product(*kernel, threads), seconds) for kernel in KERNELS[precision])
    return 2 * SIDE**3 / 1e9 / best_s


def fastest_s(run: Callable[[], object], seconds: float) -> float:
    """Return the shortest of many runs; a busy machine only ever makes one longer."""
    times: list[float] = []
    end = time.perf_counter() + seconds
    while len(times) < LEAST_RUNS or time.perf_counter() < end:
        start = time.perf_counter()
        run()
        times.append(time.perf_counter() - start)
    return min(times)


def product(operator: str, left: str, right: str, threads: int) -> Callable[[], object]:
    """Make a product of random matrices, the right one fixed, as a network's weights are."""
    import onnxruntime as ort
    from onnx import TensorProto, helper, numpy_helper

    rng, shape = np.random.default_rng(0), (SIDE, SIDE)
    numbers, weights = (rng.integers(0, 64, shape).astype(kind) for kind in (left, right))
    kind = helper.np_dtype_to_tensor_dtype(numbers.dtype)
    result = TensorProto.FLOAT if left == "float32" else TensorProto.INT32
    graph = helper.make_graph(
        [helper.make_node(operator, ["numbers", "weights"], ["product"])],
        "peak",
        [helper.make_tensor_value_info("numbers", kind, shape)],
        [helper.make_tensor_value_info("product", result, shape)],
        [numpy_helper.from_array(weights, "weights")],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)
    options = ort.SessionOptions()
    options.intra_op_num_threads = threads
    session = ort.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
    bound: Any = session.io_binding()
    bound.bind_ortvalue_input("numbers", ort.OrtValue.ortvalue_from_numpy(numbers))
    made = np.zeros(shape, np.float32 if left == "float32" else np.int32)
    bound.bind_ortvalue_output("product", ort.OrtValue.ortvalue_from_numpy(made))
    return lambda: session.run_with_iobinding(bound)
