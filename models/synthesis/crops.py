"""Word and number crops for the recognizer, drawn one by one from a seed."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from ..data.labels_tsv import read_labels
from ..data.samples import Crop, Image, read_image
from .backgrounds import Backgrounds, installed_backgrounds
from .camera import photograph_crop
from .fonts import FontPool
from .glyphs import Line, block_line, printed_line, render_line, segment_line, worn
from .placing import blend, draped, placement, seen
from .surroundings import LUMA, Colour, Surroundings, below_bars, display, paint_edges, shirt
from .texts import article_number, display_number, random_text, shirt_number

HELD_OUT_METERS = frozenset({"gasmeter", "lcd2", "top"})
"""Meters of `digits_meter_apache2` that are kept for measuring; the first word of a file's name is its meter."""
METERS = 0.11
"""The share of counters made of real meters' digits. At 0.06 the held-out meters fell (models/training/LOG.md)."""


@dataclass
class CropMaker:
    """Makes crops; fonts and backgrounds are found once.

    `meters`, a folder of single meter digits with a `labels.tsv`, adds counters composed from real wheels and displays.
    """

    fonts: FontPool = field(default_factory=FontPool)
    backgrounds: Backgrounds = field(default_factory=installed_backgrounds)
    meters: MeterDigits | None = None

    def make(self, rng: np.random.Generator, *, hard: float = 1.0) -> Crop:
        """Make a crop uint8 (h, w, 3) BGR, 12 to 64 px high, and its text.

        The same state of `rng` gives the same crop; `hard` 0..1: from short and clean to all that cameras meet.
        """
        image, text, rough = self.draw(rng, hard=hard)
        return photograph_crop(image, rng, hard=rough), text

    def draw(self, rng: np.random.Generator, *, hard: float = 1.0) -> tuple[Image, str, float]:
        """Draw a crop before any camera saw it, its text, and how hard the camera may treat it, 0..1."""
        kind = rng.random() / max(hard, 1e-6)
        if kind < METERS and self.meters is not None:
            return *self.meters.counter(rng), 0.5 * hard
        if kind < METERS + 0.04:
            return self._nothing(rng), "", hard
        if kind < METERS + 0.30:
            return *self.display(rng, hard=hard), hard
        if kind < METERS + 0.51:
            return *self.shirt(rng, hard=hard), 0.7 * hard
        if kind < METERS + 0.55:
            return *self.barcode(rng, hard=hard), 0.8 * hard
        return *self.print(rng, hard=hard), hard

    def display(self, rng: np.random.Generator, *, hard: float = 1.0) -> Crop:
        """Draw a seven-segment display and its number."""
        line = segment_line(display_number(rng), rng)
        return self._place(line, rng, hard, display(rng, line, self.fonts)), line.text

    def shirt(self, rng: np.random.Generator, *, hard: float = 1.0) -> Crop:
        """Draw a player's number on cloth, in block digits, a bold font or any."""
        number, hand = shirt_number(rng), rng.random()
        if hand < 0.45:
            line = block_line(number, rng)
        else:
            line = printed_line(number, rng, self.fonts, tight=rng.random() < 0.4, bold=hand < 0.8)
        line = worn(line, rng) if rng.random() < 0.4 * hard else line
        image = self._place(line, rng, hard, shirt(rng, line, self.fonts))
        return (draped(image, rng) if rng.random() < 0.7 * hard else image), number

    def print(self, rng: np.random.Generator, *, hard: float = 1.0) -> Crop:
        """Draw any text on a sign, a wall or paper."""
        text = random_text(rng, hard=hard)
        shown = str(rng.choice(["[{}]", "({})", "<{}>", "*{}*"])).format(text) if rng.random() < 0.03 * hard else text
        line = render_line(shown, rng, fonts=self.fonts, plain=rng.random() > 0.4 + 0.6 * hard)
        if rng.random() < 0.04 * hard:
            line = underlined(line, rng)
        return self._place(line, rng, hard, self._plain(rng, hard)), text

    def barcode(self, rng: np.random.Generator, *, hard: float = 1.0) -> Crop:
        """Draw the digits below a barcode, whose longer bars reach between their groups."""
        text = article_number(rng)
        line = printed_line(text, rng, self.fonts)
        return self._place(line, rng, hard, below_bars(rng, line)), text

    def _nothing(self, rng: np.random.Generator) -> Image:
        """Return a piece of a background, as a detector takes it for text: there is nothing to read."""
        wall = self.backgrounds.draw(rng, (256, 384))
        height = int(rng.integers(14, 90))
        width = min(380, int(height * np.exp(rng.uniform(np.log(0.5), np.log(4)))))
        y, x = (int(rng.integers(0, side - size)) for side, size in zip(wall.shape, (height, width), strict=False))
        return wall[y : y + height, x : x + width].copy()

    def _plain(self, rng: np.random.Generator, hard: float) -> Surroundings:
        """Return two colours and no more: words on signs, walls and paper."""
        ink, ground = self._colours(rng, hard)
        margins = rng.uniform(-0.05, [0.35, 0.35, 0.28, 0.28]) if rng.random() < 0.8 else rng.uniform(0, 0.1, 4)
        return Surroundings(margins, ink, ground, float(rng.uniform(0.75, 1)))

    def _place(self, line: Line, rng: np.random.Generator, hard: float, around: Surroundings) -> Image:
        least, most = around.heights_px if rng.random() < hard else (28, 56)
        height = int(np.exp(rng.uniform(np.log(least), np.log(most))))
        transform, size_wh = placement(line, rng, height, hard, around)
        canvas = self._ground(rng, size_wh, around.ground, hard)
        paint_edges(canvas, around.edges, transform)
        if rng.random() < 0.27 * hard and around.margins.max() < 0.4 and not around.marks:
            self._neighbour(canvas, line, transform, around.ink, rng)
        for mark in [*around.marks, *([around.shadow] if around.shadow else [])]:
            shift = np.array([[mark.scale, 0, mark.at[0]], [0, mark.scale, mark.at[1]], [0, 0, 1.0]])
            blend(canvas, seen(mark.mask, transform @ shift, size_wh), around.ink, around.strength)
        if line.ghost is not None:
            blend(canvas, seen(line.ghost, transform, size_wh), around.ink, rng.uniform(0.03, 0.3) * around.strength)
        mask = seen(line.mask, transform, size_wh)
        self._ornament(canvas, mask, rng, hard, around)
        blend(canvas, mask * faded(rng, size_wh, around.fading), around.ink, around.strength)
        return np.asarray(np.clip(canvas, 0, 255), np.uint8)

    def _colours(self, rng: np.random.Generator, hard: float) -> tuple[Colour, Colour]:
        """Return two colours far enough apart in luma to be read."""
        least = rng.uniform(90, 200) if rng.random() > hard else 20 + rng.exponential(60)
        for _ in range(20):
            ink, ground = rng.uniform(0, 255, (2, 3))
            if rng.random() < 0.4:
                ink = np.full(3, ink[0])
            if abs(LUMA @ (ink - ground)) > least:
                break
        else:
            ink, ground = np.array([[0.0] * 3, [255.0] * 3])[rng.permutation(2)]
        return ink.astype(np.float32), ground.astype(np.float32)

    def _ground(
        self, rng: np.random.Generator, size_wh: tuple[int, int], colour: Colour, hard: float
    ) -> NDArray[np.float32]:
        """Return a plain, shaded or textured ground around one colour."""
        width, height = size_wh
        canvas = np.full((height, width, 3), colour, np.float32)
        if rng.random() < 0.3 * hard:
            texture = self.backgrounds.draw(rng, (height, width)).astype(np.float32)
            canvas += (texture - texture.mean((0, 1))) * rng.uniform(0.1, 0.6)
        elif rng.random() < 0.5:
            canvas += cv2.resize(rng.normal(0, 18 * hard, (2, 2)).astype(np.float32), size_wh)[..., np.newaxis]
        return canvas

    def _neighbour(
        self,
        canvas: NDArray[np.float32],
        line: Line,
        transform: NDArray[np.float64],
        ink: Colour,
        rng: np.random.Generator,
    ) -> None:
        """Let a part of another line of text look in from above or below, or a letter from a side."""
        height, width = line.mask.shape
        if rng.random() < 0.4:
            other = printed_line(str(rng.choice(list("$MWRGKBDEH#@&"))), rng, self.fonts)
            scale = height / other.mask.shape[0] * rng.uniform(0.5, 1.1)
            gap, wide = rng.uniform(0.05, 0.2) * height, scale * other.mask.shape[1]
            x = -gap - wide if rng.random() < 0.6 else width + gap
            y = rng.uniform(0, 1) * (height - scale * other.mask.shape[0])
        else:
            other = render_line(random_text(rng), rng, fonts=self.fonts, plain=True)
            scale = rng.uniform(0.35, 1.0)
            far = rng.uniform(1.12, 1.5)
            x = rng.uniform(-0.5, 0.5) * width
            y = -far * scale * other.mask.shape[0] if rng.random() < 0.5 else far * height
        shift = np.array([[scale, 0, x], [0, scale, y], [0, 0, 1.0]])
        blend(canvas, seen(other.mask, transform @ shift, (canvas.shape[1], canvas.shape[0])), ink, rng.uniform(0.4, 1))

    def _ornament(
        self,
        canvas: NDArray[np.float32],
        mask: NDArray[np.float32],
        rng: np.random.Generator,
        hard: float,
        around: Surroundings,
    ) -> None:
        """Draw a contour, a shadow or a frame around the text, as on shirts, signs and windows."""
        height, width = mask.shape
        colour, kind = rng.uniform(0, 255, 3).astype(np.float32), rng.random()
        rings = around.rings or ([(rng.uniform(0.02, 0.06), colour)] if kind < 0.12 * hard else [])
        if rings:
            for ring, its_colour in rings:
                size = 2 * max(1, round(height * ring)) + 1
                wide = cv2.dilate(mask, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (size, size)))
                blend(canvas, np.asarray(wide, np.float32), its_colour, 1)
        elif kind < 0.2 * hard:
            shift = np.array([[1, 0, height * 0.05], [0, 1, height * 0.05]])
            shadow = cv2.GaussianBlur(mask, (0, 0), max(0.3, height * rng.uniform(0.01, 0.05)))
            blend(canvas, np.asarray(cv2.warpAffine(shadow, shift, (width, height)), np.float32), around.ink * 0.2, 0.6)
        elif kind < 0.3 * hard:
            for y in (0.04, 0.96):
                if rng.random() < 0.7:
                    level = int(height * (y + rng.uniform(-0.04, 0.04)))
                    cv2.line(
                        canvas, (0, level), (width, level), colour.tolist(), max(1, int(height * 0.05)), cv2.LINE_AA
                    )
            if rng.random() < 0.5:
                x = int(rng.choice([0.01, 0.99]) * width)
                cv2.line(canvas, (x, 0), (x, height), colour.tolist(), max(1, int(height * 0.06)), cv2.LINE_AA)


