"""Boxes of scenes after the rules of ICDAR 2015: what was found, and what was found and read.

The rules are those of the robust reading competition (Karatzas et al., "ICDAR 2015 Competition on Robust Reading",
section V) as the organisers' scripts for incidental scene text apply them: an image's labels are gone through in their
order, and each takes the first detection not yet taken whose intersection over union with it is more than 0.5. A
detection of which more than half lies in one region labelled `###` counts for nothing, unlike one that lies over a
label. End to end, such a pair is right if both say the same, and a pair that is not counts as missed and as false.

They are applied to numbers: a detection is the quad of a reading with a digit, which is what a user gets, and only
digits are compared. A label without a digit is neither to be found nor an excuse for a number that is read there: most
sets label numbers only.
"""

from collections.abc import Iterable
from typing import Any, NamedTuple

from ...models.data.labels_tsv import IGNORED
from .causes import Placed, Quad
from .results import Agreement, Icdar
from .scoring import digits, ratio

OVERLAP = 0.5
"""Detections match above this intersection over union, and are left out above this share in a `###` region."""


class Boxes(NamedTuple):
    """What boxes give; the first three are explained in `Icdar`."""

    labels: int
    detections: int
    ignored: int
    found: int
    """Labels with a detection."""
    read: int
    """Labels with a detection that says the same."""


def match_boxes(labels: Placed, readings: Placed) -> Boxes:
    """Match the boxes of one image; a place that is missing or has no area matches nothing.

    Args:
        labels: texts and polygons (n, 2), pixels.
        readings: texts and quads (4, 2), pixels.
    """
    wanted = [(digits(text), shape(place)) for text, place in labels if digits(text)]
    regions = [shape(place) for text, place in labels if text == IGNORED]
    detected = [(digits(text), shape(place)) for text, place in readings if digits(text)]
    free = [
        detection
        for detection in detected
        if not any(share_inside(detection[1], region) > OVERLAP for region in regions)
    ]
    kept, found, read = len(free), 0, 0
    for number, place in wanted:
        match = next((detection for detection in free if intersection_over_union(place, detection[1]) > OVERLAP), None)
        if match is not None:
            free.remove(match)
            found, read = found + 1, read + (match[0] == number)
    return Boxes(len(wanted), kept, len(detected) - kept, found, read)


def shape(place: Quad | None) -> Any:
    """Return a shapely polygon; where the sides of a polygon cross, its convex hull, and an empty one for None."""
    from shapely import Polygon

    polygon = Polygon(place)
    return polygon if polygon.is_valid else polygon.convex_hull


def intersection_over_union(first: Any, second: Any) -> float:
    """Return the shared area of two shapes in their joint area, 0..1."""
    shared: float = first.intersection(second).area
    joint: float = first.area + second.area - shared
    return shared / max(1e-6, joint)


def share_inside(inner: Any, outer: Any) -> float:
    """Return the share of a shape's area that lies in another one, 0..1."""
    shared: float = inner.intersection(outer).area
    whole: float = inner.area
    return shared / max(1e-6, whole)


def icdar(images: Iterable[tuple[Placed, Placed]]) -> Icdar | None:
    """Sum up the images of a set, given as labels and readings.

    None if no label has a digit, or one that has is without a box: then there is nothing to find, or no way to tell.
    """
    pairs = list(images)
    places = [place for labels, _ in pairs for text, place in labels if digits(text)]
    if not places or any(place is None for place in places):
        return None
    counts = [match_boxes(labels, readings) for labels, readings in pairs]
    found = Boxes(*(sum(column) for column in zip(*counts, strict=True)))
    return Icdar(
        labels=found.labels,
        detections=found.detections,
        ignored=found.ignored,
        detection=agreement(found.found, found.labels, found.detections),
        end_to_end=agreement(found.read, found.labels, found.detections),
    )


def agreement(matched: int, labels: int, detections: int) -> Agreement:
    """Return recall, precision and their harmonic mean."""
    recall, precision = ratio(matched, labels), ratio(matched, detections)
    return Agreement(matched=matched, recall=recall, precision=precision, hmean=ratio(2 * matched, labels + detections))
