"""What the networks ask of the processor for a photo, and how long that takes at least."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from ...runtime.bundle import Bundle
from ...runtime.detector import ENLARGE, Detector
from ...runtime.images import Frame, plan_fit
from ...runtime.manifest import Kind
from ..flops import gflop
from .figures import Work
from .peak import KERNELS, peak_gops

KINDS: tuple[Kind, ...] = ("detector", "recognizer")
PHOTOS = 8
"""So many photos, evenly taken, tell how many crops one has."""


def work_of(
    bundle: Bundle, precision: str | None, frames: Sequence[Frame], *, threads: int = 0, canvas_px: int | None = None
) -> Work | None:
    """The networks' operations for the photos' mean canvases and number of crops, and this processor's peak.

    Args:
        bundle: a detector and a recogniser.
        precision: "fp32" or "int8"; None = as the bundle prefers on `cpu`, which may be one for each network.
        frames: one photo or more, (H, W, 3) uint8 BGR.
        threads: 0 = as many as there are cores.
        canvas_px: longest side of what the detector sees; None = as the bundle says.

    Returns:
        The work; where precisions differ, `peak_gops` is their mean for this work. None for a precision that
        processors have no kernels of.

    Raises:
        BundleError: the bundle lacks a network or its file.
        BackendUnavailable: onnx or ONNX Runtime is not installed.
    """
    precisions = {kind: precision or bundle.precision(kind) for kind in KINDS}
    if not KERNELS.keys() >= set(precisions.values()):
        return None
    detector = Detector(bundle, "cpu", precision, canvas_px, threads or None)
    step = -(-len(frames) // PHOTOS)
    crops = [len(detector.detect(frame)) for frame in frames[::step]]
    gop: dict[Kind, float] = {
        "detector": detector_gop(bundle, frames, detector.long_side_px),
        "recognizer": sum(crops) / len(crops) * crop_gop(bundle),
    }
    seconds = sum(gop[kind] / peak_gops(precisions[kind], threads) for kind in gop)
    total = sum(gop.values())
    return Work(gop_per_frame=total, peak_gops=total / seconds, limit_ms=1000 * seconds)


def detector_gop(bundle: Bundle, frames: Sequence[Frame], long_side_px: int) -> float:
    """Billions of operations of the detector for a photo, all its canvases together, on average."""
    sides = [side for side in (long_side_px, bundle.detector.coarse_side_px) if side]
    canvases = Counter(
        plan_fit(*frame.shape[:2], long_side_px=side, enlarge=ENLARGE).canvas_hw for frame in frames for side in sides
    )
    file = bundle.file("detector")
    one = {hw: gflop(file, {"image": (1, *hw, 3)}) for hw in canvases}
    return sum(one[hw] * count for hw, count in canvases.items()) / len(frames)


def crop_gop(bundle: Bundle) -> float:
    """Billions of operations of the recogniser for a crop."""
    spec = bundle.recognizer
    shapes = {"crops": (1, *spec.image_hw, spec.channels), "allowed": (spec.classes,)}
    return gflop(bundle.file("recognizer"), shapes)
