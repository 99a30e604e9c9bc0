"""A bundle's networks in fewer bits: calibrate, quantise, pass the gate, and only then enter the bundle."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from msgspec.structs import replace

from ...runtime.bundles.bundle import Bundle, file_sha256
from ...runtime.bundles.manifest import FileEntry, Kind, Quantized, RecognizerSpec
from ...runtime.detector import ENLARGE
from ...runtime.errors import ExportError
from ...runtime.geometry.canvases import fitted, plan_fit
from ...runtime.geometry.crops import fill_crop, plan_cut
from ..onnx_file import check_contract
from ..parity import versions
from ..pipeline import Say
from ..staging import commit, staged, writing
from ..storage import restore_from_half, store_in_half
from .bisection import keep_until
from .folding import fold
from .gate import Verdict, crop_places, detector_gate, recognizer_gate
from .pictures import Found, Picture, Pictures
from .ranges import Arrays, session_of
from .recipes import recipe
from .speed import CROPS, Spec, Timed, default_canvas, graph_runner, network_runner, take_turns

if TYPE_CHECKING:
    import onnx

INT8 = "int8"
CALIBRATION_SIDE_PX = 640
"""Longest side of the canvases that a detector is calibrated on: larger ones have the same ranges, and need memory."""
FEW = 4
"""Pictures that tell whether numbers fit float16, which holds thousands of times what networks have."""
PROBES = 2
"""Inputs on which the bisection compares with fp32."""
FASTER = 1.05
"""From this ratio on, int8 is what the runtime runs on `cpu` unless told otherwise."""
GPUS = ("cuda", "tensorrt-ep", "tensorrt", "tensorrt-rtx")
"""Backends that run fp16 unless told otherwise, where a bundle has it."""


@dataclass(frozen=True)
class Outcome:
    """One network in fewer bits, or the attempt."""

    kind: Kind
    """Which network."""
    precision: str
    """"int8", "fp16" or "int8-trt"."""
    path: Path | None
    """The file in the bundle; None when the gate was not passed."""
    verdict: Verdict
    """What the gate said last."""
    layers: int
    """Layers that were to have fewer bits: for int8 convolutions only, on CPUs those that kernels are fast with."""
    kept_fp32: tuple[str, ...]
    """Those of them that stayed in fp32, because fewer bits break them."""
    pinned: tuple[str, ...]
    """Layers that stayed in fp32 unseen by the gate: asked for, or float16 cannot hold their numbers."""
    timed: Mapping[str, Timed]
    """"fp32", "int8" and, if asked for, "PyTorch", in one run; empty when the gate was not passed, or for a GPU."""
    speed_on: str | None
    """What was timed; None = nothing."""

    @property
    def ratio(self) -> float | None:
        """Time of fp32 over time of int8; None when they were not timed."""
        return self.timed["fp32"].median_ms / self.timed[INT8].median_ms if self.timed else None

    @property
    def preferred(self) -> dict[str, str]:
        """Backend -> the precision that it now runs unless told otherwise; without those that this says nothing of."""
        if self.path is None or self.precision == "int8-trt":
            return {}
        if self.precision == "fp16":
            return dict.fromkeys(GPUS, "fp16")
        return {"cpu": INT8 if (self.ratio or 0) >= FASTER else "fp32"}


def quantize_model(
    bundle: Bundle,
    kind: Kind,
    pictures: Pictures,
    *,
    precision: str = INT8,
    keep: Collection[str] = frozenset(),
    canvas_hw: tuple[int, int] | None = None,
    checkpoint: Path | None = None,
    say: Say = print,
) -> Outcome:
    """Add a network in fewer bits to a bundle that has it in fp32, if it passes the gate.

    The gate judges what the graph gives where it is meant for: float16 is rehearsed (`rounding`), as ONNX Runtime
    on a CPU would hide its overflows.

    Args:
        bundle: where it is, and where it goes to.
        kind: which network.
        pictures: to calibrate on and to judge by.
        precision: "int8" for CPUs, "fp16" for GPUs, "int8-trt" for TensorRT.
        keep: names of layers that stay fp32 whatever the gate says.
        canvas_hw: what a detector is timed on, pixels; None = the canvas of a 16:9 photo. Only int8 is timed.
        checkpoint: a PyTorch checkpoint of the network, to be timed too; None = none.
        say: takes a line of progress.

    Raises:
        BundleError, CheckpointError, ImageError, ExportError: the bundle is as it was.
    """
    model = folded(bundle.file(kind))
    calibration = pictures.calibration[: FEW if precision == "fp16" else None]
    say(f"{kind}: calibrating on {len(calibration)} pictures")
    plan = recipe(precision, model, inputs_of(bundle, kind, calibration, pictures.found), keep)
    for name in plan.pinned:
        say(f"{kind}: {name} stays in fp32")
    say(f"{kind}: what fp32 makes of up to {len(pictures.validation)} other pictures")
    gate = (detector_gate if kind == "detector" else recognizer_gate)(bundle, pictures, precision)
    verdicts: list[Verdict] = []
    with staged(bundle.root) as folder:
        path = folder / f"{kind}.{precision}.onnx"

        def passes(chosen: list[str]) -> bool:
            write(plan.rehearse(plan.make(chosen)), path)
            verdicts.append(gate(Bundle(folder, with_file(bundle, kind, precision, path))))
            say(f"{kind}: {len(chosen)} of {len(plan.layers)} layers in {precision}: {verdicts[-1]}")
            return verdicts[-1].passed

        probes = list(islice(inputs_of(bundle, kind, calibration, pictures.found), PROBES))
        kept = keep_until(plan.layers, passes, Damage(model, probes, lambda chosen: plan.rehearse(plan.make(chosen))))
        names = tuple(name for name in plan.layers if name in (kept or ()))
        outcome = Outcome(kind, precision, None, verdicts[-1], len(plan.layers), names, tuple(plan.pinned), {}, None)
        if kept is None:
            return outcome
        write(plan.make([name for name in plan.layers if name not in kept]), path)
        check_contract(path, kind)
        if precision == INT8:
            say(f"{kind}: timing")
            outcome = dataclasses.replace(outcome, **timing(bundle, kind, path, canvas_hw, checkpoint))
        outcome = dataclasses.replace(outcome, path=bundle.root / path.name)
        enter(bundle, path, outcome, len(calibration), labelled=pictures.labelled)
    return outcome


def timing(
    bundle: Bundle, kind: Kind, path: Path, canvas_hw: tuple[int, int] | None, checkpoint: Path | None
) -> dict[str, Any]:
    """Time an int8 file in turns with fp32, and with PyTorch if there is a checkpoint: figures, and of what."""
    spec: Spec = getattr(bundle.manifest, kind)
    canvas_hw = canvas_hw if canvas_hw and kind == "detector" else default_canvas(spec)
    contenders = {
        "fp32": graph_runner(bundle.file(kind), spec, canvas_hw),
        INT8: graph_runner(path, spec, canvas_hw),
    }
    if checkpoint is not None:
        contenders["PyTorch"] = network_runner(checkpoint, spec, canvas_hw)
    return {"timed": take_turns(contenders), "speed_on": timed_on(spec, canvas_hw)}


class Damage:
    """How far off the outputs are when only some layers have fewer bits: mean absolute difference to fp32."""

    def __init__(
        self, model: onnx.ModelProto, probes: Sequence[Arrays], make: Callable[[list[str]], onnx.ModelProto]
    ) -> None:
        self.model, self.probes, self.make = model, probes, make
        self.expected: list[list[Any]] = []

    def __call__(self, chosen: list[str]) -> float:
        """With these layers in fewer bits, and only these; infinite when a number is not finite."""
        if not self.expected:
            self.expected = [scores(session_of(self.model)(each)) for each in self.probes]
        run = session_of(self.make(chosen))
        pairs = (
            zip(expected, scores(run(each)), strict=True)
            for expected, each in zip(self.expected, self.probes, strict=True)
        )
        total = float(sum(np.abs(one - other).mean() for pair in pairs for one, other in pair))
        return total if np.isfinite(total) else np.inf


def scores(outputs: Sequence[Any]) -> list[Any]:
    """Maps as they are, logarithms of probabilities as probabilities, and no symbols."""
    numbers = [each for each in outputs if each.dtype == np.float32]
    return numbers if len(numbers) > 1 else [np.exp(numbers[0])]


def folded(path: Path) -> onnx.ModelProto:
    """The graph in a file, ready to be quantised."""
    import onnx

    model = onnx.load(str(path))
    restore_from_half(model)
    fold(model)
    return model


def write(model: onnx.ModelProto, path: Path) -> None:
    """Write a graph as one file; see `store_in_half`, in place."""
    import onnx

    store_in_half(model)
    with writing(path):
        onnx.save(model, str(path))


def inputs_of(bundle: Bundle, kind: Kind, pictures: Sequence[Picture], found: Found | None = None) -> Iterator[Arrays]:
    """What the runtime would feed the network from these pictures: a canvas, or a picture's crops of one width.

    `found`: see `crop_places`.
    """
    if kind == "detector":
        side_px = min(CALIBRATION_SIDE_PX, bundle.detector.long_side_px)
        for picture in pictures:
            frame = picture.read()
            plain = bundle.detector.as_easyocr
            plan = plan_fit(*frame.shape[:2], long_side_px=side_px, enlarge=ENLARGE, plain=plain)
            yield from ({"image": canvas[None]} for canvas in fitted(frame, plan))
        return
    spec = bundle.recognizer
    allowed = np.zeros(spec.classes, np.float32)
    for picture, quads in zip(pictures, crop_places(bundle, pictures, found), strict=True):
        if not len(quads):
            continue
        frame = picture.read()
        cuts = [plan_cut(spec, frame, quad, spec.margin) for quad in quads]
        for width in sorted({cut.width for cut in cuts}):
            members = [cut for cut in cuts if cut.width == width]
            crops = np.zeros((len(members), spec.image_hw[0], width, spec.channels), np.uint8)
            for cut, crop in zip(members, crops, strict=True):
                fill_crop(spec, cut, crop)
            yield {"crops": crops, "allowed": allowed}


def with_file(bundle: Bundle, kind: Kind, precision: str, path: Path, **changes: Any) -> Any:
    """The bundle's manifest with a file of some precision for one network, and other changes of its entry."""
    spec: Spec = getattr(bundle.manifest, kind)
    entry = FileEntry(path=path.name, sha256=file_sha256(path), bytes=path.stat().st_size)
    return replace(bundle.manifest, **{kind: replace(spec, files={**spec.files, precision: entry}, **changes)})


