"""Numbers of one line: groups put together for a pattern or a check, dates and times taken apart; pure functions."""

import math
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import chain, groupby

import numpy as np

from .geometry.heatmaps import Region
from .geometry.lines import gap, joined
from .geometry.quads import SAME_PLACE, overlap, parts, sides
from .text.alphabets import GAP, Alphabet
from .text.decoding import Text

NARROWEST, WIDEST = -0.4, 1.2
"""Between two groups of one number is a gap of so many heights of their boxes, which may overlap a little."""
MOST_GROUPS = 8
"""More groups are not tried."""
_TIME = r"([01]?[0-9]|2[0-4]):[0-5][0-9](:[0-5][0-9]([.,][0-9]+)?)?"
_DAY, _MONTH, _YEAR = "(0?[1-9]|[12][0-9]|3[01])", "(0?[1-9]|1[0-2])", "([0-9]{4}|[0-9]{2})"
_DATES = (_YEAR, _MONTH, _DAY), (_DAY, _MONTH, _YEAR), (_MONTH, _DAY, _YEAR)
_MOMENT = re.compile("|".join([_TIME, *(mark.join(date) for date in _DATES for mark in ("[.]", "/", "-"))]))
"""A date or a time."""
Piece = tuple[Region, Text]


def apart(pieces: Iterable[Piece]) -> Iterator[Piece]:
    """Cut texts at the gaps beside a date or a time, which are readings of their own: ``17.03.24 08:05`` is two.

    Gaps between other groups stay: ``4111 1111`` and ``12 345`` are one number each.
    """
    for region, text in pieces:
        spans, places = _alone(text.text), text.positions
        if len(spans) < 2:
            yield region, text
            continue
        starts = [0.0, *((places[at - 1] + places[at]) / 2 for at, _ in spans[1:])]
        ends = [*((places[end - 1] + places[end]) / 2 for _, end in spans[:-1]), 1.0]
        yield from (_part(region, text, *span) for span in zip(spans, starts, ends, strict=True))


def _alone(text: str) -> list[tuple[int, int]]:
    """First character and end of each date, of each time, and of all other words that follow each other."""
    words = [word.span() for word in re.finditer(f"[^{GAP}]+", text)]
    runs = groupby(words, key=lambda span: span if _MOMENT.fullmatch(text, *span) else None)
    return [(run[0][0], run[-1][1]) for run in (list(group) for _, group in runs)]


def _part(region: Region, text: Text, span: tuple[int, int], start: float, end: float) -> Piece:
    """Some characters of a text, as a text of the part of its region from start to end, 0..1 along it."""
    kept = slice(*span)
    top = region.quad[1] - region.quad[0]
    seen = (region.characters.mean(axis=1) - region.quad[0]) @ top / max(float(top @ top), 1e-6)
    around = [at for at, character in enumerate(text.text) if character != GAP and not span[0] <= at < span[1]]
    others = math.prod(text.confidences[at] for at in around)  # an unsure gap costs both its sides
    low, high = start if span[0] else -math.inf, end if span[1] < len(text.text) else math.inf
    return replace(
        region,
        quad=parts(region.quad, [(start, end)])[0],
        characters=region.characters[(seen >= low) & (seen < high)],
        open_ends=(region.open_ends[0] and not span[0], region.open_ends[1] and span[1] == len(text.text)),
    ), replace(
        text,
        text=text.text[kept],
        confidence=min(text.confidence / max(others, 1e-6), 1.0),
        confidences=text.confidences[kept],
        positions=tuple((position - start) / (end - start) for position in text.positions[kept]),
        dropped=tuple((position - start) / (end - start) for position in text.dropped if low <= position < high),
    )


def join(pieces: Iterable[Piece], alphabet: Alphabet) -> list[Piece]:
    """Return what groups that follow each other on a line give together, if pattern and check take it.

    Args:
        pieces: where the texts are, a place may be there twice, and what is read there, whether or not pattern and
            check take it; what is not accepted is not joined.
        alphabet: pattern and check. A pattern that matches the groups with blanks between them gets them with blanks,
            any other and a check without.

    Returns:
        For each run of two groups or more that fits, its region from end to end and its text.
    """
    found = (
        _together(run, alphabet) for run in _runs(_without_doubles([piece for piece in pieces if piece[1].accepted]))
    )
    return [piece for piece in found if piece is not None]


def _without_doubles(pieces: Sequence[Piece]) -> list[Piece]:
    kept: list[Piece] = []
    for region, text in sorted(pieces, key=lambda piece: -len(piece[1].text) * piece[1].confidence):
        if all(overlap(region.quad, other.quad) < SAME_PLACE for other, _ in kept):
            kept.append((region, text))
    return kept


def _runs(pieces: Sequence[Piece]) -> Iterator[list[Piece]]:
    """All runs of pieces of which each is followed by the next."""
    follower: dict[int, int] = {}
    for at, (region, _) in enumerate(pieces):
        gaps = [(gap(region.quad, other.quad), to) for to, (other, _) in enumerate(pieces) if to != at]
        near = [(wide, to) for wide, to in gaps if wide is not None and NARROWEST <= wide <= WIDEST]
        if near:
            follower[at] = min(near)[1]
    for first in range(len(pieces)):
        run = [first]
        while len(run) < MOST_GROUPS and (after := follower.get(run[-1])) is not None and after not in run:
            run.append(after)
            yield [pieces[at] for at in run]


def _together(run: Sequence[Piece], alphabet: Alphabet) -> Piece | None:
    """One piece of several, if pattern and check take it; letters left out may be at its two ends only."""
    if any(text.dropped for _, text in run[1:-1]) or _dropped(run[0][1])[1] or _dropped(run[-1][1])[0]:
        return None
    parts = [text.text for _, text in run]
    spaced = " ".join(parts)
    blanks = alphabet.pattern is not None and alphabet.pattern.fullmatch(spaced) is not None
    if not alphabet.fits(spaced if blanks else "".join(parts)):
        return None
    region = joined([piece for piece, _ in run])
    confidences = [list(text.confidences) for _, text in run]
    places = [_places(text, piece, region) for piece, text in run]
    if blanks:
        for at in range(1, len(run)):
            confidences[at].insert(0, 1.0)
            places[at][0].insert(0, (places[at - 1][0][-1] + places[at][0][0]) / 2)
    return region, Text(
        alphabet.form(spaced if blanks else "".join(parts)),
        math.prod(text.confidence for _, text in run),
        tuple(chain.from_iterable(confidences)),
        True,
        tuple(chain.from_iterable(positions for positions, _ in places)),
        tuple(chain.from_iterable(positions for _, positions in places)),
    )


def _dropped(text: Text) -> tuple[int, int]:
    """How many letters were left out before and behind a text."""
    before = sum(position < text.positions[0] for position in text.dropped)
    return before, len(text.dropped) - before


def _places(text: Text, region: Region, whole: Region) -> tuple[list[float], list[float]]:
    """Places of a text's characters, and of letters left out, along a larger region: at even distances in its own."""
    right, _ = sides(whole.quad)
    unit = right / max(float(right @ right), 1e-6)
    origin = whole.quad[[0, 3]].mean(axis=0)
    start, end = (float((region.quad[side].mean(axis=0) - origin) @ unit) for side in ([0, 3], [1, 2]))
    before, after = _dropped(text)
    count = before + len(text.text) + after
    even = start + (end - start) * (np.arange(count) + 0.5) / count
    kept = slice(before, before + len(text.text))
    return even[kept].tolist(), [*even[:before].tolist(), *even[kept.stop :].tolist()]
