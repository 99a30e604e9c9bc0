"""What a process of a check does: one contender's sizes of a section, or what others need.

Libraries are loaded only by what uses them: PyTorch and onnx are no part of a process that measures a backend.
"""

from __future__ import annotations

import shutil
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from itertools import cycle, islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, cast

import msgspec
import numpy as np
from numpy.typing import NDArray

from ...export.checks.marks import limit_of
from ...export.parity import apart, random_images
from ...runtime.bundles.bundle import MANIFEST_NAME, Bundle, shipped, write_bundle
from ...runtime.bundles.manifest import KINDS, DetectorSpec, Kind, RecognizerSpec
from ...runtime.errors import BackendError, BackendUnavailable
from ...runtime.geometry.crops import MOST_CROPS
from ...runtime.geometry.images import Frame
from ...runtime.reader import Reader, Reading
from ...runtime.sessions.base import Session
from ...runtime.sessions.binding import bind_images
from ...runtime.sessions.opening import open_unproven
from ..speed.child import Missing
from ..speed.device import MIB, device_bytes, gpu_clocks, host_bytes
from ..speed.photos import camera_frames
from ..trend import Trend, trend
from .plan import NO_TF32, ONE_BY_ONE, PREPARE, TORCH, Contender, Job, kind_of, sections, shape_of
from .report import Agreement, Answer, Frames, Growth, Memory, Prepared, Result, Speed, Verified, Work

if TYPE_CHECKING:
    import torch

Arrays = dict[str, NDArray[Any]]
Run = Callable[[], Arrays]
"""Runs once: from bytes in the computer's memory to the outputs there, which the next run overwrites."""
Runner = Callable[[str], Run]
"""A loaded network: size → what runs it."""
Measure = Callable[[str], tuple[Result, list[float]]]
"""What is loaded for a section: size → figures of one turn, and milliseconds of each run."""
LIBRARIES = ("onnxruntime", "tensorrt", "tensorrt_rtx", "pycuda", "torch", "triton")
WARM_UP_S, WARM_UP_RUNS = 1.0, 5
READINGS = "readings.json"
"""In the bundle's folder: what fp32 reads in each frame on the CPU."""
SAMPLES = 100
"""Samples of the memory in use."""
DEVICE_MIB, HOST_MIB = 2.0, 8.0
"""What does not count as growth: CUDA hands out memory in pieces of 2 MiB, Python's allocator keeps some."""
PER_FRAMES = 10_000


def answers(questions: Iterator[bytes]) -> Iterator[bool | Answer | Missing]:
    """Load what a job names, and measure size after size; one that fails does not end the others."""
    job = msgspec.json.decode(next(questions), type=Job)
    try:
        measure = SECTIONS[job.section](job)
    except BackendUnavailable as exc:
        yield Missing(outcome="skipped", reason=str(exc))
        return
    yield True
    for question in questions:
        found: Result
        times_ms: list[float] = []
        try:
            found, times_ms = measure(msgspec.json.decode(question, type=str))
        except BackendUnavailable as exc:
            found = Missing(outcome="skipped", reason=str(exc))
        except BackendError as exc:
            found = Missing(outcome="failed", reason=str(exc))
        yield Answer(found=found, times_ms=times_ms, versions=versions())


def versions() -> dict[str, str]:
    """Return the versions of the libraries that were really loaded."""
    loaded = ((name, getattr(sys.modules.get(name), "__version__", None)) for name in LIBRARIES)
    return {name: str(version) for name, version in loaded if version is not None}


# One network


def speeds(job: Job) -> Measure:
    """Measure one network, beside what fp32 gives on the CPU."""
    load = runner(job)

    def measure(size: str) -> tuple[Speed, list[float]]:
        run = load(size)
        outputs = {name: array.copy() for name, array in run().items()}
        with np.load(expected_file(Path(job.folder), kind_of(job.section), size)) as right:
            agreement = compared(outputs, dict(right), job.contender)
        return timed(run, job, agreement)

    return measure