def underlined(line: Line, rng: np.random.Generator) -> Line:
    """Underline a line with a stroke that reaches a little beyond its ends, or not as far."""
    height, width = line.mask.shape
    mask = cv2.copyMakeBorder(line.mask, 0, height // 4, 0, 0, cv2.BORDER_CONSTANT)
    level = int(height * rng.uniform(1.0, 1.15))
    ends = (int(width * rng.uniform(-0.05, 0.1)), level), (int(width * rng.uniform(0.9, 1.05)), level)
    cv2.line(mask, *ends, 255, max(1, int(height * rng.uniform(0.03, 0.09))), cv2.LINE_AA)
    ghost = None if line.ghost is None else cv2.copyMakeBorder(line.ghost, 0, height // 4, 0, 0, cv2.BORDER_CONSTANT)
    return Line(
        np.asarray(mask, np.uint8), None if ghost is None else np.asarray(ghost, np.uint8), line.quads, line.text
    )


class CropPool:
    """Shows each drawn crop to several cameras, since drawing costs three times as much as photographing."""

    def __init__(self, maker: CropMaker, *, uses: int = 3, size: int = 384) -> None:
        self.maker, self.uses, self.size = maker, uses, size
        self._drawn: list[tuple[Image, str, float]] = []

    def make(self, rng: np.random.Generator, *, hard: float = 1.0) -> Crop:
        """Make a crop as `CropMaker.make` does, of a new drawing or, in `uses` - 1 of `uses` times, of an earlier."""
        place = int(rng.integers(self.size))
        if place >= len(self._drawn) or rng.random() < 1 / self.uses:
            place = min(place, len(self._drawn))
            self._drawn[place : place + 1] = [self.maker.draw(rng, hard=hard)]
        image, text, rough = self._drawn[place]
        return photograph_crop(varied(image, rng, hard), rng, hard=rough), text


def retaken(image: Image, rng: np.random.Generator) -> Image:
    """Return a crop as another camera might have taken it, cut a little otherwise; one in four stays as it is."""
    if rng.random() < 0.25:
        return image
    height, width = image.shape[:2]
    left, right, top, bottom = np.round(rng.uniform(0, [0.12, 0.12, 0.1, 0.1]) * height).astype(int)
    wider = cv2.copyMakeBorder(image, top, bottom, left, right, cv2.BORDER_REPLICATE)
    turn = cv2.getRotationMatrix2D((width / 2 + left, height / 2 + top), float(rng.normal(0, 3)), 1)
    turn[0, 2] -= rng.normal(0, 0.02) * height
    turned = cv2.warpAffine(wider, turn, wider.shape[1::-1], borderMode=cv2.BORDER_REPLICATE)
    return photograph_crop(varied(np.asarray(turned, np.uint8), rng, 0.6), rng, hard=0.5)


def varied(image: Image, rng: np.random.Generator, hard: float) -> Image:
    """Change a crop's colours, width and place a little; now and then, turn dark and light round."""
    height, width = image.shape[:2]
    wide = max(3, round(width * float(np.exp(hard * rng.uniform(-0.2, 0.45)))))
    move = np.array([[wide / width, 0, rng.normal(0, 0.02) * height], [0, 1, rng.normal(0, 0.02) * height]])
    moved = cv2.warpAffine(image, move, (wide, height), borderMode=cv2.BORDER_REPLICATE)
    gain = rng.uniform(0.7, 1.1)
    if rng.random() < 0.15 * hard:
        moved = np.asarray(cv2.bitwise_not(moved))
    low, high = gain * float(moved.min()), gain * float(moved.max())
    least, most = sorted((-low, 255 - high))
    shift = float(np.clip(rng.uniform(-25, 25), least, most))
    return np.asarray(cv2.LUT(moved, np.clip(np.arange(256) * gain + shift, 0, 255).astype(np.uint8)), np.uint8)


def faded(rng: np.random.Generator, size_wh: tuple[int, int], depth: float) -> NDArray[np.float32]:
    """Return how much of the ink is left, float32 (h, w), 1 - depth..1, in patches from left to right."""
    left = 1 - depth * rng.random((2, int(rng.integers(2, 6)))).astype(np.float32)
    return np.asarray(cv2.resize(left, size_wh), np.float32)


class MeterDigits:
    """Single digits of real meters, put side by side to counters; `held_out`: of those that training must not see.

    The folder has a `labels.tsv`, such as `digits_meter_apache2` (Apache-2.0).
    """

    def __init__(self, folder: Path, *, held_out: bool = False) -> None:
        labels = [label for label in read_labels(folder) if label.text.isdigit()]
        self.by_meter: dict[str, list[Crop]] = {}
        for label in labels:
            meter = meter_of(label.path)
            if (meter in HELD_OUT_METERS) == held_out:
                self.by_meter.setdefault(meter, []).append((read_image(label.path, where=label.where), label.text))
        self.meters = sorted(self.by_meter)

    def counter(self, rng: np.random.Generator) -> Crop:
        """Put one to seven digits of one meter side by side."""
        digits = self.by_meter[self.meters[rng.integers(len(self.meters))]]
        count = 1 if rng.random() < 0.3 else int(rng.integers(2, 8))
        picked = [digits[rng.integers(len(digits))] for _ in range(count)]
        height = int(rng.integers(24, 48))
        width = max(4, round(height * rng.uniform(0.5, 0.75)))
        images = [cv2.resize(image, (width, height), interpolation=cv2.INTER_AREA) for image, _ in picked]
        return np.concatenate(images, axis=1), "".join(text for _, text in picked)


def meter_of(path: Path) -> str:
    """Return the meter that an image of `digits_meter_apache2` shows: the first word of the file's name."""
    return path.name.split("_")[0].split("-")[0]
