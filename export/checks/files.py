"""Is a bundle what it says it is? Checksums, contracts, batches, masks, and recorded parity or gate."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...runtime.bundles.bundle import Bundle
from ...runtime.bundles.manifest import DetectorSpec, Kind, Parity, Quantized, RecognizerSpec
from ...runtime.errors import CheckpointError, EdgeReaderError, ExportError, ImageError
from ..networks import kinds_in, load_craft, load_recognizer, load_refiner
from ..onnx_file import Arrays, check_contract, session_of
from ..parity import FORBIDDEN, check_parity, detector_cases, random_images, recognizer_cases, spread
from ..precision.gate import HMEAN_LOSS, STRINGS_EQUAL
from ..staging import models_of

Spec = DetectorSpec | RecognizerSpec

ROW_TOLERANCE = 1e-4
"""Allowed difference between an image alone and in a batch, relative to the largest magnitude."""
ROUGH_ROW_TOLERANCE = 0.02
"""The same in float16, where the last digit of a sum may round either way, and the next layers make more of it."""


@dataclass(frozen=True)
class Check:
    """The outcome of one check of one file."""

    subject: str
    """Model and precision, for example "detector fp32"."""
    name: str
    """What was checked."""
    passed: bool
    """Whether it holds."""
    detail: str
    """A figure, or the reason for the failure."""


def verify_bundle(bundle: Bundle, checkpoints: tuple[Path, ...] = ()) -> Iterator[Check]:
    """Yield all checks of all models of a bundle, one by one as they are done.

    `checkpoints`: what the bundle was exported from, in any order; then parity is measured again.
    """
    loaders = networks_of(checkpoints)
    for kind in models_of(bundle.manifest):
        for precision in getattr(bundle.manifest, kind).files:
            yield from verify_file(bundle, kind, precision, loaders)


def verify_file(bundle: Bundle, kind: Kind, precision: str, loaders: dict[str, Path]) -> Iterator[Check]:
    """Yield the checks of one file; the first failure that makes the others pointless ends them."""
    spec: Any = getattr(bundle.manifest, kind)
    subject = f"{kind} {precision}"
    try:
        path = bundle.file(kind, precision)
        yield Check(subject, "checksum", passed=True, detail=spec.files[precision].sha256[:12])
        yield Check(subject, "contract", passed=True, detail=f"opset {check_contract(path, kind)}, self-contained")
    except EdgeReaderError as exc:
        yield Check(subject, "file", passed=False, detail=str(exc))
        return
    checks: dict[str, Callable[[], str]] = {
        "recorded parity": lambda: recorded(spec.parity.get(precision)),
        "batches": lambda: batches(path, spec, precision),
    }
    if precision != "fp32":
        del checks["recorded parity"]
        checks["recorded gate"] = lambda: gated(spec.quantized.get(precision))
    if isinstance(spec, RecognizerSpec):
        checks["mask"] = lambda: mask(path, spec, precision)
    if loaders and precision == "fp32":
        checks["parity with the checkpoint"] = lambda: measured(path, spec, loaders)
    for name, check in checks.items():
        yield attempt(subject, name, check)


def attempt(subject: str, name: str, check: Callable[[], str]) -> Check:
    """Return a check that passed, or that says why not."""
    try:
        return Check(subject, name, passed=True, detail=check())
    except ImageError:
        raise
    except EdgeReaderError as exc:
        return Check(subject, name, passed=False, detail=str(exc))


def recorded(parity: Parity | None) -> str:
    """Return the parity that export wrote down. Raise ExportError where it is none, or failed."""
    if parity is None:
        raise ExportError("expected a parity report, got none; export the model again")
    if parity.worst > parity.tolerance or parity.symbols_equal is False:
        raise ExportError(f"expected at most {parity.tolerance:g} and equal symbols, got {parity.worst:.2g}")
    return f"{parity.worst:.1e} of {parity.tolerance:g}, {parity.cases} inputs"


def gated(quantized: Quantized | None) -> str:
    """Return what the gate of fewer bits wrote down. Raise ExportError where it is nothing, or failed."""
    if quantized is None:
        raise ExportError("expected the gate's figures, got none; run `edgereader quantize` again")
    equal, loss = quantized.strings_equal, quantized.hmean_loss
    if (equal is not None and equal < STRINGS_EQUAL) or (loss is not None and loss > HMEAN_LOSS):
        raise ExportError(
            f"expected {STRINGS_EQUAL} of the strings equal, {HMEAN_LOSS} points of H-mean lost, got {equal}, {loss}"
        )
    speed = "" if quantized.speed_ratio is None else f", {quantized.speed_ratio:.2f} times as fast"
    return f"{quantized.validated_on} pictures{speed}"


def batches(path: Path, spec: Spec, precision: str) -> str:
    """Check that rows of a batch do not depend on one another, and that different images give different outputs."""
    worst, run = 0.0, runner(path, spec, precision)
    for shape in input_shapes(spec):
        first, second = random_images((2, *shape), seed=1)
        together = run(np.stack([first, second, first]))
        alone = run(first[None])
        for name, rows in together.items():
            scale = max(float(np.abs(rows).max()), 1e-9)
            worst = max(worst, *(float(np.abs(rows[row] - alone[name][0]).max()) / scale for row in (0, 2)))
        if all(np.array_equal(rows[0], rows[1]) for rows in together.values()):
            raise ExportError("expected different outputs for different images, got the same; export the model again")
    if not worst <= (ROUGH_ROW_TOLERANCE if precision in ("fp16", "int8-trt") else ROW_TOLERANCE):
        raise ExportError(f"expected an image to read the same alone and in a batch, got {worst:.2g} apart")
    return f"alone and in a batch of 3: {worst:.1e} apart"


def mask(path: Path, spec: RecognizerSpec, precision: str) -> str:
    """Check that a forbidden symbol is never read, and that the graph has the bundle's classes and size."""
    crops, run = random_images((2, *input_shapes(spec)[0]), seed=2), runner(path, spec, precision)
    read = np.unique(run(crops)["symbols"])
    closed = np.zeros(spec.classes, np.float32)
    closed[read] = FORBIDDEN
    if len(read) == spec.classes:
        return "every symbol occurred; nothing to forbid"
    again = np.unique(run(crops, closed)["symbols"])
    if np.isin(again, read).any():
        raise ExportError("expected forbidden symbols never to be read, got some; export the model again")
    return f"{len(read)} symbols forbidden, none read"