def timed(run: Callable[[], object], job: Job, agreement: Agreement | None = None) -> tuple[Speed, list[float]]:
    """Time run after run, when the GPU's clocks are up."""
    fewest, most = job.scale.runs
    end = time.perf_counter() + (0.0 if job.scale.dry else WARM_UP_S)
    warm_up = 0
    while warm_up < WARM_UP_RUNS or time.perf_counter() < end:
        run()
        warm_up += 1
    times: list[float] = []
    while len(times) < fewest or (sum(times) < 1000 * job.scale.seconds and len(times) < most):
        start = time.perf_counter()
        run()
        times.append(1000 * (time.perf_counter() - start))
    return Speed(warm_up=warm_up, agreement=agreement, clocks=gpu_clocks()), times


def compared(outputs: Arrays, right: Arrays, contender: Contender) -> Agreement:
    """Return how closely maps agree, or the first symbols: what later ones are depends on those before."""
    allowed = limit_of("fp16" if contender.rounds else contender.precision)
    if "symbols" not in right:
        off = max(apart(outputs[name], right[name]) for name in right)
        return Agreement(apart=off, allowed=allowed, rows_equal=None)
    off = apart(outputs["log_probs"][:, 0], right["log_probs"][:, 0])
    equal = (outputs["symbols"] == right["symbols"]).all(axis=1).mean()
    return Agreement(apart=off, allowed=allowed, rows_equal=float(equal))


def expected_file(folder: Path, kind: Kind, size: str) -> Path:
    """Return where the outputs of fp32 on the CPU lie."""
    return folder / f"{kind} {size}.npz"


def runner(job: Job) -> Runner:
    """Load the network of a job; raise `BackendUnavailable` if it cannot run here."""
    kind = kind_of(job.section)
    if job.contender.runner in TORCH:
        return torch_runner(job.contender, kind, Path(job.folder), gpu=not job.scale.dry)
    bundle = Bundle.open(Path(job.folder) / "random")
    session = open_unproven(bundle, kind, job.contender.runner, job.contender.precision)
    spec = bundle.detector if kind == "detector" else bundle.recognizer
    return lambda size: session_run(session, spec, size)


def images_of(size: str) -> NDArray[np.uint8]:
    """Return the input of a size; fewer crops are the first ones of more."""
    shape = shape_of(size)
    if not size.endswith("crops"):
        return random_images(shape, seed=shape[1])
    return random_images((max(MOST_CROPS, shape[0]), *shape[1:]), seed=7)[: shape[0]]


def session_run(session: Session, spec: DetectorSpec | RecognizerSpec, size: str) -> Run:
    """Bind a session of ours as the runtime does."""
    images = images_of(size)
    binding = bind_images(session, spec, images.shape)
    binding.inputs["crops" if size.endswith("crops") else "image"][:] = images

    def run() -> Arrays:
        binding.run(len(images))
        return dict(binding.outputs)

    return run


def expect_cuda(*, gpu: bool) -> None:
    """Raise `BackendUnavailable` if PyTorch is to run on a GPU and cannot."""
    import torch

    if gpu and not torch.cuda.is_available():
        raise BackendUnavailable(f"PyTorch {torch.__version__} has no CUDA here; install one that has")


def torch_runner(contender: Contender, kind: Kind, folder: Path, *, gpu: bool) -> Runner:
    """Load the checkpoint that the bundle was exported from, and run it as well as it can be without changing it.

    fp32 has the memory layout of the published code, fp16 the one that tensor cores want; cuDNN may choose its
    algorithms by trying them.
    """
    import torch

    from ...export.graphs import DetectorGraph
    from ...export.networks import load_craft, load_recognizer
    from ..networks import BytesToText

    expect_cuda(gpu=gpu)
    torch.backends.cudnn.benchmark, torch.backends.cudnn.allow_tf32 = True, contender.runner != NO_TF32
    device, half = torch.device("cuda" if gpu else "cpu"), contender.precision == "fp16"
    network: Any
    if kind == "detector":
        network = DetectorGraph(load_craft(folder / "detector.pt")).eval().to(device, torch.half if half else None)
    else:
        network = BytesToText(load_recognizer(folder / "recognizer.pt")).eval().to(device)
    if half:
        network = network.to(memory_format=torch.channels_last)
    if contender.runner == "PyTorch compiled":
        network = torch.compile(network, dynamic=False)
    mixed = torch.autocast(device.type, torch.float16, enabled=half and kind == "recognizer")
    return lambda size: torch_run(network, size, device, mixed)


