"""Flat pieces of a scene, seen straight on, with the places of their characters, before they are put in perspective."""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from ..data.samples import Image
from .backgrounds import Colour, Generator, ink
from .fonts import FontPool
from .glyphs import Line, printed_line, render_line, segment_line

Quads = NDArray[np.float32]
Box = tuple[float, float, float, float]


@dataclass(frozen=True)
class Lettering:
    """How a text is written on a sheet."""

    fonts: FontPool
    """The fonts to pick from."""
    colour: Colour
    """BGR."""
    strength: float = 1.0
    """0..1: how far the ink covers."""
    outline: Colour | None = None
    """A second colour around the strokes."""
    align: str = "centre"
    """`left`, `centre` or `right` in its box."""
    segments: bool = False
    """Whether it is a seven-segment display, which shows digits, `-`, `.` and `:` only."""
    printed: bool = False
    """Whether it is plain print."""


class Sheet:
    """A picture with alpha and the words on it."""

    def __init__(self, hw: tuple[float, float], colour: Colour | None) -> None:
        """Start with one colour, or transparent where `colour` is None."""
        size = max(4, round(hw[0])), max(4, round(hw[1]))
        self.image: Image = np.zeros((*size, 3), np.uint8)
        self.alpha: Image = np.zeros(size, np.uint8)
        self.words: list[tuple[str, Quads]] = []
        if colour is not None:
            self.image[:] = colour
            self.alpha[:] = 255

    def write(self, rng: Generator, text: str, box: Box, lettering: Lettering, *, join: bool = False) -> None:
        """Write one line into a box (x0, y0, x1, y1), as high as the box or as its width allows.

        Blanks part the words; with `join` the characters go on the word written last.
        """
        height, width = int(box[3] - box[1]), int(box[2] - box[0])
        if height < 3 or width < 3 or not any(map(str.isalnum, text)):
            return
        drawn = draw_line(rng, text, lettering)
        line = fit(drawn, (height, width))
        slack = {"left": 0.0, "centre": 0.5, "right": 1.0}[lettering.align]
        x = int(box[0] + slack * (width - line.mask.shape[1]))
        y = int(box[1] + 0.5 * (height - line.mask.shape[0]))
        if line.ghost is not None:
            self._ink(line.ghost, (x, y), lettering.colour, lettering.strength * rng.uniform(0.03, 0.2))
        if lettering.outline is not None:
            thick = cv2.dilate(line.mask, np.ones((3, 3), np.uint8), iterations=max(1, height // 18))
            self._ink(np.asarray(thick, np.uint8), (x, y), lettering.outline, lettering.strength)
        self._ink(line.mask, (x, y), lettering.colour, lettering.strength)
        self._note(line.text, line.quads + np.array([x, y], np.float32), join=join)

    def _ink(self, mask: Image, xy: tuple[int, int], colour: Colour, strength: float) -> None:
        x, y = max(xy[0], 0), max(xy[1], 0)
        mask = mask[y - xy[1] :, x - xy[0] :][: self.alpha.shape[0] - y, : self.alpha.shape[1] - x]
        window = slice(y, y + mask.shape[0]), slice(x, x + mask.shape[1])
        cover = mask.astype(np.float32) * (strength / 255)
        under = self.alpha[window].astype(np.float32) / 255
        seen = cover + under * (1 - cover)
        share = (cover / np.maximum(seen, 1e-4))[..., np.newaxis]
        mixed = self.image[window] * (1 - share) + np.array(colour, np.float32) * share
        self.image[window] = np.clip(mixed, 0, 255)
        self.alpha[window] = seen * 255

    def _note(self, text: str, quads: Quads, *, join: bool) -> None:
        start = 0
        for number, word in enumerate(text.split()):
            part = level(quads[start : start + len(word)])
            start += len(word)
            if join and number == 0 and self.words:
                before, known = self.words.pop()
                word, part = before + word, level(np.concatenate([known, part]))  # noqa: PLW2901
            self.words.append((word, part))


def draw_line(rng: Generator, text: str, lettering: Lettering) -> Line:
    """Draw a text as its lettering says."""
    if lettering.segments:
        return segment_line(text, rng)
    if lettering.printed:
        return printed_line(text, rng, lettering.fonts)
    return render_line(text, rng, fonts=lettering.fonts)


def fit(line: Line, hw: tuple[int, int]) -> Line:
    """Scale a line to (height, width): as high as that, or as wide, squeezed across by a third at most."""
    height, width = line.mask.shape
    down = hw[0] / height
    across = min(down, hw[1] / width)
    down = min(down, across * 1.5)
    size = max(2, round(width * across)), max(2, round(height * down))
    scale = np.array([size[0] / width, size[1] / height], np.float32)
    ghost = None if line.ghost is None else _resize(line.ghost, size)
    return Line(mask=_resize(line.mask, size), ghost=ghost, quads=line.quads * scale, text=line.text)


def _resize(mask: Image, size_wh: tuple[int, int]) -> Image:
    method = cv2.INTER_AREA if size_wh[1] < mask.shape[0] else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(mask, size_wh, interpolation=method), np.uint8)


def level(quads: Quads) -> Quads:
    """Give upright character quads (n, 4, 2) of one word a common top and bottom, so that a dot is as high as a 1."""
    if not len(quads):
        return quads
    flat = quads.copy()
    flat[:, :2, 1] = quads[..., 1].min()
    flat[:, 2:, 1] = quads[..., 1].max()
    return flat


def contrasting(rng: Generator, colour: Colour, least: float) -> Colour:
    """Return a colour that differs from another in brightness (0..255) by at least this, as far as it can."""
    best, far = ink(rng), -1.0
    for _ in range(12):
        other = ink(rng)
        distance = abs(brightness(other) - brightness(colour))
        if distance >= least:
            return other
        if distance > far:
            best, far = other, distance
    return best


def brightness(colour: Colour) -> float:
    """Return the brightness 0..255 of a colour, BGR (ITU-R BT.601)."""
    return 0.114 * colour[0] + 0.587 * colour[1] + 0.299 * colour[2]
