"""Why something was not read: a first sorting of mistakes, by rule, before a person looks at them."""

from collections import Counter
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from ...runtime.geometry.heatmaps import Region
from ...runtime.geometry.quads import SAME_PLACE, overlap
from ...runtime.reader import Reading
from ...runtime.text.decoding import Text
from .scoring import digits

Quad = NDArray[np.float32]
NOTHING_READ, MOST_WRONG, SOME_WRONG = "nothing read", "most digits wrong", "digits wrong in several ways"
NOT_READ, NOT_FOUND, WORD, UNSURE, MISREAD, NO_BOX = (
    "nothing read there",
    "not found by the detector",
    "found, taken for a word",
    "found, below the least confidence",
    "found, misread",
    "the label has no box",
)
OF_A_LABEL, OF_A_READ_LABEL, OF_NOTHING = "misread label", "label that was read already", "where nothing is labelled"


def crop_cause(label: str, reading: str) -> tuple[str, str]:
    """Say what went wrong in a crop, and where, by the fewest edits from the label's digits to those read.

    Returns:
        `("digits dropped", "right end")` and the like; where digits repeat, one of the equally likely places.
    """
    wanted, got = digits(label), digits(reading)
    if not got:
        return NOTHING_READ, "-"
    edits = fewest_edits(wanted, got)
    kinds = {kind for kind, _ in edits}
    if len(kinds) > 1:
        return (MOST_WRONG, "-") if 2 * len(edits) > len(wanted) else (SOME_WRONG, _place(edits, len(wanted)))
    return f"digit{'s' if len(edits) > 1 else ''} {kinds.pop()}", _place(edits, len(wanted))


def fewest_edits(wanted: str, got: str) -> list[tuple[str, int]]:
    """Return the fewest edits (Levenshtein), each with the position in `wanted` of its character or of the next."""
    cost = np.zeros((len(wanted) + 1, len(got) + 1), int)
    cost[:, 0], cost[0] = np.arange(len(wanted) + 1), np.arange(len(got) + 1)
    for row, here in enumerate(wanted, 1):
        for column, there in enumerate(got, 1):
            cost[row, column] = min(
                cost[row - 1, column - 1] + (here != there), cost[row - 1, column] + 1, cost[row, column - 1] + 1
            )
    edits, row, column = [], len(wanted), len(got)
    while row or column:
        if row and column and cost[row, column] == cost[row - 1, column - 1] + (wanted[row - 1] != got[column - 1]):
            row, column = row - 1, column - 1
            edits += [("changed", row)] if wanted[row] != got[column] else []
        elif row and cost[row, column] == cost[row - 1, column] + 1:
            row -= 1
            edits.append(("dropped", row))
        else:
            column -= 1
            edits.append(("added", row))
    return edits[::-1]


def _place(edits: Sequence[tuple[str, int]], count: int) -> str:
    """Where in a number of `count` digits the edits are, none of which may be elsewhere."""
    places = {position + 0.5 if kind != "added" else float(position) for kind, position in edits}
    if count == 1 and places == {0.5}:
        return "only digit"
    left = {0.0, *(position + 0.5 for position in range(len(edits)))}
    right = {float(count), *(count - position - 0.5 for position in range(len(edits)))}
    if places <= left and not places <= right:
        return "left end"
    if places <= right and not places <= left:
        return "right end"
    return "inside" if min(places) > 0.5 and max(places) < count - 0.5 else "several places"


def missed_cause(quad: Quad | None, found: Sequence[tuple[Region, Text]] | None, readings: Sequence[Reading]) -> str:
    """Say why a labelled number of a scene is not among its readings.

    Args:
        quad: Where it is labelled.
        found: All regions of the detector with their texts, also those that are no readings; None if nobody knows.
        readings: What was read.
    """
    if quad is None:
        return NO_BOX
    if any(overlap(quad, reading.quad) >= SAME_PLACE for reading in readings):
        return MISREAD
    if found is None:
        return NOT_READ
    near = [place for place in found if overlap(quad, place[0].quad) >= SAME_PLACE]
    if not near:
        return NOT_FOUND
    _, text = max(near, key=lambda place: overlap(quad, place[0].quad, of="first"))
    return UNSURE if text.accepted else WORD


def false_cause(quad: Quad, missed: Sequence[Quad | None], matched: Sequence[Quad | None]) -> str:
    """Say where a reading of a scene that matches no label comes from, by the boxes of the labels."""
    if any(overlap(quad, other) >= SAME_PLACE for other in missed if other is not None):
        return OF_A_LABEL
    if any(overlap(quad, other) >= SAME_PLACE for other in matched if other is not None):
        return OF_A_READ_LABEL
    return OF_NOTHING


Placed = Sequence[tuple[str, Quad | None]]
"""Texts with their places."""


def left_over(texts: Placed, others: Placed, count: Counter[str]) -> list[int]:
    """Find which texts stay without a partner among others, of each digit string as many as `count` says.

    Where a string stands several times, those farthest from any other of the same string stay.
    """

    def nearness(index: int) -> float:
        text, quad = texts[index]
        same = [place for other, place in others if digits(other) == digits(text)]
        return max((overlap(quad, place) for place in same if quad is not None and place is not None), default=0.0)

    order = sorted(range(len(texts)), key=nearness)
    kept = [
        [index for index in order if digits(texts[index][0]) == string][:number] for string, number in count.items()
    ]
    return sorted(index for part in kept for index in part)
