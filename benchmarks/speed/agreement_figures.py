"""What `edgereader bench agree` finds: the structs that its JSON consists of."""

from typing import Literal

import msgspec

from .figures import OfBundle, Photos

Cause = Literal["second look", "place", "crop", "network"]


class Difference(msgspec.Struct, frozen=True, kw_only=True):
    """A text that both found, and read differently."""

    photo: str
    """Name of its file."""
    easyocr: str
    ours: str
    confidence: float
    """EasyOCR's, 0..1."""
    our_confidence: float
    cause: Cause
    """"second look": EasyOCR's first, before it stretched the contrast of what it was unsure of, is ours. "place": we
    read the same where EasyOCR found it. "crop": we read the same in EasyOCR's own crop. "network": neither, so that it
    is rounding, or what lies to the right of the crop."""


class BoxTimes(msgspec.Struct, frozen=True, kw_only=True):
    """How long both take for the boxes in a photo's maps, in one process, in turns: medians over the photos,
    of the time of one thread.
    """

    easyocr_ms: float
    ours_ms: float
    times: float
    """Median of the photos' ratios."""
    boxes: int
    """That EasyOCR found in the same maps, all photos together."""
    same_boxes: int
    """Of them, how many are ours within a pixel of the map."""


class Agreement(OfBundle, frozen=True, kw_only=True):
    """A bundle of EasyOCR's networks beside EasyOCR, on the same photos and canvases."""

    photos: Photos
    versions: dict[str, str]
    """EasyOCR's, its weights', and torch's."""
    canvas_px: int
    threads: int
    easyocr: int
    """Texts that EasyOCR found."""
    ours: int
    """Texts that the bundle found."""
    both: int
    """Of them, those at the same place."""
    equal: int
    """Of these, those with the same characters."""
    sure: int
    """Texts at the same place of which EasyOCR is sure: the others are hardly legible, and change with any pixel."""
    sure_equal: int
    """Of these, those with the same characters."""
    differences: list[Difference]
    """All that differ, sure or not."""
    box_times: BoxTimes
