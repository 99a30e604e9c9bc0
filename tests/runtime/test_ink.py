"""Symbols are drawn as blocks, so that no font is needed; boxes are what a detector leaves: the digits only."""

import cv2
import numpy as np
import pytest

from edgereader.runtime.geometry.heatmaps import Region
from edgereader.runtime.geometry.images import box
from edgereader.runtime.ink import with_ends

PAPER, INK = 220, 30
HIGH = 40
SYMBOLS = {  # x, y, width, height from the digits' top, in pixels, digits being 40 high
    "-": ([(0, 18, 16, 5)], True),
    ".": ([(0, 34, 6, 6)], True),
    ",": ([(0, 34, 6, 12)], True),
    ":": ([(0, 10, 6, 6), (0, 34, 6, 6)], True),
    "+": ([(0, 17, 22, 5), (8, 9, 6, 22)], False),
    "/": ([(0, 0, 8, 40)], False),
}


def page(blocks, paper=PAPER, ink=INK, size=(300, 400)):
    frame = np.full((*size, 3), paper, np.uint8)
    for x, y, width, height in blocks:
        frame[y : y + height, x : x + width] = ink
    return frame


def digits(x, y, count=2):
    """Digits of 24 × 40 pixels as frames of 6 pixels, 8 apart."""
    for at in range(count):
        left = x + 32 * at
        yield from ((left, y, 24, 6), (left, y + 34, 24, 6), (left, y, 6, HIGH), (left + 18, y, 6, HIGH))


def region(quad, count=2):
    width = (quad[1] - quad[0]) / count
    cells = [
        quad[[0, 0, 3, 3]] + np.stack((width * at, width * (at + 1), width * (at + 1), width * at))
        for at in range(count)
    ]
    return Region(quad, np.stack(cells).astype(np.float32), 0.9)


def at_left(symbol):
    blocks, thin = SYMBOLS[symbol]
    reach = max(x + width for x, _, width, _ in blocks)
    return [(150 - 8 - reach + x, 100 + y, width, height) for x, y, width, height in blocks], thin, 150 - 8 - reach


def at_right(symbol):
    blocks, thin = SYMBOLS[symbol]
    reach = max(x + width for x, _, width, _ in blocks)
    return [(206 + 8 + x, 100 + y, width, height) for x, y, width, height in blocks], thin, 206 + 8 + reach


DIGITS = box(147, 96, 62, 48)  # around the digits, which reach from 150 to 206 and from 100 to 140


@pytest.mark.parametrize("symbol", SYMBOLS)
@pytest.mark.parametrize("shades", [(PAPER, INK), (INK, PAPER), (150, 90)])
def test_a_box_grows_over_a_symbol_at_its_left_end(symbol, shades):
    blocks, thin, left = at_left(symbol)
    (found,) = with_ends(page([*digits(150, 100), *blocks], *shades), [region(DIGITS)])
    assert left - 6 <= found.quad[0, 0] <= left
    assert (found.quad[:, 1] == DIGITS[:, 1]).all()
    assert found.quad[1, 0] == DIGITS[1, 0]
    assert found.open_ends == (thin, False)
    assert len(found.characters) == (4 if symbol == ":" else 3)
    first = found.characters[0]
    assert (first[0, 0] - left, first[0, 1]) == (pytest.approx(0, abs=2), 96)
    assert first[0, 0] < first[1, 0] < found.characters[-2][0, 0] + 1


@pytest.mark.parametrize("symbol", SYMBOLS)
def test_a_box_grows_over_a_symbol_at_its_right_end(symbol):
    blocks, thin, right = at_right(symbol)
    (found,) = with_ends(page([*digits(150, 100), *blocks]), [region(DIGITS)])
    assert right <= found.quad[1, 0] <= right + 6
    assert found.quad[0, 0] == DIGITS[0, 0]
    assert found.open_ends == (False, thin)
    last = found.characters[-1]
    assert last[1, 0] == pytest.approx(right, abs=2)
    assert last[0, 0] < last[1, 0]


@pytest.mark.parametrize("degrees", [-40, 15, 90, 180])
def test_a_tilted_box_grows_along_its_text(degrees):
    blocks, _, left = at_left("-")
    matrix = cv2.getRotationMatrix2D((200, 150), degrees, 1)
    frame = cv2.warpAffine(page([*digits(150, 100), *blocks]), matrix, (400, 300), borderValue=(PAPER,) * 3)
    quad = (DIGITS @ matrix[:, :2].T + matrix[:, 2]).astype(np.float32)
    (found,) = with_ends(frame, [region(quad)])
    grown = float(np.linalg.norm(found.quad[0] - quad[0]))
    assert grown == pytest.approx(DIGITS[0, 0] - left + 3, abs=3)
    assert found.quad[1] == pytest.approx(quad[1])
    assert found.open_ends == (True, False)


