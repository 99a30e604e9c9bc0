"""A bundle's networks in fewer bits: calibrate, quantise, pass the gate, and only then enter the bundle."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from msgspec.structs import replace
from numpy.typing import NDArray

from ...runtime.bundles.bundle import Bundle
from ...runtime.bundles.manifest import Kind, Quantized, RecognizerSpec
from ...runtime.errors import ExportError
from ..onnx_file import Arrays, check_contract, save, session_of
from ..parity import versions
from ..pipeline import Say
from ..search import keep_until
from ..staging import commit, entry_of, staged
from .folding import folded
from .gate import Verdict, open_gate
from .pictures import Pictures, inputs_of
from .recipes import recipe
from .speed import CROPS, Spec, Timed, default_canvas, graph_runner, network_runner, take_turns

if TYPE_CHECKING:
    import onnx

INT8 = "int8"
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
        """Return the time of fp32 over the time of int8; None when they were not timed."""
        return self.timed["fp32"].median_ms / self.timed[INT8].median_ms if self.timed else None

    @property
    def preferred(self) -> dict[str, str]:
        """Return backend -> the precision that it now runs unless told otherwise, for backends that this says it of."""
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

    The gate judges what the graph gives where it is meant for: float16 is rehearsed (`half`), as ONNX Runtime
    on a CPU would hide its overflows.

    Args:
        precision: "int8" for CPUs, "fp16" for GPUs, "int8-trt" for TensorRT.
        keep: names of layers that stay fp32 whatever the gate says.
        canvas_hw: what a detector is timed on, pixels; None = the canvas of a 16:9 photo. Only int8 is timed.
        checkpoint: a PyTorch checkpoint of the network, to be timed too; None = none.

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
    gate = open_gate(bundle, kind, pictures, precision)
    verdicts: list[Verdict] = []
    with staged(bundle.root) as folder:
        path = folder / f"{kind}.{precision}.onnx"

        def passes(chosen: list[str]) -> bool:
            save(plan.rehearse(plan.make(chosen)), path)
            verdicts.append(gate(Bundle(folder, with_file(bundle, kind, precision, path))))
            say(f"{kind}: {len(chosen)} of {len(plan.layers)} layers in {precision}: {verdicts[-1]}")
            return verdicts[-1].passed

        probes = list(islice(inputs_of(bundle, kind, calibration, pictures.found), PROBES))
        kept = keep_until(plan.layers, passes, Damage(model, probes, lambda chosen: plan.rehearse(plan.make(chosen))))
        names = tuple(name for name in plan.layers if name in (kept or ()))
        outcome = Outcome(kind, precision, None, verdicts[-1], len(plan.layers), names, tuple(plan.pinned), {}, None)
        if kept is None:
            return outcome
        save(plan.make([name for name in plan.layers if name not in kept]), path)
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
    """Time an int8 file in turns with fp32, and with PyTorch if there is a checkpoint; return figures, and of what."""
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
        self.expected: list[list[NDArray[Any]]] = []

    def __call__(self, chosen: list[str]) -> float:
        """Return it with these layers in fewer bits, and only these; infinite when a number is not finite."""
        self.expected = self.expected or self.scores(self.model)
        outputs = zip(self.expected, self.scores(self.make(chosen)), strict=True)
        total = float(sum(np.abs(one - other).mean() for pair in outputs for one, other in zip(*pair, strict=True)))
        return total if np.isfinite(total) else np.inf

    def scores(self, model: onnx.ModelProto) -> list[list[NDArray[Any]]]:
        """Return a graph's outputs for each probe: maps as they are, logarithms of probabilities as probabilities."""
        run = session_of(model)
        outputs = [[array for array in run(probe).values() if array.dtype == np.float32] for probe in self.probes]
        return [arrays if len(arrays) > 1 else [np.exp(arrays[0])] for arrays in outputs]


def with_file(bundle: Bundle, kind: Kind, precision: str, path: Path, **changes: Any) -> Any:
    """Return the bundle's manifest with a file of some precision for one network, and other changes of its entry."""
    spec: Spec = getattr(bundle.manifest, kind)
    files = {**spec.files, precision: entry_of(path)}
    return replace(bundle.manifest, **{kind: replace(spec, files=files, **changes)})


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
    """Return what was timed in words, for example "384x640, 2 processors"."""
    what = f"{CROPS} crops of " if isinstance(spec, RecognizerSpec) else ""
    return f"{what}{canvas_hw[0]}x{canvas_hw[1]}, {os.cpu_count()} processors"
