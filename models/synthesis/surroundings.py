"""What stands around the number on a display or a shirt: how far a crop reaches, its colours, small print and edges.

A recognizer's crop is cut by a detector or by hand, so that more than the number is in it: the glass of a display with
its unit and symbols, the rim of its case, the name above a player's number, the body's outline. None of it is read.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import pairwise

import cv2
import numpy as np
from numpy.typing import NDArray

from .fonts import FontPool
from .glyphs import Line, Mask, printed_line
from .texts import CLEAR_LETTERS, UNITS, WORDS

Colour = NDArray[np.float32]
Points = NDArray[np.float32]
LUMA = np.array([0.114, 0.587, 0.299])
"""How bright blue, green and red are."""


@dataclass(frozen=True)
class Mark:
    """Small print beside the number."""

    mask: Mask
    """uint8 (h, w): opacity."""
    scale: float
    """Line pixels per mask pixel."""
    at: tuple[float, float]
    """Where its top left is, line pixels (x, y)."""


@dataclass(frozen=True)
class Surroundings:
    """What a crop shows beside its line of text."""

    margins: NDArray[np.float64]
    """(4,): how far the crop reaches beyond the line to the left, right, top and bottom, in the line's heights."""
    ink: Colour
    """(3,) colour of the text."""
    ground: Colour
    """(3,) colour behind it."""
    strength: float
    """Opacity of the ink, 0..1."""
    marks: list[Mark] = field(default_factory=list)
    """Small print."""
    edges: list[tuple[Points, Colour]] = field(default_factory=list)
    """Areas of other colours, each a polygon (n, 2) in line pixels."""
    rings: list[tuple[float, Colour]] = field(default_factory=list)
    """Contours around the strokes, the outermost first: how far each reaches, in the crop's heights, and its colour."""
    shadow: Mark | None = None
    """What the segments of a display throw on the ground behind them."""
    heights_px: tuple[int, int] = (13, 64)
    """Least and greatest height of the crop, in pixels."""
    narrow: float = 1.0
    """Factor on the line's width."""
    lean: float = 0.0
    """How far the line's top leans to the left on the mean, in its heights."""
    fading: float = 0.0
    """How much of the ink is gone where it is faintest, 0..1."""
    turn: float = 4.0
    """Standard deviation of the line's angle, degrees."""


def display(rng: np.random.Generator, line: Line, fonts: FontPool) -> Surroundings:
    """Return a display's glass: one colour, a unit behind the number, symbols around it, the case at the rim."""
    height, width = line.mask.shape
    margins = rng.uniform(-0.03, 1, 4) ** 2 * [0.9, 1.1, 0.55, 0.6]
    if rng.random() < 0.15:
        margins[rng.integers(2)] *= 3
    ground, ink, strength = glass(rng)
    marks, shadow = [], None
    if rng.random() < 0.3:
        shade = np.asarray(line.mask * rng.uniform(0.08, 0.35), np.uint8)
        x, y = rng.normal(0, 0.06, 2) * height
        shadow = Mark(shade, 1.0, (float(x), float(y)))
    if rng.random() < 0.55:
        unit = UNITS[rng.integers(len(UNITS))]
        marks.append(_mark(rng, rng.choice([unit, unit.upper(), "kWh", "kWh"]), fonts, rng.uniform(0.2, 0.5) * height))
        low = rng.choice([0.0, 0.7, 1.0]) * (height - marks[-1].mask.shape[0] * marks[-1].scale)
        marks[-1] = _at(marks[-1], width + rng.uniform(0.06, 0.4) * height, low)
    if rng.random() < 0.35:
        size = rng.uniform(0.15, 0.4) * height
        y = -size * rng.uniform(1.05, 1.6) if rng.random() < 0.6 else height + rng.uniform(0.05, 0.25) * height
        marks += [_at(_mark(rng, _symbols(rng), fonts, size), rng.uniform(-0.2, 0.9) * width, y) for _ in range(2)]
    if rng.random() < 0.15:
        size = rng.uniform(0.25, 0.45) * height
        x = -rng.uniform(0.5, 0.9) * height
        letters = rng.choice(list("RYBTLPH"), 2)
        marks += [_at(_mark(rng, letter, fonts, size), x, row * 0.52 * height) for row, letter in enumerate(letters)]
    elif rng.random() < 0.12:
        marks += labels(rng, fonts, height)
    narrow, fading = float(np.exp(rng.uniform(-0.2, 0.8))), float(rng.choice([0.0, rng.uniform(0, 0.7)]))
    edges = rim(rng, margins, (height, width))
    return Surroundings(margins, ink, ground, strength, marks, edges, shadow=shadow, narrow=narrow, fading=fading)


