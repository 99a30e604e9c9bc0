"""A bundle's networks in int8 for CPUs: calibrate, quantise, pass the gate, time, and only then enter the bundle."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from msgspec.structs import replace

from ..models.charsets import num_classes
from ..runtime.bundle import Bundle, file_sha256, write_bundle
from ..runtime.detector import ENLARGE
from ..runtime.errors import ExportError
from ..runtime.images import cut_quad, fit, plan_fit
from ..runtime.manifest import FileEntry, Kind, Quantized, RecognizerSpec
from .bisection import keep_until
from .folding import Graph, fold
from .gate import Verdict, crop_places, detector_gate, recognizer_gate
from .onnx_file import check_contract
from .pictures import Picture, Pictures
from .pipeline import Say, staged
from .qdq import Layer, layers, quantize, tensors
from .ranges import Arrays, measure_ranges, session_of
from .speed import CROPS, Spec, Timed, default_canvas, graph_runner, network_runner, take_turns

if TYPE_CHECKING:
    import onnx

INT8 = "int8"
CALIBRATION_SIDE_PX = 640
"""Longest side of the canvases that a detector is calibrated on: larger ones have the same ranges, and need memory."""
PROBES = 2
"""Inputs on which the bisection compares int8 with fp32."""
FASTER = 1.05
"""From this ratio on, int8 is what the runtime runs unless told otherwise."""


@dataclass(frozen=True)
class Outcome:
    """One network in int8, or the attempt."""

    kind: Kind
    """Which network."""
    path: Path | None
    """The file in the bundle; None when the gate was not passed."""
    verdict: Verdict
    """What the gate said last."""
    layers: int
    """Convolutions that were to be int8; the others have channels that int8 kernels are slow with."""
    kept_fp32: tuple[str, ...]
    """Those of them that stayed in fp32, because int8 breaks them."""
    timed: Mapping[str, Timed]
    """"fp32", "int8" and, if asked for, "PyTorch", in one run; empty when the gate was not passed."""
    speed_on: str
    """What was timed."""

    @property
    def ratio(self) -> float:
        """Time of fp32 over time of int8."""
        return self.timed["fp32"].median_ms / self.timed[INT8].median_ms

    @property
    def preferred(self) -> bool:
        """Whether the runtime now runs int8 unless told otherwise."""
        return self.path is not None and self.ratio >= FASTER


def quantize_model(
    bundle: Bundle,
    kind: Kind,
    pictures: Pictures,
    *,
    canvas_hw: tuple[int, int] | None = None,
    checkpoint: Path | None = None,
    say: Say = print,
) -> Outcome:
    """Add a network in int8 to a bundle that has it in fp32, if it passes the gate.

    Args:
        bundle: where it is, and where it goes to.
        kind: which network.
        pictures: to calibrate on and to judge by.
        canvas_hw: what a detector is timed on, pixels; None = the canvas of a 16:9 photo.
        checkpoint: a PyTorch checkpoint of the network, to be timed too; None = none.
        say: takes a line of progress.

    Raises:
        BundleError, CheckpointError, ImageError, ExportError: the bundle is as it was.
    """
    spec: Spec = bundle.detector if kind == "detector" else bundle.recognizer
    model = folded(bundle.file(kind))
    found = layers(Graph(model))
    if not found:
        raise ExportError(f"{kind}: expected convolutions that int8 makes faster, got none; leave it in fp32")
    say(f"{kind}: calibrating on {len(pictures.calibration)} pictures")
    ranges = measure_ranges(model, tensors(found), inputs_of(bundle, kind, pictures.calibration))
    say(f"{kind}: what fp32 makes of {len(pictures.validation)} other pictures")
    gate = (detector_gate if kind == "detector" else recognizer_gate)(bundle, pictures)
    verdicts: list[Verdict] = []
    with staged(bundle.root) as folder:
        path = folder / f"{kind}.{INT8}.onnx"

        def passes(chosen: list[Layer]) -> bool:
            write(quantize(model, chosen, ranges), path)
            verdicts.append(gate(Bundle(folder, with_file(bundle, kind, path))))
            say(f"{kind}: {len(chosen)} of {len(found)} layers in int8: {verdicts[-1]}")
            return verdicts[-1].passed

        probes = list(islice(inputs_of(bundle, kind, pictures.calibration), PROBES))
        kept = keep_until(found, passes, Damage(model, probes, lambda chosen: quantize(model, chosen, ranges)))
        names = tuple(layer.name for layer in found if layer in (kept or ()))
        canvas_hw = canvas_hw if canvas_hw and kind == "detector" else default_canvas(spec)
        if kept is None:
            return Outcome(kind, None, verdicts[-1], len(found), names, {}, "")
        check_contract(path, kind)
        say(f"{kind}: timing")
        contenders = {
            "fp32": graph_runner(bundle.file(kind), spec, canvas_hw),
            INT8: graph_runner(path, spec, canvas_hw),
        }
        if checkpoint is not None:
            contenders["PyTorch"] = network_runner(checkpoint, spec, canvas_hw)
        timed, what = take_turns(contenders), timed_on(spec, canvas_hw)
        outcome = Outcome(kind, bundle.root / path.name, verdicts[-1], len(found), names, timed, what)
        enter(bundle, path, outcome, pictures)
    return outcome


class Damage:
    """How far off the outputs are when only some layers are int8: mean absolute difference to fp32."""

    def __init__(
        self, model: onnx.ModelProto, probes: Sequence[Arrays], make: Callable[[list[Layer]], onnx.ModelProto]
    ) -> None:
        self.model, self.probes, self.make = model, probes, make
        self.expected: list[list[Any]] = []

    def __call__(self, chosen: list[Layer]) -> float:
        """With these layers in int8, and only these."""
        if not self.expected:
            self.expected = [scores(session_of(self.model)(each)) for each in self.probes]
        run = session_of(self.make(chosen))
        pairs = (
            zip(expected, scores(run(each)), strict=True)
            for expected, each in zip(self.expected, self.probes, strict=True)
        )
        return float(sum(np.abs(one - other).mean() for pair in pairs for one, other in pair))


def scores(outputs: Sequence[Any]) -> list[Any]:
    """Maps as they are, logarithms of probabilities as probabilities, and no symbols."""
    numbers = [each for each in outputs if each.dtype == np.float32]
    return numbers if len(numbers) > 1 else [np.exp(numbers[0])]


def folded(path: Path) -> onnx.ModelProto:
    """The graph in a file, ready to be quantised."""
    import onnx

    model = onnx.load(str(path))
    fold(model)
    return model


def write(model: onnx.ModelProto, path: Path) -> None:
    """Write a graph as one file."""
    import onnx

    onnx.save(model, str(path))


def inputs_of(bundle: Bundle, kind: Kind, pictures: Sequence[Picture]) -> Iterator[Arrays]:
    """What the runtime would feed the network from these pictures, one canvas or the crops of one picture at a time."""
    if kind == "detector":
        side_px = min(CALIBRATION_SIDE_PX, bundle.detector.long_side_px)
        for picture in pictures:
            frame = picture.read()
            plan = plan_fit(*frame.shape[:2], long_side_px=side_px, enlarge=ENLARGE)
            canvas = np.zeros((1, *plan.canvas_hw, 3), np.uint8)
            fit(frame, plan, canvas[0])
            yield {"image": canvas}
        return
    spec = bundle.recognizer
    allowed = np.zeros(num_classes(spec.charset, spec.stages.split("-")[3]), np.float32)
    for picture, quads in zip(pictures, crop_places(bundle, pictures), strict=True):
        if len(quads):
            crops = np.zeros((len(quads), *spec.image_hw, spec.channels), np.uint8)
            frame = picture.read()
            for crop, quad in zip(crops, quads, strict=True):
                cut_quad(frame, quad, crop, keep_ratio=spec.keep_ratio, stretch=spec.stretch)
            yield {"crops": crops, "allowed": allowed}


def with_file(bundle: Bundle, kind: Kind, path: Path, **changes: Any) -> Any:
    """The bundle's manifest with an int8 file for one network, and other changes of its entry."""
    spec: Spec = getattr(bundle.manifest, kind)
    entry = FileEntry(path=path.name, sha256=file_sha256(path), bytes=path.stat().st_size)
    return replace(bundle.manifest, **{kind: replace(spec, files={**spec.files, INT8: entry}, **changes)})


