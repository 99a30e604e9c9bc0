"""What a recognizer is given: quads of frames cut to crops of its widths; pure functions."""

from typing import NamedTuple

from ..bundles.manifest import RecognizerSpec
from .easyocr_steps import cut_line, is_unturned, outer_quad, padded_columns
from .images import Frame, Points, crop_columns, cut_quad, with_margin

MOST_CROPS = 32
"""Crops that are read at once."""
BATCH_PX = MOST_CROPS * 32 * 128
"""Pixels of a batch where crops have several widths: of wide ones fewer are read at once."""


class Cut(NamedTuple):
    """A part of a frame that is to become a crop."""

    frame: Frame
    """(H, W, 3) uint8 BGR."""
    quad: Points
    """(4, 2) x, y, clockwise from the text's top left, with its margin."""
    margin: float
    """What lies around the text at each end, as a share of its width."""
    width: int
    """The crop's, pixels: the least of the recognizer's that holds it."""
    as_easyocr: bool = False
    """Whether it becomes one by EasyOCR's steps."""


def plan_cut(spec: RecognizerSpec, frame: Frame, quad: Points, margin: float = 0.0) -> Cut:
    """Decide how a quad (4, 2) of a frame is cut, with this share of its height around it.

    EasyOCR's steps are for text that was not turned.
    """
    if spec.as_easyocr and is_unturned(quad):
        outer, share = outer_quad(quad, frame, margin)
        return Cut(frame, outer, share, spec.width_for(padded_columns(outer, spec.image_hw[0])), True)
    outer, share = with_margin(quad, frame, margin) if margin else (quad, 0.0)
    return Cut(frame, outer, share, spec.width_for(crop_columns(outer, spec.image_hw[0], spec.stretch)))


def fill_crop(spec: RecognizerSpec, cut: Cut, crop: Frame, *, again: bool = False) -> float:
    """Cut into a crop (h, w, C) uint8 of the planned width, in place; the share of that width that shows the quad.

    ``again``: for EasyOCR's second look.
    """
    if cut.as_easyocr:
        return cut_line(cut.frame, cut.quad, crop, again=again) / cut.width
    used = cut_quad(cut.frame, cut.quad, crop, keep_ratio=spec.keep_ratio, stretch=spec.stretch)
    return used / cut.width


def batch_size(spec: RecognizerSpec, width: int) -> int:
    """Return how many crops of one of the recognizer's widths are read at once."""
    if not spec.widths:
        return MOST_CROPS
    return min(MOST_CROPS, max(1, BATCH_PX // (spec.image_hw[0] * width)))