def labels(rng: np.random.Generator, fonts: FontPool, height: int) -> list[Mark]:
    """Return small labels in a column left of a display's number, cut out of dark boxes: L1, L2, R, Y."""
    size, x = rng.uniform(0.32, 0.48) * height, -rng.uniform(0.55, 1.1) * height
    found = []
    for row in range(2):
        text = "".join([rng.choice(list("LRYBTPA")), rng.choice(["", *"123"])])
        mask = np.pad(printed_line(text, rng, fonts).mask, 6)
        found.append(Mark(255 - mask, size / mask.shape[0], (float(x), row * 0.52 * height)))
    return found


def below_bars(rng: np.random.Generator, line: Line) -> Surroundings:
    """Return the bars above a barcode's digits, the longer ones of which reach down at both ends and between groups."""
    height, width = line.mask.shape
    module, tall = max(2, round(width / 100)), height * 3
    bars = np.zeros((tall + height, width + 2 * height), np.uint8)
    x = int(height * rng.uniform(0.2, 1))
    while x < bars.shape[1] - height * rng.uniform(0, 0.8):
        bars[:tall, x : x + module * int(rng.integers(1, 4))] = 255
        x += module * int(rng.integers(2, 7))
    gaps = [(low[1][0] + high[0][0]) / 2 for low, high in pairwise(line.quads) if high[0][0] - low[1][0] > height * 0.2]
    long = tall + int(height * rng.uniform(0, 0.9))
    for place in (*gaps, rng.uniform(-0.6, -0.1) * height, width + rng.uniform(0.1, 0.6) * height):
        for side in (-1, 1):
            left = round(place + height + side * module)
            bars[:long, left : left + module] = 255
    gap = height * rng.uniform(0.05, 0.3)
    ground, ink = rng.uniform(150, 255) * rng.uniform(0.85, 1, 3), rng.uniform(0, 70, 3)
    margins = rng.uniform([0, 0, 0, 0], [0.4, 0.4, 0.7, 0.35])
    mark = Mark(bars, 1.0, (-float(height), -float(tall) - gap))
    return Surroundings(margins, ink.astype(np.float32), ground.astype(np.float32), float(rng.uniform(0.8, 1)), [mark])


def glass(rng: np.random.Generator) -> tuple[Colour, Colour, float]:
    """Return ground, ink and the ink's opacity of a display: dark on a lit ground, or glowing on a dark one."""
    tint = np.array(TINTS[rng.integers(len(TINTS))]) * rng.uniform(0.8, 1.2, 3)
    ground = np.clip(rng.uniform(30, 235) * tint / float(LUMA @ tint), 0, 255)
    if rng.random() < 0.8:
        ink, strength = ground * rng.uniform(0, 0.35), rng.uniform(0.25, 1.0)
    else:
        ground, ink, strength = ground * 0.15, np.clip(ground + 80, 0, 255), rng.uniform(0.5, 1.0)
    least = 18 / max(1.0, abs(float(LUMA @ (ink - ground))))
    return ground.astype(np.float32), ink.astype(np.float32), float(np.clip(strength, min(1.0, least), 1))


TINTS = (
    (0.9, 1.0, 0.95), (0.8, 1.0, 0.9), (0.2, 1.0, 0.2), (0.5, 1.0, 0.3), (0.05, 0.6, 1.0), (0.1, 0.35, 1.0),
    (1.0, 0.75, 0.3), (1.0, 0.6, 0.5), (0.75, 0.9, 1.0), (1.0, 1.0, 1.0), (1.0, 1.0, 1.0),
)  # fmt: skip
"""Blue, green and red of lit displays."""


def rim(rng: np.random.Generator, margins: NDArray[np.float64], hw: tuple[int, int]) -> list[tuple[Points, Colour]]:
    """Return the case around a display where the crop reaches it: bars along some sides, slightly askew."""
    height, width = hw
    left, right, top, bottom = margins * height
    case = np.full(3, rng.uniform(0, 255)) * rng.uniform(0.8, 1.0, 3)
    far, edges = 4.0 * height, []
    for side in range(4):
        reach = (left, right, top, bottom)[side]
        if reach < 0.08 * height or rng.random() < 0.6:
            continue
        gap, skew = reach * rng.uniform(0.3, 0.95), rng.uniform(-0.15, 0.15) * reach
        if side < 2:
            x = -gap if side == 0 else width + gap
            out = -far if side == 0 else width + far
            points = [(x - skew, -far), (x + skew, height + far), (out, height + far), (out, -far)]
        else:
            y = -gap if side == 2 else height + gap
            out = -far if side == 2 else height + far
            points = [(-far, y - skew), (width + far, y + skew), (width + far, out), (-far, out)]
        edges.append((np.array(points, np.float32), case.astype(np.float32)))
    return edges


