"""Which shapes an engine must take: built for them by export, given to ONNX Runtime's TensorRT by the runtime."""

from collections.abc import Sequence

from ..bundles.bundle import Bundle
from ..bundles.manifest import Kind, Profile, ShapeRange
from ..geometry.canvases import plan_fit
from ..geometry.crops import MOST_CROPS

SMALLEST_CANVAS_PX = 32
USUAL_CROPS = 8
"""The batch that a recognizer's engine is fastest with: a photo seldom holds more."""
PHOTO_HW = 1080, 1920
"""A detector's engine is fastest with pictures of this shape, unless told otherwise."""


def default_profile(
    bundle: Bundle, kind: Kind, canvases_hw: Sequence[tuple[int, int]] = (), max_batch: int | None = None
) -> Profile:
    """Return the profile of a model.

    Args:
        bundle: an opened bundle that has it.
        kind: which model.
        canvases_hw: heights and widths of a detector's canvases, multiples of 32; it is fastest with the first, and
            takes all that are as small. None given = that of a 16:9 picture, and all of the bundle's long side.
        max_batch: largest batch; None = 1 for a detector, ``MOST_CROPS`` for a recognizer.

    Raises:
        BundleError: no such model.
    """
    if kind == "recognizer":
        spec, most = bundle.recognizer, max_batch or MOST_CROPS
        height, widest = spec.image_hw
        smallest = (1, height, spec.crop_widths[0], spec.channels)
        usual = (min(USUAL_CROPS, most), *spec.usual_hw, spec.channels)
        return {"crops": ShapeRange(min=smallest, opt=usual, max=(most, height, widest, spec.channels))}
    side_px, plain = bundle.detector.long_side_px, bundle.detector.as_easyocr
    usual_hw = plan_fit(*PHOTO_HW, long_side_px=side_px, enlarge=1, plain=plain).canvas_hw
    sizes = canvases_hw or (usual_hw, (side_px, side_px))
    largest = max(height for height, _ in sizes), max(width for _, width in sizes)
    smallest = (1, SMALLEST_CANVAS_PX, SMALLEST_CANVAS_PX, 3)
    return {"image": ShapeRange(min=smallest, opt=(1, *sizes[0], 3), max=(max_batch or 1, *largest, 3))}