def test_ink_inside_the_box_is_told_too():
    blocks, _, left = at_left(".")
    wide = DIGITS.copy()
    wide[[0, 3], 0] = left - 3
    (found,) = with_ends(page([*digits(150, 100), *blocks]), [region(wide)])
    assert found.open_ends == (True, False)
    assert abs(found.quad[0, 0] - wide[0, 0]) < 4


@pytest.mark.parametrize(
    "blocks",
    [
        [(100, 0, 8, 300)],  # a line that goes on above and below
        [(80, 60, 60, 6), (80, 60, 6, 140), (80, 180, 250, 6)],  # a frame around
        [(100, 118, 6, 5)],  # too far away
        [(0, 118, 142, 5)],  # too long
        [(136, 60, 6, 6)],  # above
        [(138, 119, 2, 2)],  # a speck
        [(136, 110, 3, 14)],  # an upright stroke
        [(128, 118, 14, 5), (92, 60, 33, 140)],  # not alone: something large is right behind it
        [],
    ],
)
def test_what_is_no_symbol_leaves_a_box_as_it_is(blocks):
    (found,) = with_ends(page([*digits(150, 100), *blocks]), [region(DIGITS)])
    assert np.array_equal(found.quad, DIGITS)
    assert found.open_ends == (False, False)
    assert len(found.characters) == 2


def test_a_mark_outside_of_the_texts_own_background_is_none_of_it():
    frame = page([*digits(150, 100)])
    frame[:, :146] = 140  # the paper ends before the mark
    frame[118:123, 126:142] = INK
    (found,) = with_ends(frame, [region(DIGITS)])
    assert found.open_ends == (False, False)


def test_ink_in_another_texts_box_is_left_to_it():
    frame = page([*digits(150, 100), *digits(84, 100)])
    left, right = box(81, 96, 62, 48), DIGITS
    found = with_ends(frame, [region(left), region(right)])
    assert [region.quad.tolist() for region in found] == [left.tolist(), right.tolist()]


def test_the_box_of_a_symbol_alone_goes_into_its_number():
    blocks, _, left = at_left("-")
    frame = page([*digits(150, 100), *blocks])
    alone = box(left - 2, 112, 20, 16)
    (found,) = with_ends(frame, [region(alone, 1), region(DIGITS)])
    assert found.quad[0, 0] < left + 1
    assert found.quad[1, 0] == DIGITS[1, 0]


def test_boxes_that_only_a_symbol_keeps_apart_are_one():
    left, right = box(147, 96, 30, 48), box(203, 96, 62, 48)
    frame = page([*digits(150, 100, 1), (188, 134, 6, 6), *digits(206, 100)])
    (found,) = with_ends(frame, [region(right), region(left, 1)])
    assert found.quad[:, 0].tolist() == [147, 265, 265, 147]
    assert found.open_ends == (False, False)
    assert len(found.characters) >= 4
    apart = page([*digits(150, 100, 1), *digits(206, 100)])
    assert len(with_ends(apart, [region(right), region(left, 1)])) == 2, "no ink, no number"


@pytest.mark.parametrize("shape", [(8, 8), (30, 40), (300, 20)])
def test_boxes_at_the_edges_of_small_pictures(shape):
    frame = page([], size=shape)
    quad = box(0, 0, shape[1] - 1, shape[0] - 1)
    assert [grown.quad.tolist() for grown in with_ends(frame, [region(quad)])] == [quad.tolist()]
    assert with_ends(frame, []) == []


@pytest.mark.parametrize("end", [0, 1])
@pytest.mark.parametrize("gap", [6, -10])
def test_a_digit_beside_a_box_that_cannot_be_taken_is_told(end, gap):
    """Bars stand right above, so that nothing says where the text's own ink ends; the box may also cut the digit."""
    beside = 206 + 8 if end else 150 - 8 - 24
    bars = [(x, 60, 4, 36) for x in range(60, 300, 9)]
    frame = page([*digits(150, 100), *digits(beside, 100, 1), *bars])
    edge = beside - gap if end else beside + 24 + gap
    quad = box(147, 97, edge - 147, 46) if end else box(edge, 97, 209 - edge, 46)
    (found,) = with_ends(frame, [region(quad)])
    assert np.array_equal(found.quad, quad)
    assert found.open_ends == (end == 0, end == 1)
    alone = with_ends(page([*digits(150, 100), *bars]), [region(DIGITS)])[0]
    assert alone.open_ends == (False, False)
