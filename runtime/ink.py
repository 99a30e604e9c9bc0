"""Ink beside a box: the sign, the point or the digit that a detector left out; pure functions on frames and regions.

A detector's box begins and ends at characters that it knows well, and thin symbols are none: -18 is boxed as 18. So
both ends of a box are looked at in the frame. What is as dark (or as light) as the text, stands apart, and lies at the
text's height, is a part of it: the box grows over it.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from .geometry.heatmaps import Region
from .geometry.images import Frame, Points
from .geometry.lines import gap, joined
from .geometry.quads import SAME_PLACE, overlap, sides

ROWS = 48
"""An end is looked at in so many rows."""
AROUND = 0.35
"""So much is looked at above and below a box, of its height: what goes on there is no character."""
EDGE_ROWS = 3
"""So many rows above and below the box lies the text's background."""
REACH = 1.2
"""So much is looked at before a box and, at most, in it, of its height."""
GAP = 0.55
"""Between a number and its sign is no more than this, of the height of its digits: less than between two words."""
THIN = 0.5
"""Ink lower than this, of the height of the digits, is a sign or a point, never a digit or a letter."""
BELOW = 0.1
"""The middle of a symbol, a comma's say, is no further below the digits, in their heights."""
SPECK, WIDEST = 0.09, 1.1
"""Ink that is narrower and lower, or wider, than so many heights of the digits is no symbol."""
SYMBOL_WIDTH, SYMBOL_HEIGHT = 0.6, 0.8
"""A box that is narrower and lower than these, of another box's height, holds no more than a symbol of that one."""
PART = 0.5
"""A box of which so much lies in one that grew is a part of it."""
LEAST_PX = 6
"""Boxes that are lower or narrower are left as they are."""
ROOM = 0.06
"""A box ends so far behind the ink, in its heights."""
CONTRAST = 32
"""Ink and background differ by so many grey levels at least."""
APART = 0.12
"""Around a symbol is so much background, in heights of the digits."""
BLANK, MOSTLY = 0.3, 0.95
"""Background differs from the text's background by less than this share of the contrast, in so many of its pixels."""
UPRIGHT = 0.33
"""Thin ink is at least so wide for its height; what is narrower is a stroke of something else."""
NEXT = 0.25
"""Between two digits of a number is less, in their heights."""
LEVEL = 0.2
"""Ink that begins and ends so far from a text's digits at most, in their heights, may be one of them."""
STRADDLES = 0.15
"""A text's first character may begin so far outside of the box, in the heights of the picture of its end."""


@dataclass(frozen=True)
class _Mark:
    """A piece of ink beside a text."""

    near: float
    """Where it ends, towards the text: heights of the box, from the box outwards."""
    far: float
    """Where it begins."""
    thin: bool
    """Whether it is too low for a digit or a letter."""


def with_ends(frame: Frame, regions: Sequence[Region]) -> list[Region]:
    """Let regions grow over the ink at their ends, and join those that only such ink keeps apart.

    What grew takes in the regions of its own symbols. Boxes, and ink in the box of another text, stay as they are.

    Args:
        frame: (H, W, 3) uint8 BGR.
        regions: all that was found in it, in its pixels.
    """
    middles = np.array([region.quad.mean(axis=0) for region in regions]).reshape(-1, 2)
    radii = np.array([np.hypot(*(region.quad[2] - region.quad[0])) for region in regions]) * (0.5 + REACH)
    near = np.hypot(*(middles[:, None] - middles).transpose(2, 0, 1)) < radii[:, None] + radii
    grown = [
        _grown(frame, one, [regions[at] for at in np.flatnonzero(row).tolist()])
        for one, row in zip(regions, near, strict=True)
    ]
    grown = _bridged(grown)
    larger = [text.region.quad for text in grown if text.grew]
    return [text.region for text in grown if text.grew or not any(_is_part(text.region.quad, one) for one in larger)]


@dataclass(frozen=True)
class _Grown:
    """A region with the ink at its ends."""

    region: Region
    before: int = 0
    """Characters at its left end that were found as ink."""
    after: int = 0
    """The same at its right end."""

    @property
    def grew(self) -> bool:
        return self.before + self.after > 0


def _is_part(quad: Points, larger: Points) -> bool:
    return overlap(quad, larger, of="first") > PART