def enter(bundle: Bundle, path: Path, outcome: Outcome, pictures: Pictures) -> None:
    """Move an int8 file that passed into its bundle, with what the gate found."""
    spec: Spec = getattr(bundle.manifest, outcome.kind)
    verdict = outcome.verdict
    quantized = Quantized(
        calibrated_on=len(pictures.calibration),
        validated_on=len(pictures.validation),
        labelled=pictures.labelled,
        strings=verdict.strings,
        strings_equal=verdict.strings_equal,
        regions=verdict.regions,
        hmean_loss=verdict.hmean_loss,
        kept_fp32=list(outcome.kept_fp32),
        speed_ratio=outcome.ratio,
        speed_on=outcome.speed_on,
        versions={name: version(name) for name in ("onnx", "onnxruntime")},
    )
    manifest = with_file(
        bundle,
        outcome.kind,
        path,
        quantized={**spec.quantized, INT8: quantized},
        preferred={**spec.preferred, "cpu": INT8 if outcome.preferred else "fp32"},
    )
    path.replace(bundle.root / path.name)
    write_bundle(bundle.root, manifest)


def timed_on(spec: Spec, canvas_hw: tuple[int, int]) -> str:
    """In words, for example "384x640, 2 processors"."""
    import os

    what = f"{CROPS} crops of " if isinstance(spec, RecognizerSpec) else ""
    return f"{what}{canvas_hw[0]}x{canvas_hw[1]}, {os.cpu_count()} processors"