def torch_run(network: torch.nn.Module, size: str, device: torch.device, mixed: torch.autocast) -> Run:
    """Return what runs the network on a size, with page-locked buffers on both ends, as our sessions have."""
    import torch

    on_gpu = device.type == "cuda"
    images = torch.from_numpy(np.ascontiguousarray(images_of(size)))
    images = images.pin_memory() if on_gpu else images
    names = ("symbols", "log_probs") if size.endswith("crops") else ("region", "affinity")
    kept: dict[str, torch.Tensor] = {}

    def run() -> Arrays:
        with torch.inference_mode(), mixed:
            outputs = network(images.to(device, non_blocking=True))
            for name, output in zip(names, outputs, strict=True):
                if name not in kept:
                    kept[name] = torch.empty_like(output, device="cpu", pin_memory=on_gpu)
                kept[name].copy_(output, non_blocking=True)
        if on_gpu:
            torch.cuda.synchronize()
        return {name: tensor.numpy() for name, tensor in kept.items()}

    return run


def ceiling(job: Job) -> Measure:
    """Measure a large product of matrices in PyTorch: nothing multiplies faster here.

    fp32 may round to TF32 unless the contender says not.
    """
    import torch

    gpu = not job.scale.dry
    expect_cuda(gpu=gpu)
    torch.backends.cuda.matmul.allow_tf32 = job.contender.runner != NO_TF32
    kind = torch.float16 if job.contender.precision == "fp16" else torch.float32

    def measure(size: str) -> tuple[Speed, list[float]]:
        side = int(size.partition("x")[0])
        left, right = (torch.randn(side, side, dtype=kind, device="cuda" if gpu else "cpu") for _ in range(2))

        def run() -> None:
            torch.mm(left, right)
            if gpu:
                torch.cuda.synchronize()

        return timed(run, job)

    return measure


# Whole frames


def open_reader(job: Job) -> Reader:
    """Open the shipped bundle on the contender's backend; it has then read the canary."""
    bundle = Bundle.open(Path(job.folder).absolute() / "shipped")
    return Reader(bundle, backend=job.contender.runner, precision=job.contender.precision)


