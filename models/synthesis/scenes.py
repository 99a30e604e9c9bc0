"""Photos that never were: things with text, put in perspective before a background, with every character's place."""

from dataclasses import dataclass
from functools import cache

import cv2
import numpy as np
from numpy.typing import NDArray

from ..data.samples import Image, Scene, Word
from .backgrounds import Backgrounds, Generator, ink, installed_backgrounds
from .camera import photograph_scene
from .fonts import FontPool
from .sheets import Quads, Sheet
from .things import THINGS, Kit

EMPTY_SHARE = 0.15
"""The share of scenes without any text."""
SMALLEST_PX = 6.0
"""Lower words are there, but neither asked for nor held against the detector."""
UNSEEN_PX = 0.5
"""What is lower or narrower cannot be seen, and is no word."""


@dataclass(frozen=True)
class Stock:
    """What scenes are made of."""

    fonts: FontPool
    """The fonts of texts."""
    backgrounds: Backgrounds
    """What stands behind them."""


@cache
def installed_stock() -> Stock:
    """Return the fonts and wallpapers of this machine. Raise TrainingDataError where no font is installed."""
    return Stock(FontPool(), installed_backgrounds())


def make_scene(
    rng: Generator, hw: tuple[int, int] = (384, 384), *, level: float = 1.0, stock: Stock | None = None
) -> Scene:
    """Make one scene, all quads of which are inside the image; about one in seven has no words.

    The same generator state, size and stock (None = the machine's) give the same scene. `level` 0..1: from large text
    of strong contrast to small, faint, tilted and badly photographed text.
    """
    stock = stock or installed_stock()
    image = stock.backgrounds.draw(rng, hw).copy()
    words: list[Word] = []
    if rng.random() >= EMPTY_SHARE:
        taken = np.zeros(hw, np.uint8)
        kit = Kit(stock.fonts, contrast=100 - (100 - float(np.exp(rng.uniform(np.log(14), np.log(100))))) * level)
        names = list(THINGS)
        weights = np.array([share for _, share in THINGS.values()])
        kind = names[int(rng.choice(len(names), p=weights / weights.sum()))]
        for size in text_sizes(rng, hw, level):
            if rng.random() < 0.35:
                kind = names[int(rng.choice(len(names), p=weights / weights.sum()))]
            sheet = THINGS[kind][0](rng, size, kit)
            words += place(rng, image, taken, sheet, level=level, cloth=kind == "bib" or rng.random() < 0.1)
    return Scene(photograph_scene(rng, image, level), words)


def text_sizes(rng: Generator, hw: tuple[int, int], level: float) -> list[float]:
    """Return heights in pixels of the things' main texts: one or two large ones, or up to eleven small ones."""
    smallest, largest = np.log(24 - 16 * level), np.log(min(hw) * 0.6)
    first = float(np.exp(rng.uniform(smallest, largest)))
    count = int(rng.integers(1, 3 + min(9, int(0.35 * min(hw) / first))))
    return [first * float(np.exp(rng.normal(0, 0.25 * level))) for _ in range(count)]


def place(rng: Generator, image: Image, taken: Image, sheet: Sheet, *, level: float, cloth: bool) -> list[Word]:
    """Put a sheet into a scene where nothing stands yet; give its words, none where there is no room."""
    if not sheet.words:
        return []
    if rng.random() < 0.3 * level:
        bend(rng, sheet)
    hw = image.shape[0], image.shape[1]
    for _ in range(6):
        corners = pose(rng, sheet.alpha.shape, hw, level)
        low, high = np.floor(corners.min(0)).astype(int), np.ceil(corners.max(0)).astype(int) + 1
        if not taken[_window(low, high, (high - low) if cloth else 0)].any():
            if cloth:
                clothe(rng, image, corners)
            taken[_window(low, high)] = 1
            return paste(rng, image, sheet, corners)
    return []


def _window(
    low: NDArray[np.int64], high: NDArray[np.int64], margin: NDArray[np.int64] | int = 0
) -> tuple[slice, slice]:
    start, stop = np.maximum(low - margin, 0), high + margin
    return slice(start[1], stop[1]), slice(start[0], stop[0])


def pose(rng: Generator, size: tuple[int, ...], hw: tuple[int, int], level: float) -> Quads:
    """Return corners (4, 2) in the scene for a sheet (height, width): turned, tilted, and shrunk if it does not fit."""
    height, width = size
    tilt = rng.uniform(-0.09, 0.09, (4, 2)) * level
    corners = (np.array([[0, 0], [1, 0], [1, 1], [0, 1]]) - 0.5 + tilt) * [width, height]
    spread = 5 if rng.random() < 0.85 else 30
    turn = np.deg2rad(np.clip(rng.normal(0, spread * level), -80, 80))
    corners = corners @ np.array([[np.cos(turn), np.sin(turn)], [-np.sin(turn), np.cos(turn)]])
    extent = np.ptp(corners, axis=0)
    corners *= min(1.0, float(np.min((np.array(hw[::-1]) - 4) / (extent + 2))))
    low, high = 1 - corners.min(0), np.array(hw[::-1]) - 2 - corners.max(0)
    return np.asarray(corners + rng.uniform(low, np.maximum(low, high)), np.float32)