def measured(path: Path, spec: Spec, loaders: dict[str, Path]) -> str:
    """Measure the parity with the network of the checkpoint, now."""
    if isinstance(spec, RecognizerSpec):
        path_in = needed(loaders, "recognizer")
        network = load_recognizer(path_in, spec.image_hw, spec.max_length, even_contrast=spec.even_contrast)
        parity = check_parity(path, recognizer_cases(network, spec.widths))
    else:
        craft = load_craft(needed(loaders, "CRAFT detector"))
        with_refiner = spec.architecture == "CRAFT+LinkRefiner"
        refiner = load_refiner(needed(loaders, "link refiner")) if with_refiner else None
        parity = check_parity(path, detector_cases(craft, refiner))
    return f"{parity.worst:.1e} of {parity.tolerance:g}, {parity.cases} inputs"


def networks_of(checkpoints: tuple[Path, ...]) -> dict[str, Path]:
    """Return kind of network -> its checkpoint."""
    found: dict[str, Path] = {}
    for path in checkpoints:
        kinds = kinds_in(path)
        if not kinds:
            raise CheckpointError(
                f"{path}: expected a checkpoint of a detector or a recognizer, got none; give another"
            )
        found |= dict.fromkeys(kinds, path)
    return found


def needed(loaders: dict[str, Path], kind: str) -> Path:
    """Return the checkpoint of one kind, or raise an error that says what to pass."""
    if kind not in loaders:
        raise CheckpointError(f"expected the checkpoint of the {kind}, got none; add --checkpoint FILE")
    return loaders[kind]


def input_shapes(spec: Spec) -> list[tuple[int, int, int]]:
    """Return heights, widths and channels of input images: of a recognizer at the least, middle and greatest width."""
    if not isinstance(spec, RecognizerSpec):
        return [(64, 96, 3)]
    return [(spec.image_hw[0], width, spec.channels) for width in spread(spec.crop_widths)]


def runner(path: Path, spec: Spec, precision: str) -> Callable[..., Arrays]:
    """Return the graph as a function of images, and of a recognizer's mask of symbols, with outputs by name."""
    as_written = precision == "int8-trt"  # else ONNX Runtime would give biases a float16 scale, which vanishes
    graph = session_of(path, as_written=as_written)

    def run(images: NDArray[np.uint8], allowed: NDArray[np.float32] | None = None) -> Arrays:
        inputs: Arrays = {"image": images}
        if isinstance(spec, RecognizerSpec):
            inputs = {"crops": images, "allowed": np.zeros(spec.classes, np.float32) if allowed is None else allowed}
        try:
            return graph(inputs)
        except Exception as exc:  # ONNX Runtime's errors share no public class
            raise ExportError(f"{path}: expected to run on {list(inputs)} of the bundle's sizes, got: {exc}") from exc

    return run
