"""What the networks ask of the processor for a photo, and how long that takes at least."""

from __future__ import annotations

from collections.abc import Sequence

from ...runtime.bundles.bundle import Bundle
from ...runtime.bundles.manifest import Kind
from ...runtime.detector import Detector
from ...runtime.geometry.images import Frame
from ..flops import gflop_of_frames
from .figures import Work
from .peak import KERNELS, peak_gops

KINDS: tuple[Kind, ...] = ("detector", "recognizer")


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
    gop = gflop_of_frames(bundle, detector, frames)
    seconds = sum(gop[kind] / peak_gops(precisions[kind], threads) for kind in gop)
    total = sum(gop.values())
    return Work(gop_per_frame=total, peak_gops=total / seconds, limit_ms=1000 * seconds)