def _bridged(grown: Sequence[_Grown]) -> list[_Grown]:
    """Join every two of which one goes on where the other ends, but for the ink between them."""
    found: list[_Grown] = []
    rest = sorted(grown, key=lambda text: text.grew)
    while rest and rest[-1].grew:
        one = rest.pop()
        pairs = ((at, pair) for at, other in enumerate(rest) for pair in ((one, other), (other, one)))
        match = next(((at, pair) for at, pair in pairs if _goes_on(*pair)), None)
        if match is None:
            found.append(one)
        else:
            at, (left, right) = match
            del rest[at]
            rest.append(_Grown(joined((left.region, right.region)), left.before, right.after))
    return rest + found[::-1]


def _goes_on(one: _Grown, other: _Grown) -> bool:
    between = gap(one.region.quad, other.region.quad) if one.after or other.before else None
    return between is not None and -REACH < between < GAP


def _grown(frame: Frame, region: Region, regions: Sequence[Region]) -> _Grown:
    right, down = sides(region.quad)
    width, height = float(np.hypot(*right)), float(np.hypot(*down))
    if min(width, height) < LEAST_PX or (height > width and len(region.characters) > 1):
        return _Grown(region)
    others = [other.quad for other in regions if _is_neighbour(other.quad, region.quad, height)]
    step = right * (height / width)
    before, more_before = _end(frame, region.quad[[0, 3]], -step, width / height, others)
    after, more_after = _end(frame, region.quad[[1, 2]], step, width / height, others)
    quad = region.quad.copy()
    quad[[0, 3]] -= max([0.0, *(mark.far + ROOM for mark in before)]) * step
    quad[[1, 2]] += max([0.0, *(mark.far + ROOM for mark in after)]) * step
    new = [_box(region.quad[[0, 3]], -step, mark)[[1, 0, 3, 2]] for mark in reversed(before)]
    new += [*region.characters, *(_box(region.quad[[1, 2]], step, mark) for mark in after)]
    open_ends = more_before or (bool(before) and before[-1].thin), more_after or (bool(after) and after[-1].thin)
    region = replace(region, quad=quad, characters=np.stack(new).astype(np.float32), open_ends=open_ends)
    return _Grown(region, len(before), len(after))


def _is_neighbour(other: Points, quad: Points, height: float) -> bool:
    """Whether another region is a text of its own: neither the same one nor a symbol alone."""
    right, down = sides(other)
    small = max(float(np.hypot(*right)) / SYMBOL_WIDTH, float(np.hypot(*down)) / SYMBOL_HEIGHT) < height
    return not small and overlap(other, quad) < SAME_PLACE


def _box(inner: Points, outwards: Points, mark: _Mark) -> Points:
    """Corners (4, 2) of a mark beside the top and bottom corners (2, 2) of a quad: near, far, far, near."""
    near, far = inner + np.float32(mark.near) * outwards, inner + np.float32(mark.far) * outwards
    return np.stack((near[0], far[0], far[1], near[1]))


def _end(
    frame: Frame, inner: Points, outwards: Points, inside: float, others: Sequence[Points]
) -> tuple[list[_Mark], bool]:
    """Marks beside a quad's end, from the text outwards, and whether a digit may go on there; in another quad there are
    none.

    Args:
        frame: the frame.
        inner: (2, 2) the end's top and bottom corner.
        outwards: (2,) one height of the quad, away from it.
        inside: how far the quad goes on the other way, in its heights.
        others: other texts' quads.
    """
    scale = ROWS / (1 + 2 * AROUND)
    start = round(REACH * scale)
    size = start + round(min(inside, REACH) * scale), ROWS
    across = -outwards / scale, (inner[1] - inner[0]) / scale
    origin = inner[0] - start * across[0] - AROUND * scale * across[1]
    matrix = np.stack((*across, origin), axis=1).astype(np.float32)
    patch = cv2.warpAffine(
        frame, matrix, size, flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP, borderMode=cv2.BORDER_REPLICATE
    )
    found, left_out, high = _pieces(cv2.cvtColor(patch, cv2.COLOR_BGR2GRAY), start)

    def marks(pieces: Sequence[_Piece]) -> Iterator[_Mark]:
        for piece in pieces:
            mark = _Mark((start - piece.right) / scale, (start - piece.left) / scale, piece.height < THIN * high)
            centre = _box(inner, outwards, mark).mean(axis=0).tolist()
            if any(cv2.pointPolygonTest(other, centre, False) >= 0 for other in others):
                return
            yield mark

    return list(marks(found)), any(True for _ in marks(left_out))


