"""The characters that were read, laid on those that the detector saw: a quad for each; pure functions.

The recognizer says where along a text each character is, the detector where its region map peaks. Both are ordered
along the text; the two orders are matched at the least cost (dynamic programming, Needleman and Wunsch, 1970).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from ..geometry.characters import Points
from ..geometry.quads import parts
from .decoding import Text

POINTS = ".,: '’"
"""Narrow characters, and gaps, that a detector often does not see: one without a peak is no disagreement."""
POINT_WIDTH = 0.4
"""Width of a point, in widths of a digit."""
UNMATCHED = 1.0
"""Cost of a digit without a peak or a peak without a character, in mean distances between characters."""
BORDER = 0.1
"""Between two characters' middles a border keeps at least this share of their distance from both."""


@dataclass(frozen=True)
class Character:
    """One character of a reading."""

    text: str
    """The character."""
    confidence: float
    """Its probability, 0..1."""
    quad: Points
    """(4, 2) float32 corners x, y, frame pixels, clockwise from the character's top left."""


@dataclass(frozen=True)
class Alignment:
    """What matching the characters that were read with those that were seen gave."""

    characters: tuple[Character, ...]
    """One per character of the text, points included, in its order."""
    peaks: int
    """Characters that the detector saw, without those of letters that were dropped."""
    agrees: bool
    """Whether every character but points has a peak, and every peak a character."""


def align(text: Text, quad: Points, peaks: Points) -> Alignment:
    """Give each character of a text its quad.

    Args:
        text: what was read in the quad.
        quad: (4, 2) float32, clockwise from the text's top left, frame pixels.
        peaks: (n, 4, 2) float32, the detector's characters in the quad, in any order along the text.
    """
    before = sum(position < text.positions[0] for position in text.dropped) if text.text else 0
    letters = "?" * before + text.text + "?" * (len(text.dropped) - before)
    middles = _inside([*text.dropped[:before], *text.positions, *text.dropped[before:]])
    kept = slice(before, before + len(text.text))
    spans = _spans(quad, peaks)
    silent = [not kept.start <= place < kept.stop or letter in POINTS for place, letter in enumerate(letters)]
    seen = [(low + high) / 2 for low, high in spans]
    middles = _shifted(middles, seen, match(middles, seen, silent))
    partners = match(middles, seen, silent)
    borders = _borders(letters, middles, spans, partners)[kept]
    characters = tuple(map(Character, text.text, text.confidences, parts(quad, borders)))
    taken = sum(partner is not None for partner in partners)
    around = taken - sum(partner is not None for partner in partners[kept])
    heard = all(partner is not None or quiet for partner, quiet in zip(partners, silent, strict=True))
    return Alignment(characters, len(spans) - around, heard and taken == len(spans))


def _spans(quad: Points, peaks: Points) -> list[tuple[float, float]]:
    """Where each of the detector's characters begins and ends along the quad, 0..1, in order."""
    right = quad[1] - quad[0]
    along = (peaks - quad[0]) @ (right / max(float(right @ right), 1e-6))
    return sorted((min(corners), max(corners)) for corners in along.tolist())


def match(middles: Sequence[float], peaks: Sequence[float], silent: Sequence[bool]) -> list[int | None]:
    """Match two rising sequences of places along a text, in order, at the least sum of distances.

    Args:
        middles: the characters that were read.
        peaks: the characters that were seen.
        silent: for each character whether it may lack a peak at no cost.

    Returns:
        For each character its peak, or None. As many of both, none silent, are simply matched in order.
    """
    if len(middles) == len(peaks) and not any(silent):
        return list(range(len(peaks)))
    pitch = 1 / max(len(middles), len(peaks), 1)
    skips = [0.0 if is_silent else UNMATCHED for is_silent in silent]
    costs = [[UNMATCHED * count for count in range(len(peaks) + 1)]]
    for middle, skip in zip(middles, skips, strict=True):
        above, row = costs[-1], [costs[-1][0] + skip]
        for index, peak in enumerate(peaks):
            row.append(min(above[index] + abs(middle - peak) / pitch, above[index + 1] + skip, row[-1] + UNMATCHED))
        costs.append(row)
    partners: list[int | None] = [None] * len(middles)
    place, index = len(middles), len(peaks)
    while place and index:
        cost = costs[place][index]
        if cost == costs[place - 1][index - 1] + abs(middles[place - 1] - peaks[index - 1]) / pitch:
            place, index = place - 1, index - 1
            partners[place] = index
        elif cost == costs[place - 1][index] + skips[place - 1]:
            place -= 1
        else:
            index -= 1
    return partners


def _shifted(middles: list[float], seen: Sequence[float], partners: Sequence[int | None]) -> list[float]:
    """Move all characters alike: CTC tends to write each a little before its middle.

    By the median distance to the peaks where most have one, else so that the text is in the middle of its quad; by half
    the mean distance between characters at most.
    """
    if not middles:
        return []
    pairs = zip(middles, partners, strict=True)
    distances = sorted(seen[partner] - middle for middle, partner in pairs if partner is not None)
    most = 2 * len(distances) > max(len(middles), len(seen))
    shift = distances[len(distances) // 2] if most else 0.5 - (middles[0] + middles[-1]) / 2
    limit = 0.5 / len(middles)
    return _inside([middle + min(max(shift, -limit), limit) for middle in middles])


def _inside(middles: list[float]) -> list[float]:
    """The same places, pressed into 0..1 with room for half a narrow character at both ends."""
    if not middles:
        return []
    room = 1 / (4 * len(middles))
    low, high = min(middles[0], room), max(middles[-1], 1 - room)
    scale = (1 - 2 * room) / (high - low)
    return [room + (middle - low) * scale for middle in middles]


def _borders(
    letters: str, middles: Sequence[float], spans: Sequence[tuple[float, float]], partners: Sequence[int | None]
) -> list[tuple[float, float]]:
    """Where each character begins and ends: at the detector's cut where it saw both neighbours, else between them."""
    inner = []
    for (one, other), (left, right), (before, after) in zip(
        pairwise(letters), pairwise(middles), pairwise(partners), strict=True
    ):
        widths = [POINT_WIDTH if character in POINTS else 1.0 for character in (one, other)]
        border = left + (right - left) * widths[0] / sum(widths)
        if before is not None and after == before + 1:
            border = (spans[before][1] + spans[after][0]) / 2
        keep = BORDER * (right - left)
        inner.append(min(max(border, left + keep), right - keep))
    if not middles:
        return []
    first, last = partners[0], partners[-1]
    start = spans[0][0] if first == 0 else 2 * middles[0] - inner[0] if inner else 0.0
    end = spans[-1][1] if last == len(spans) - 1 >= 0 else 2 * middles[-1] - inner[-1] if inner else 1.0
    room = 1 / (8 * len(middles))
    edges = [max(min(start, middles[0] - room), 0.0), *inner, min(max(end, middles[-1] + room), 1.0)]
    return list(pairwise(edges))