def enter(bundle: Bundle, path: Path, outcome: Outcome, calibrated_on: int, *, labelled: bool) -> None:
    """Move a file that passed into its bundle, as that is now, with what the gate found."""
    before, bundle = bundle, Bundle.open(bundle.root)
    spec: Spec = getattr(bundle.manifest, outcome.kind)
    if getattr(before.manifest, outcome.kind).files["fp32"] != spec.files["fp32"]:
        raise ExportError(f"{bundle.root}: expected the fp32 graph that was quantised, got another since; do it again")
    verdict = outcome.verdict
    quantized = Quantized(
        calibrated_on=calibrated_on,
        validated_on=verdict.pictures,
        labelled=labelled,
        strings=verdict.strings,
        strings_equal=verdict.strings_equal,
        regions=verdict.regions,
        hmean_loss=verdict.hmean_loss,
        kept_fp32=[*outcome.pinned, *outcome.kept_fp32],
        speed_ratio=outcome.ratio,
        speed_on=outcome.speed_on,
        versions=versions("onnx", "onnxruntime"),
    )
    manifest = with_file(
        bundle,
        outcome.kind,
        outcome.precision,
        path,
        quantized={**spec.quantized, outcome.precision: quantized},
        preferred={**spec.preferred, **outcome.preferred},
    )
    commit(bundle.root, manifest, [path])


def timed_on(spec: Spec, canvas_hw: tuple[int, int]) -> str:
    """In words, for example "384x640, 2 processors"."""
    import os

    what = f"{CROPS} crops of " if isinstance(spec, RecognizerSpec) else ""
    return f"{what}{canvas_hw[0]}x{canvas_hw[1]}, {os.cpu_count()} processors"