def frames(job: Job) -> Measure:
    """Measure frames one at a time, and in a pipeline, where they overlap and so have no time of their own."""
    reader, pictures, count = open_reader(job), camera_frames(), job.scale.frames
    right = msgspec.json.decode((Path(job.folder) / "shipped" / READINGS).read_bytes(), type=list[list[str]])
    warm_up = max(len(pictures), count // 10)

    def measure(size: str) -> tuple[Frames, list[float]]:
        read_first, _ = read(reader, pictures, warm_up, size)
        start = time.perf_counter()
        _, times_ms = read(reader, pictures, count, size)
        seconds = time.perf_counter() - start
        texts = [texts_of(readings) for readings in read_first[: len(pictures)]]
        same = sum((Counter(one) & Counter(other)).total() for one, other in zip(texts, right, strict=True))
        found = Frames(
            frames_per_s=count / seconds,
            frames=count,
            warm_up=warm_up,
            readings=sum(map(len, texts)),
            same=same,
            missed=sum(map(len, right)) - same,
            clocks=gpu_clocks(),
        )
        return found, times_ms

    return measure


def read(reader: Reader, pictures: Sequence[Frame], count: int, size: str) -> tuple[list[list[Reading]], list[float]]:
    """Return the readings of so many frames, and the milliseconds of each where they are read one by one."""
    frames = islice(cycle(pictures), count)
    if size != ONE_BY_ONE:
        return list(reader.read_many(frames)), []
    found, times_ms = [], []
    for frame in frames:
        start = time.perf_counter()
        found.append(reader.read(frame))
        times_ms.append(1000 * (time.perf_counter() - start))
    return found, times_ms


def texts_of(readings: Iterable[Reading]) -> list[str]:
    """Return the strings of a frame, in an order that does not depend on rounding."""
    return sorted(reading.text for reading in readings)


def memory(job: Job) -> Measure:
    """Measure memory while frames are read in a pipeline."""
    reader, pictures, count = open_reader(job), camera_frames(), job.scale.soak_frames
    warm_up, every = max(len(pictures), count // 10), max(1, count // SAMPLES)

    def measure(_size: str) -> tuple[Memory, list[float]]:
        device: list[int] = []
        host: list[int] = []
        for number, _ in enumerate(reader.read_many(islice(cycle(pictures), warm_up + count))):
            if number >= warm_up and (number - warm_up) % every == 0:
                host.append(host_bytes())
                device += [] if job.scale.dry else [device_bytes()]
        grown = growth(device, every, DEVICE_MIB) if device else None
        return Memory(frames=count, warm_up=warm_up, device=grown, host=growth(host, every, HOST_MIB)), []

    return measure


def growth(used_bytes: Sequence[int], every_frames: float, allowed_mib: float) -> Growth:
    """Fit the line through samples that were taken so many frames apart, 10 or more of them."""
    used = [count / MIB for count in used_bytes]
    slope, low, high = cast("Trend", trend([every_frames * place / PER_FRAMES for place in range(len(used))], used))
    return Growth(
        first_mib=used[0],
        last_mib=used[-1],
        most_mib=max(used),
        slope_mib=slope,
        low_mib=low,
        high_mib=high,
        allowed_mib=allowed_mib,
    )


def verified(job: Job) -> Measure:
    """Check what `edgereader verify --backend` checks, on the sample photos."""
    from ...export.checks.backend import examine
    from ...export.checks.comparison import open_trial
    from ...export.precision.pictures import find_pictures

    bundle, pictures = Bundle.open(Path(job.folder).absolute() / "shipped"), find_pictures(shipped("samples"))

    def measure(size: str) -> tuple[Verified, list[float]]:
        trial = open_trial(bundle, cast("Kind", size), job.contender.runner, job.contender.precision, pictures)
        checks = examine(trial, say=lambda line: print(line, file=sys.stderr)).checks  # noqa: T201  # the child's log
        failed = [check.name for check in checks if not check.passed]
        return Verified(checks={check.name: check.detail for check in checks}, failed=failed), []

    return measure


# What others need, made once in the folder of a check


def prepare(job: Job) -> Measure:
    """Make what is named, unless it is there: bundles in fp32 and fp16, engines, and what to expect."""

    def measure(size: str) -> tuple[Prepared, list[float]]:
        start = time.perf_counter()
        detail, works = PREPARATIONS[size](Path(job.folder), job)
        return Prepared(seconds=time.perf_counter() - start, detail=detail, works=works), []

    return measure


def make_random(folder: Path, job: Job) -> tuple[str, list[Work]]:
    """Make networks with random weights: checkpoints, graphs, and what fp32 makes of every size on the CPU."""
    import torch

    from ...export.pipeline import Target, export_detector, export_recognizer
    from ..flops import gflop_of
    from ..networks import CHARSET, random_craft, random_recognizer

    target, width = Target(folder / "random"), job.scale.width
    if not (folder / "recognizer.pt").exists():
        torch.save(random_craft(width).state_dict(), folder / "detector.pt")
        export_detector(folder / "detector.pt", target)
        torch.save(random_recognizer(width).state_dict(), folder / "new.pt")
        export_recognizer(folder / "new.pt", target, charset=CHARSET)
        (folder / "new.pt").replace(folder / "recognizer.pt")
    add_halves(target.bundle)
    works, bundle = [], Bundle.open(target.bundle)
    for section in (section for section in sections(job.scale) if section.bundle == "random"):
        kind, run = kind_of(section.name), runner(msgspec.structs.replace(job, section=section.name))
        for size in section.sizes:
            if not (path := expected_file(folder, kind, size)).exists():
                np.savez(path, **cast("dict[str, Any]", run(size)()))
            works.append(Work(section=section.name, size=size, gflop=gflop_of(bundle, kind, shape_of(size))))
    return f"networks with random weights, width {width:g}, from PyTorch to ONNX, parity checked", works


def add_halves(root: Path) -> list[str]:
    """Add fp16 graphs that no gate has judged, where there are none; return the kinds that they were added to."""
    from ...export.onnx_file import save
    from ...export.precision.folding import folded
    from ...export.precision.half import halve
    from ...export.precision.quantization import with_file

    added: list[str] = []
    for kind in KINDS:
        bundle = Bundle.open(root.absolute())
        if "fp16" not in getattr(bundle.manifest, kind).files:
            path = root / f"{kind}.fp16.onnx"
            save(halve(folded(bundle.file(kind))), path)
            write_bundle(root, with_file(bundle, kind, "fp16", path))
            added.append(kind)
    return added


def make_shipped(folder: Path, job: Job) -> tuple[str, list[Work]]:
    """Copy the bundle, add all that GPUs need, and keep what fp32 reads in the frames on the CPU."""
    from ...export.canary import write_canary
    from ...runtime.detector import Detector
    from ..flops import gflop_of_frames

    root, source = folder / "shipped", Bundle.open(job.bundle)
    if not (root / MANIFEST_NAME).exists():
        shutil.copytree(source.root, root.with_name("shipped.new"), dirs_exist_ok=True)
        root.with_name("shipped.new").replace(root)
    added = add_halves(root)
    if source.manifest.canary is None:
        write_canary(root)
    bundle, pictures = Bundle.open(root.absolute()), camera_frames()
    reader = Reader(bundle, backend="cpu", precision="fp32")
    (root / READINGS).write_bytes(msgspec.json.encode([texts_of(reader.read(frame)) for frame in pictures]))
    ungated = f"; fp16 made here, not gated: {', '.join(added)}" if added else ""
    gflop = sum(gflop_of_frames(bundle, Detector(bundle, "cpu", "fp32"), pictures).values())
    return f"{source.manifest.name}{ungated}", [Work(section="frames", size=ONE_BY_ONE, gflop=gflop)]


def make_engines(name: str, folder: Path, job: Job) -> tuple[str, list[Work]]:
    """Build the engines of one flavour and precision, for this machine's GPU."""
    from ...export.engines.engine import build_engine

    bundle, contender, lines = Bundle.open(folder.absolute() / name), job.contender, list[str]()
    there = {(engine.kind, engine.flavour, engine.precision) for engine in bundle.manifest.engines}
    canvases = (job.scale.canvas_hw, *job.scale.canvases_hw) if name == "random" else ()
    flavour = cast("Literal['tensorrt', 'tensorrt-rtx']", contender.runner)
    for kind in KINDS:
        if (kind, flavour, contender.precision) not in there:
            build_engine(bundle, kind, flavour, contender.precision, canvases_hw=canvases, say=lines.append)
    return "; ".join(lines) or "engines were there", []


PREPARATIONS: dict[str, Callable[[Path, Job], tuple[str, list[Work]]]] = {
    "random": make_random,
    "shipped": make_shipped,
    "engines random": partial(make_engines, "random"),
    "engines shipped": partial(make_engines, "shipped"),
}
SECTIONS: dict[str, Callable[[Job], Measure]] = {
    PREPARE: prepare,
    "ceiling": ceiling,
    "detector": speeds,
    "recognizer": speeds,
    "frames": frames,
    "memory": memory,
    "verify": verified,
    "canvases": speeds,
    "batches": speeds,
}