def paste(rng: Generator, image: Image, sheet: Sheet, corners: Quads) -> list[Word]:
    """Warp a sheet onto its corners (4, 2) and give its words in the scene."""
    height, width = sheet.alpha.shape
    low = np.floor(corners.min(0)).astype(int)
    size = (np.ceil(corners.max(0)).astype(int) + 1 - low).tolist()
    flat = np.array([[0, 0], [width, 0], [width, height], [0, height]], np.float32)
    transform = cv2.getPerspectiveTransform(flat, corners - low.astype(np.float32))
    shrink = float(np.linalg.norm(corners[1] - corners[0])) / width
    picture = sheet.image if shrink > 0.7 else cv2.GaussianBlur(sheet.image, (0, 0), 0.4 / shrink)
    seen = cv2.warpPerspective(picture, transform, size, borderMode=cv2.BORDER_REPLICATE)
    cover = cv2.warpPerspective(sheet.alpha, transform, size).astype(np.float32)[..., np.newaxis] / 255
    window = image[low[1] : low[1] + size[1], low[0] : low[0] + size[0]]
    window[:] = window + (seen - window.astype(np.float32)) * cover * rng.uniform(0.85, 1)
    words = [_seen_word(text, quads, np.asarray(transform, np.float64), low) for text, quads in sheet.words]
    return [word for word in words if min(cv2.minAreaRect(word.quad)[1]) > UNSEEN_PX]


def _seen_word(text: str, quads: Quads, transform: NDArray[np.float64], origin: NDArray[np.int64]) -> Word:
    points = cv2.perspectiveTransform(np.asarray(quads, np.float32).reshape(-1, 1, 2), transform).reshape(-1, 4, 2)
    characters = np.asarray(points + origin, np.float32)
    quad = np.stack([characters[0, 0], characters[-1, 1], characters[-1, 2], characters[0, 3]])
    height = float(np.linalg.norm(characters[:, 3] - characters[:, 0], axis=1).mean())
    return Word(text, quad, characters, ignored=height < SMALLEST_PX)


def bend(rng: Generator, sheet: Sheet) -> None:
    """Bend a sheet's lines into a shallow arc or wave, characters' quads too."""
    height, width = sheet.alpha.shape
    depth, waves, start = 0.12 * min(height, width) * rng.uniform(0.2, 1), rng.uniform(0.3, 0.8), rng.uniform(0, 6.3)

    def shift(x: NDArray[np.float32]) -> NDArray[np.float32]:
        return np.asarray(depth * np.sin(start + waves * 2 * np.pi * x / width), np.float32)

    x, y = np.meshgrid(np.arange(width, dtype=np.float32), np.arange(height, dtype=np.float32))
    from_y = y - shift(x)
    sheet.image = np.asarray(cv2.remap(sheet.image, x, from_y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE))
    sheet.alpha = np.asarray(cv2.remap(sheet.alpha, x, from_y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT))
    for number, (text, quads) in enumerate(sheet.words):
        bent = quads.copy()
        bent[..., 1] = np.clip(bent[..., 1] + shift(bent[..., 0]), 0, height)
        sheet.words[number] = text, bent


def clothe(rng: Generator, image: Image, corners: Quads) -> None:
    """Put a body behind a sheet: a rounded trunk of one colour, with folds."""
    centre, extent = corners.mean(0), np.ptp(corners, axis=0)
    half = np.maximum(extent * rng.uniform(0.55, 1.1, 2), 4)
    middle = centre + [0, half[1] * rng.uniform(-0.4, 0.4)]
    colour, dark = np.array(ink(rng), np.float64), rng.uniform(0.5, 0.9)
    trunk = cv2.ellipse2Poly(middle.astype(int).tolist(), half.astype(int).tolist(), int(rng.normal(0, 8)), 0, 360, 20)
    cv2.fillConvexPoly(image, np.array(trunk), colour.tolist(), cv2.LINE_AA)
    for _ in range(int(rng.integers(0, 7))):
        ends = (middle + rng.uniform(-0.6, 0.6, (2, 2)) * half).astype(int)
        line = tuple(ends[0].tolist()), tuple(ends[1].tolist())
        cv2.line(image, *line, (colour * dark).tolist(), int(rng.integers(1, 4)), cv2.LINE_AA)
