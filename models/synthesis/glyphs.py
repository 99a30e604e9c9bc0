"""One line of text as an alpha mask with a quad for every character, in many hands: print, segments, dots, blocks.

Every mask is drawn at `fonts.SIZE_PX` or near it; whoever places it scales it.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from .fonts import SIZE_PX, FontPool

Mask = NDArray[np.uint8]
Quads = NDArray[np.float32]
Stroke = list[tuple[float, float]]

#   a
# f   b
#   g
# e   c
#   d
SEGMENTS = {
    "0": "abcdef", "1": "bc", "2": "abged", "3": "abgcd", "4": "fgbc",
    "5": "afgcd", "6": "afgedc", "7": "abc", "8": "abcdefg", "9": "abcdfg", "-": "g",
}  # fmt: skip
SEGMENT_VARIANTS = {"6": "fgedc", "9": "abcfg", "7": "abcf"}
DOTS = {
    "0": "0e11131519110e", "1": "040c040404040e", "2": "0e11010204081f", "3": "1f02040201110e",
    "4": "02060a121f0202", "5": "1f101e0101110e", "6": "0608101e11110e", "7": "1f010204080808",
    "8": "0e11110e11110e", "9": "0e11110f01020c", "-": "0000001f000000", ".": "00000000000c0c",
    ":": "000c0c000c0c00", "/": "00010204081000",
}  # fmt: skip


@dataclass(frozen=True)
class Line:
    """A drawn line of text."""

    mask: Mask
    """uint8 (h, w): the opacity of the ink, 0..255."""
    ghost: Mask | None
    """uint8 (h, w): the segments of a display that are off, which often shimmer through; None without any."""
    quads: Quads
    """float32 (n, 4, 2): one quad a character that is not a space, clockwise from the top left, mask pixels (x, y)."""
    text: str
    """What is drawn, spaces included."""


def render_line(text: str, rng: np.random.Generator, *, fonts: FontPool, plain: bool = False) -> Line:
    """Draw a line in a hand that can write it; `plain` keeps to clean print."""
    kind = rng.random()
    if not plain and kind < 0.33 and set(text) <= set("0123456789-.: "):
        line = segment_line(text, rng)
    elif not plain and kind > 0.94 and set(text) <= {*DOTS, " "}:
        line = dot_line(text, rng)
    else:
        line = printed_line(text, rng, fonts)
    return line if plain else worn(line, rng)


def printed_line(
    text: str, rng: np.random.Generator, fonts: FontPool, *, tight: bool = False, bold: bool = False
) -> Line:
    """Draw with a font, each character apart, so that spacing may vary; `tight`: they touch; `bold`: a heavy font."""
    from PIL import Image, ImageDraw

    font = fonts.draw(rng, bold=bold)
    spacing = rng.choice([0.0, rng.uniform(-0.04, 0.06), rng.uniform(0.05, 0.4)], p=[0.5, 0.3, 0.2]) * SIZE_PX
    spacing = rng.uniform(-0.12, -0.03) * SIZE_PX if tight else spacing
    gap = rng.uniform(1, 2.5) if rng.random() < 0.5 else 1.0
    steps = [font.getlength(letter) * (gap if letter == " " else 1) + spacing for letter in text]
    canvas = Image.new("L", (int(sum(steps) + abs(spacing)) + 3 * SIZE_PX, 3 * SIZE_PX))
    pen = ImageDraw.Draw(canvas)
    boxes, x = [], float(SIZE_PX)
    for letter, step in zip(text, steps, strict=True):
        pen.text((x, SIZE_PX * 2), letter, font=font, fill=255, anchor="ls")
        if letter != " ":
            boxes.append(pen.textbbox((x, SIZE_PX * 2), letter, font=font, anchor="ls"))
        x += step
    return trimmed(np.asarray(canvas), np.array(boxes, np.float32), text)


def trimmed(mask: Mask, boxes: NDArray[np.float32], text: str, ghost: Mask | None = None) -> Line:
    """Cut a mask to the bounds of its character boxes (n, 4): left, top, right, bottom."""
    left, top = np.floor(boxes[:, :2].min(0)).astype(int)
    right, bottom = np.ceil(boxes[:, 2:].max(0)).astype(int)
    left, top = max(left, 0), max(top, 0)
    x0, y0, x1, y1 = (boxes - np.array([left, top, left, top], np.float32)).T
    quads = np.stack([x0, y0, x1, y0, x1, y1, x0, y1], axis=1).reshape(-1, 4, 2)
    window = np.s_[top:bottom, left:right]
    return Line(mask[window].copy(), None if ghost is None else ghost[window].copy(), quads.astype(np.float32), text)


def segment_line(text: str, rng: np.random.Generator) -> Line:
    """Draw a seven-segment display of any thickness, gap and slant; the last one or two digits are at times smaller."""
    height = float(SIZE_PX)
    width, thick = height * rng.uniform(0.42, 0.66), height * rng.uniform(0.07, 0.17)
    gap, pitch = height * rng.uniform(0.0, 0.035), height * rng.uniform(0.1, 0.42)
    slant, overlap = rng.choice([0.0, rng.uniform(0.0, 0.22)]), rng.random() < 0.25
    variants = SEGMENTS | {key: SEGMENT_VARIANTS[key] for key in SEGMENT_VARIANTS if rng.random() < 0.12}
    small = len(text) - int(rng.choice([0, 1, 2], p=[0.72, 0.2, 0.08]))
    reduced = rng.uniform(0.5, 0.85)
    raised, faint = rng.random() < 0.3, rng.choice([0.0, 0.5], p=[0.65, 0.35])
    mask = np.zeros((SIZE_PX * 2, int(len(text) * (width + pitch) + 4 * height)), np.uint8)
    ghost, boxes, x = np.zeros_like(mask), [], 2 * height
    for index, letter in enumerate(text):
        scale = reduced if index >= small > 0 else 1.0
        top = SIZE_PX * (0.5 if raised else 1.5 - scale)
        if letter in ".:":
            x, box = draw_points(mask, letter, x, thick, pitch, slant)
            boxes.append(box)
            continue
        if letter != " ":
            shapes = segment_shapes(width * scale, height * scale, thick * scale, gap, pointed=not overlap)
            for name, shape in shapes.items():
                points = shape + [x, top]
                points[:, 0] += slant * (SIZE_PX * 1.5 - points[:, 1])
                lit = name in variants[letter]
                level = 255 * (1 - faint * rng.random() ** 2) if lit else 255
                cv2.fillPoly(
                    mask if lit else ghost, [np.round(points * 16).astype(np.int32)], level, cv2.LINE_AA, shift=4
                )
            bottom = top + height * scale
            low, high = slant * (SIZE_PX * 1.5 - bottom), slant * (SIZE_PX * 1.5 - top)
            left = x + (width * scale - 2 * thick if letter == "1" and rng.random() < 0.5 else 0)
            boxes.append((left + low, top, x + width * scale + high, bottom))
        x += width * scale + pitch
    return trimmed(mask, np.array(boxes, np.float32), text, ghost if rng.random() < 0.5 else None)


def draw_points(
    mask: Mask, letter: str, x: float, thick: float, pitch: float, slant: float
) -> tuple[float, tuple[float, float, float, float]]:
    """Draw a decimal point or a colon between two digits; give the next pen position and the box."""
    side = max(2.0, thick * 0.95)
    centre = x - pitch * 0.5
    heights = (1.5,) if letter == "." else (0.8, 1.2)
    for part in heights:
        y = SIZE_PX * part - (side / 2 if letter == "." else 0)
        left = centre - side / 2 + slant * (SIZE_PX * 1.5 - y)
        corners = (int(left), int(y - side / 2)), (int(left + side), int(y + side / 2))
        cv2.rectangle(mask, *corners, 255, -1)
    top = SIZE_PX * heights[0] - 1.5 * side
    return x + side * 0.8, (centre - side, top, centre + side, SIZE_PX * 1.5)


def segment_shapes(
    width: float, height: float, thick: float, gap: float, *, pointed: bool
) -> dict[str, NDArray[np.float64]]:
    """Outline the seven segments of a cell: hexagons, or bars when not pointed."""
    half, middle = thick / 2, height / 2
    nodes = {
        "a": ((half, half), (width - half, half)), "g": ((half, middle), (width - half, middle)),
        "d": ((half, height - half), (width - half, height - half)),
        "f": ((half, half), (half, middle)), "b": ((width - half, half), (width - half, middle)),
        "e": ((half, middle), (half, height - half)), "c": ((width - half, middle), (width - half, height - half)),
    }  # fmt: skip
    return {name: bar(np.array(ends), half, gap, pointed=pointed) for name, ends in nodes.items()}


def bar(ends: NDArray[np.float64], half: float, gap: float, *, pointed: bool) -> NDArray[np.float64]:
    """Return one segment between two nodes, shortened by the gap."""
    along = (ends[1] - ends[0]) / np.linalg.norm(ends[1] - ends[0])
    across = np.array([-along[1], along[0]]) * half
    start, end = ends[0] + along * gap, ends[1] - along * gap
    inset = along * half if pointed else -along * half * 0.3
    sides = [start + inset + across, end - inset + across, end - inset - across, start + inset - across]
    return np.array([start, sides[0], sides[1], end, sides[2], sides[3]]) if pointed else np.array(sides)


def dot_line(text: str, rng: np.random.Generator) -> Line:
    """Draw a 5 by 7 dot matrix."""
    pitch = SIZE_PX / 7
    radius = pitch * rng.uniform(0.32, 0.62)
    step = pitch * rng.uniform(5.8, 7.0)
    mask = np.zeros((SIZE_PX * 2, int(len(text) * step) + 2 * SIZE_PX), np.uint8)
    boxes, x = [], SIZE_PX / 2
    for letter in text:
        if letter != " ":
            for row, bits in enumerate(bytes.fromhex(DOTS[letter])):
                for column in range(5):
                    if bits >> (4 - column) & 1:
                        centre = ((x + (column + 0.5) * pitch) * 16, (SIZE_PX / 2 + (row + 0.5) * pitch) * 16)
                        cv2.circle(mask, (int(centre[0]), int(centre[1])), int(radius * 16), 255, -1, cv2.LINE_AA, 4)
            boxes.append((x, SIZE_PX / 2, x + 5 * pitch, SIZE_PX * 1.5))
        x += step
    return trimmed(mask, np.array(boxes, np.float32), text)


def worn(line: Line, rng: np.random.Generator) -> Line:
    """Thicken, thin, hollow or break the strokes of some lines; quads stay."""
    mask, draw = line.mask, rng.random()
    if draw < 0.08:
        mask = np.asarray(cv2.dilate(mask, np.ones((3, 3), np.uint8)), np.uint8)
    elif draw < 0.14:
        mask = np.asarray(cv2.erode(mask, np.ones((2, 2), np.uint8)), np.uint8)
    elif draw < 0.20:
        fat = cv2.dilate(mask, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (5, 5)))
        mask = np.asarray(cv2.subtract(fat, mask), np.uint8)
    elif draw < 0.28:
        mask = broken(mask, rng)
    return Line(mask, line.ghost, line.quads, line.text)


def broken(mask: Mask, rng: np.random.Generator) -> Mask:
    """Wear strokes away: scratches, stencil bridges, or patches of missing ink."""
    height, width = mask.shape
    mask = mask.copy()
    if rng.random() < 0.5:
        for _ in range(int(rng.integers(1, 4))):
            ends = rng.uniform(0, [width, height], (2, 2)).astype(int)
            cv2.line(mask, tuple(map(int, ends[0])), tuple(map(int, ends[1])), 0, int(rng.integers(1, 4)), cv2.LINE_AA)
        return mask
    grains = rng.random((max(2, height // 6), max(2, width // 6))).astype(np.float32)
    ink = np.clip((cv2.resize(grains, (width, height)) - rng.uniform(0.1, 0.3)) * 8, 0.15, 1)
    return np.asarray(mask * ink, np.uint8)


def block_line(text: str, rng: np.random.Generator) -> Line:
    """Draw digits as sports shirts carry them: strokes of one width with cut corners, often with feet."""
    width = SIZE_PX * rng.uniform(0.42, 0.78)
    thick = width * rng.uniform(0.2, 0.33)
    cut = rng.uniform(0.04, 0.34)
    feet = rng.random() < 0.5
    gap = SIZE_PX * rng.uniform(-0.02, 0.22)
    mask = np.zeros((3 * SIZE_PX, int(len(text) * (width + gap)) + 3 * SIZE_PX), np.uint8)
    boxes, x = [], float(SIZE_PX)
    for digit in text:
        wide = width * (0.55 if digit == "1" and not feet else 1.0)
        span = np.array([max(1.0, wide - thick), SIZE_PX - thick])
        for stroke in strokes(digit, cut, feet=feet):
            points = np.array(stroke) * span + [x + thick / 2, SIZE_PX + thick / 2]
            lines = [np.round(points * 16).astype(np.int32)]
            cv2.polylines(mask, lines, False, 255, max(2, round(thick)), cv2.LINE_AA, 4)
        boxes.append((x, SIZE_PX, x + wide, 2 * SIZE_PX))
        x += wide + gap
    return trimmed(mask, np.array(boxes, np.float32), text)


def strokes(digit: str, cut: float, *, feet: bool) -> list[Stroke]:
    """Return the strokes of a digit, points (x, y) in 0..1 of its cell, y downwards.

    `cut`: how much of a corner is cut off, 0..0.45; `feet`: whether 1 and 4 stand on a foot, and some carry serifs.
    """
    c, d = cut, cut * 0.6
    left_end, right_end = (0.0, 0.26), (1.0, 0.26)
    bowl: Stroke = [(1, 0.44 + d), (1, 1 - d), (1 - c, 1), (c, 1), (0, 1 - d), (0, 0.74)]
    six: Stroke = [
        right_end, (1, d), (1 - c, 0), (c, 0), (0, d), (0, 1 - d), (c, 1), (1 - c, 1), (1, 1 - d), (1, 0.44 + d),
        (1 - c, 0.44), (0, 0.44),
    ]  # fmt: skip
    upper: Stroke = [(c, 0), (1 - c, 0), (1, d), (1, 0.47 - d), (1 - c, 0.47), (c, 0.47), (0, 0.47 - d), (0, d), (c, 0)]
    arch: Stroke = [left_end, (0, d), (c, 0), (1 - c, 0), (1, d)]
    serifs: dict[str, Stroke] = {
        "1": [(0.08, 1), (0.92, 1)], "2": [(1, 1), (1, 0.82)], "4": [(0.45, 1), (0.95, 1)], "5": [(1, 0), (1, 0.12)],
    }  # fmt: skip
    shapes: dict[str, list[Stroke]] = {
        "0": [[(c, 0), (1 - c, 0), (1, d), (1, 1 - d), (1 - c, 1), (c, 1), (0, 1 - d), (0, d), (c, 0)]],
        "1": [[(0.5, 1), (0.5, 0), (0.08, 0)] if feet else [(0.8, 1), (0.8, 0), (0, 0.16)]],
        "2": [[*arch, (1, 0.36), (0, 0.86), (0, 1), (1, 1)]],
        "3": [[*arch, (1, 0.47 - d), (1 - c / 2, 0.47), (0.4, 0.47)], [(1 - c / 2, 0.47), *bowl]],
        "4": [[(0.7, 1), (0.7, 0), (0, 0.58), (0, 0.7), (1, 0.7)]],
        "5": [[(1, 0), (0.04, 0), (0, 0.46), (c, 0.4), (1 - c, 0.4), *bowl]],
        "6": [six],
        "7": [[(0, 0.2 if feet else 0.0), (0, 0), (1, 0), (1, 0.14), (0.38, 0.62), (0.38, 1)]],
        "8": [upper, [(x, 0.47 + y * 0.53 / 0.47) for x, y in upper]],
        "9": [[(1 - x, 1 - y) for x, y in six]],
    }
    return [*shapes[digit], serifs[digit]] if feet and digit in serifs else shapes[digit]