def _pieces(grey: NDArray[Any], start: int) -> tuple[list["_Piece"], list["_Piece"], int]:
    """The pieces of ink before a text; one that looks like a digit, but does not stand apart; and how high digits are.

    Args:
        grey: (ROWS, W) uint8, an end of a text, upright.
        start: the column at which its box begins.
    """
    rows = round(ROWS * AROUND / (1 + 2 * AROUND))
    edges = grey[[rows - EDGE_ROWS, EDGE_ROWS - rows - 1], start:]
    ink, blank = _levels(grey[rows:-rows, start:], edges)
    if abs(ink - blank) < CONTRAST:
        return [], [], 0
    shade = (grey.astype(np.float32) - blank) / (ink - blank)  # 0 = the background, 1 = the text
    _, labels, stats, _ = cv2.connectedComponentsWithStats((shade > 0.5).view(np.uint8), connectivity=8)
    pieces = [_Piece(label, *stat[:4]) for label, stat in enumerate(stats.tolist())][1:]
    text = [piece for piece in pieces if piece.is_text(start)]
    if not text:
        return [], [], 0
    begin, top, bottom = (
        min(piece.left for piece in text),
        min(piece.top for piece in text),
        max(piece.bottom for piece in text),
    )
    edge, high, found = begin, bottom - top, []
    beside = [piece for piece in pieces if (piece.left + piece.right) / 2 < edge and piece.size >= SPECK * high]
    for piece in sorted(beside, key=lambda piece: -piece.right):
        within = top <= (piece.top + piece.bottom) / 2 <= bottom + BELOW * high
        if edge - piece.right > GAP * high or not within or not piece.is_symbol(high):
            break
        found.append(piece)
        edge = min(edge, piece.left)
    if not found or not _is_blank(shade, labels, found, round(APART * high)):
        found, edge = [], begin
    near = (piece for piece in beside if piece not in found and piece.right > edge - NEXT * high)
    more = [piece for piece in near if piece.is_digit(top, bottom)]
    return found, more[:1], high


@dataclass(frozen=True)
class _Piece:
    """Connected ink in the picture of an end."""

    label: int
    left: int
    top: int
    width: int
    height: int

    @property
    def right(self) -> int:
        """The column behind the last."""
        return self.left + self.width

    @property
    def bottom(self) -> int:
        """The row below the last."""
        return self.top + self.height

    @property
    def size(self) -> int:
        """The longer side."""
        return max(self.width, self.height)

    @property
    def whole(self) -> bool:
        """Whether it does not go on above, below or before the picture."""
        return self.left > 0 and self.top > 0 and self.bottom < ROWS

    def is_text(self, start: int) -> bool:
        """Return whether it is, or begins with, a character of the text."""
        inside = self.left + self.width / 2 >= start and self.left >= start - STRADDLES * ROWS
        return self.whole and inside and self.height >= THIN * ROWS / (1 + 2 * AROUND)

    def is_symbol(self, high: int) -> bool:
        """Return whether it may be one beside digits of this height."""
        upright = self.height >= THIN * high or self.width >= UPRIGHT * self.height
        return self.whole and self.width <= WIDEST * high and upright

    def is_digit(self, top: int, bottom: int) -> bool:
        """Return whether it may be, or begin with, a digit beside digits between these rows."""
        high = bottom - top
        level = abs(self.top - top) <= LEVEL * high and abs(self.bottom - bottom) <= LEVEL * high
        return level and self.top > 0 and self.bottom < ROWS


def _levels(text: NDArray[Any], edges: NDArray[Any]) -> tuple[float, float]:
    """Grey levels of a text and of its background, to which most pixels right above and below it belong."""
    text = np.ascontiguousarray(text)
    level, light = cv2.threshold(text, 0, 1, cv2.THRESH_BINARY | cv2.THRESH_OTSU)
    levels = cv2.mean(text, 1 - light)[0], cv2.mean(text, light)[0]
    return levels if 2 * np.count_nonzero(edges > level) >= edges.size else levels[::-1]


def _is_blank(shade: NDArray[np.float32], labels: NDArray[Any], pieces: Sequence[_Piece], around: int) -> bool:
    """Whether there is only the text's background around pieces of ink, so far."""
    left, right = min(piece.left for piece in pieces) - around, max(piece.right for piece in pieces)
    top, bottom = min(piece.top for piece in pieces) - around, max(piece.bottom for piece in pieces) + around
    if left < 0:
        return False
    window = slice(max(top, 0), bottom), slice(left, right)
    own = np.isin(labels[window], [piece.label for piece in pieces]).view(np.uint8)
    rest = np.abs(shade[window][cv2.dilate(own, np.ones((5, 5), np.uint8)) == 0])
    return not rest.size or float(np.quantile(rest, MOSTLY)) < BLANK