def shirt(rng: np.random.Generator, line: Line, fonts: FontPool) -> Surroundings:
    """Return a player's back or chest: cloth, contours around the digits, a name above them, the body's outline."""
    height, width = line.mask.shape
    margins = rng.uniform(0.05, 0.65) * rng.uniform(0.4, 1.2, 4) * [0.8, 0.8, 1, 1]
    ground, ink = (np.clip(rng.uniform(0, 255) * rng.uniform(0.1, 1.6, 3), 0, 255) for _ in range(2))
    while abs(LUMA @ (ink - ground)) < 60:
        ground, ink = rng.uniform(0, 255, (2, 3))
    marks = []
    if rng.random() < 0.45:
        size = rng.uniform(0.2, 0.4) * height
        name = "".join(rng.choice(list(CLEAR_LETTERS.upper()), int(rng.integers(4, 10))))
        mark = _mark(rng, name, fonts, size)
        span = mark.mask.shape[1] * mark.scale
        marks.append(_at(mark, (width - span) / 2 + rng.normal(0, 0.2) * height, -size * rng.uniform(1.1, 1.8)))
    edges = []
    for side in (0, 1):
        if rng.random() < 0.25:
            reach = margins[side] * height * rng.uniform(0.5, 0.95)
            x = width + reach if side else -reach
            out = width + 4 * height if side else -4.0 * height
            skew = rng.normal(0, 0.15) * height
            points = [(x - skew, -3 * height), (x + skew, 4 * height), (out, 4 * height), (out, -3 * height)]
            edges.append((np.array(points, np.float32), rng.uniform(0, 255, 3).astype(np.float32)))
    colours = ink.astype(np.float32), ground.astype(np.float32)
    rings = contours(rng, *colours)
    if rings and rng.random() < 0.2:
        colours = np.clip(ground + rng.normal(0, 12, 3), 0, 255).astype(np.float32), colours[1]
    target = rng.uniform(0.3, 0.62) if len(line.text) == 1 else rng.uniform(0.6, 1.3)
    narrow, lean = float(np.clip(target * height / width, 0.45, 1.6)), float(rng.normal(0, 0.17))
    strength, px = float(rng.uniform(0.8, 1)), (22, 60)
    turn = float(rng.choice([4.0, 14.0]))
    return Surroundings(
        margins, *colours, strength, marks, edges, rings, heights_px=px, narrow=narrow, lean=lean, turn=turn
    )


def contours(rng: np.random.Generator, ink: Colour, ground: Colour) -> list[tuple[float, Colour]]:
    """Return no, one or two contours of a shirt's digits, the outermost first; the last is unlike ink and ground."""
    count = int(rng.choice([0, 1, 2], p=[0.35, 0.45, 0.2]))
    if count == 0:
        return []
    some = rng.uniform(0, 255, (8, 3))
    inner = some[np.abs((some[:, np.newaxis] - [ink, ground]) @ LUMA).min(1).argmax()]
    reach = rng.uniform(0.015, 0.045)
    rings = [(float(reach), inner.astype(np.float32))]
    if count == 2:
        outer = ink if rng.random() < 0.5 else rng.uniform(0, 255, 3)
        rings.insert(0, (float(reach * rng.uniform(1.6, 2.1)), outer.astype(np.float32)))
    return rings


def _symbols(rng: np.random.Generator) -> str:
    if rng.random() < 0.5:
        return str(WORDS[rng.integers(len(WORDS))]).upper()
    return "".join(rng.choice(list("KWHRYBCUMPLT"), int(rng.integers(1, 5))))


def _mark(rng: np.random.Generator, text: str, fonts: FontPool, size: float) -> Mark:
    mask = printed_line(str(text), rng, fonts).mask
    return Mark(mask, size / mask.shape[0], (0.0, 0.0))


def _at(mark: Mark, x: float, y: float) -> Mark:
    return Mark(mark.mask, mark.scale, (float(x), float(y)))


def paint_edges(
    canvas: NDArray[np.float32], edges: list[tuple[Points, Colour]], transform: NDArray[np.float64]
) -> None:
    """Fill the polygons, given in line pixels, into a crop's canvas (h, w, 3), in place."""
    for points, colour in edges:
        seen = cv2.perspectiveTransform(points.reshape(-1, 1, 2).astype(np.float64), transform)
        cv2.fillPoly(canvas, [np.round(seen.clip(-1e4, 1e4) * 16).astype(np.int32)], colour.tolist(), cv2.LINE_AA, 4)
