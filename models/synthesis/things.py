"""Things that bear text: bibs, displays, counters, signs, badges, printed pages, and writing on whatever is there.

Each takes a generator, the height of its main text in pixels, and the kit of fonts, and gives a `Sheet`.
"""

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise

import cv2
import numpy as np

from .backgrounds import Colour, Generator, ink
from .fonts import FontPool
from .sheets import Lettering, Sheet, contrasting
from .texts import LETTERS, article_number, random_text, word

UNITS = ("LITRES", "LITERS", "kWh", "m3", "GALLONS", "PRICE", "TOTAL", "$", "kg", "km/h", "°C", "SALE", "AMOUNT", "V")


@dataclass(frozen=True)
class Kit:
    """What a thing is written with."""

    fonts: FontPool
    """The fonts of whatever is printed or painted."""
    contrast: float
    """The least difference of brightness (0..255) between text and ground."""


def bib(rng: Generator, size: float, kit: Kit) -> Sheet:
    """Draw a runner's number: large digits on paper, a sponsor's band above, small print below."""
    text = digits(rng, 1, 6) if rng.random() < 0.85 else LETTERS[int(rng.integers(26))] + digits(rng, 2, 5)
    width, height = 0.62 * size * max(2, len(text)) * rng.uniform(1.1, 1.6), size * rng.uniform(1.5, 2.4)
    paper = light(rng) if rng.random() < 0.8 else ink(rng)
    sheet = Sheet((height, width), paper)
    top = (height - size) * rng.uniform(0.2, 0.75)
    if rng.random() < 0.75:
        band(rng, sheet, (0, 0, width, top * 0.85), kit)
    if rng.random() < 0.6:
        band(rng, sheet, (0, top + size * 1.1, width, height), kit)
    colour = contrasting(rng, paper, max(60.0, kit.contrast))
    sheet.write(rng, text, (width * 0.05, top, width * 0.95, top + size), Lettering(kit.fonts, colour))
    for x in (0.05, 0.95):
        cv2.circle(sheet.image, (int(x * width), int(0.06 * height)), int(size * 0.05) + 1, (60, 60, 60), -1)
    return sheet


def display(rng: Generator, size: float, kit: Kit) -> Sheet:
    """Draw a liquid-crystal or LED display in its frame, with glare, and a unit beside or below it."""
    text = digits(rng, 1, 7)
    if len(text) > 1 and rng.random() < 0.6:
        at = int(rng.integers(1, len(text)))
        text = text[:at] + str(rng.choice([".", ".", ".", ":", "-"])) + text[at:]
    width, height = 0.7 * size * (len(text) + 0.5) * rng.uniform(1.0, 1.6), size * rng.uniform(1.15, 1.8)
    rim, below = size * rng.uniform(0.05, 0.6), size * rng.uniform(0, 1.3)
    case = ink(rng) if rng.random() < 0.5 else light(rng)
    sheet = Sheet((height + 2 * rim + below, width + 2 * rim), case)
    glass, colour, strength = screen(rng, kit)
    corners = (int(rim), int(rim)), (int(rim + width), int(rim + height))
    cv2.rectangle(sheet.image, *corners, glass, -1)
    if rng.random() < 0.7:
        cv2.rectangle(sheet.image, *corners, ink(rng), int(rng.integers(1, 2 + int(size / 12))))
    align = str(rng.choice(["right", "right", "centre", "left"]))
    pad = (height - size) / 2
    box = (rim + 0.04 * width, rim + pad, rim + width * 0.96, rim + pad + size)
    sheet.write(rng, text, box, Lettering(kit.fonts, colour, strength, align=align, segments=rng.random() < 0.85))
    if below > size * 0.3:
        marks = Lettering(kit.fonts, contrasting(rng, case, max(70.0, kit.contrast)))
        high = below * rng.uniform(0.5, 0.9)
        label = str(rng.choice(UNITS)) if rng.random() < 0.8 else caption(rng)
        sheet.write(rng, label, (rim, 2 * rim + height, rim + width, 2 * rim + height + high), marks)
    if rng.random() < 0.4:
        glare(rng, sheet, corners)
    return sheet


def screen(rng: Generator, kit: Kit) -> tuple[Colour, Colour, float]:
    """Return a display's ground, ink and the ink's opacity: dark on grey-green, or glowing on black."""
    if rng.random() < 0.7:
        grey = float(np.exp(rng.uniform(np.log(28), np.log(200))))
        tint = rng.uniform(0.75, 1.1, 3) * np.array([0.9, 1.05, 1.0])
        blue, green, red = (int(value) for value in np.clip(grey * tint, 0, 255))
        strength = np.clip(rng.uniform(0.35, 1.0), min(0.95, kit.contrast / grey), 1.0)
        return (blue, green, red), (int(rng.integers(0, 30)),) * 3, float(strength)
    glow = [(60, 60, 255), (80, 255, 90), (255, 200, 90), (60, 180, 255), (245, 245, 245)][int(rng.integers(5))]
    return (int(rng.integers(0, 45)),) * 3, glow, float(rng.uniform(0.6, 1))


def counter(rng: Generator, size: float, kit: Kit) -> Sheet:
    """Draw a meter's wheels: one window a digit, the last ones often in another colour."""
    text = digits(rng, 3, 9)
    cell, gap, rim = size * rng.uniform(0.7, 1.1), size * rng.uniform(0.02, 0.3), size * rng.uniform(0.1, 0.5)
    high = size * rng.uniform(1.15, 1.6)
    sheet = Sheet((high + 2 * rim, len(text) * (cell + gap) + 2 * rim), ink(rng))
    ground = ink(rng)
    last = ink(rng) if rng.random() < 0.6 else ground
    decimals = int(rng.integers(1, 4))
    for place, digit in enumerate(text):
        colour = last if place >= len(text) - decimals else ground
        x, y = rim + place * (cell + gap), rim
        cv2.rectangle(sheet.image, (int(x), int(y)), (int(x + cell), int(y + high)), colour, -1)
        strokes = Lettering(kit.fonts, contrasting(rng, colour, max(60.0, kit.contrast)))
        drop = (high - size) * rng.uniform(0.2, 0.8)
        sheet.write(rng, digit, (x, y + drop, x + cell, y + drop + size), strokes, join=place > 0)
    return sheet


def sign(rng: Generator, size: float, kit: Kit) -> Sheet:
    """Draw a plate with a rim and one to three lines, the first of which is the largest."""
    texts = [caption(rng) for _ in range(int(rng.integers(1, 4)))]
    sizes = [size] + [size * rng.uniform(0.35, 1.0) for _ in texts[1:]]
    widths = [0.6 * high * len(text) for text, high in zip(texts, sizes, strict=True)]
    pad = size * rng.uniform(0.2, 0.9)
    width, height = max(widths) + 2 * pad, 1.3 * sum(sizes) + 2 * pad
    ground = ink(rng)
    sheet = Sheet((height, width), ground)
    colour = contrasting(rng, ground, kit.contrast)
    if rng.random() < 0.4:
        corners = (int(pad / 3), int(pad / 3)), (int(width - pad / 3), int(height - pad / 3))
        cv2.rectangle(sheet.image, *corners, colour, max(1, int(size * 0.06)))
    y = pad
    for text, high in zip(texts, sizes, strict=True):
        sheet.write(rng, text, (pad, y, width - pad, y + high), Lettering(kit.fonts, colour))
        y += 1.3 * high
    return sheet


def badge(rng: Generator, size: float, kit: Kit) -> Sheet:
    """Draw one or two digits, or a letter, alone on a disc, on a square, or on nothing."""
    text = digits(rng, 1, 3) if rng.random() < 0.85 else LETTERS[int(rng.integers(26))]
    side = size * rng.uniform(1.2, 2.4)
    ground = ink(rng)
    shape = int(rng.integers(3))
    sheet = Sheet((side, side), ground if shape == 0 else None)
    sheet.image[:] = ground
    if shape == 1:
        cv2.circle(sheet.alpha, (int(side / 2), int(side / 2)), int(side / 2), 255, -1, cv2.LINE_AA)
    colour = contrasting(rng, ground, kit.contrast)
    box = (side * 0.1, (side - size) / 2, side * 0.9, (side + size) / 2)
    sheet.write(rng, text, box, Lettering(kit.fonts, colour))
    return sheet


def page(rng: Generator, size: float, kit: Kit) -> Sheet:
    """Draw dense print: several lines of one size, flush left, on paper or straight on the ground."""
    count, size = int(rng.integers(2, 8)), min(size, 32.0)
    texts = [" ".join(caption(rng) for _ in range(int(rng.integers(1, 4)))) for _ in range(count)]
    pitch = size * rng.uniform(1.15, 2.0)
    width = 0.5 * size * max(map(len, texts)) + size
    ground = light(rng) if rng.random() < 0.5 else ink(rng)
    sheet = Sheet((count * pitch + size, width), ground)
    colour = contrasting(rng, ground, max(40.0, kit.contrast))
    align = str(rng.choice(["left", "left", "centre", "right"]))
    for row, text in enumerate(texts):
        y = size / 2 + row * pitch
        sheet.write(rng, text, (size / 2, y, width - size / 2, y + size), Lettering(kit.fonts, colour, align=align))
    return sheet


def barcode(rng: Generator, size: float, kit: Kit) -> Sheet:
    """Draw bars and the digits below them; a retail code has its first digit, and often its last, beside the bars."""
    text = article_number(rng)
    pad, high = size * rng.uniform(0.5, 1.5), size * rng.uniform(1.5, 6)
    width = 0.8 * size * len(text) + 2 * pad
    sheet = Sheet((high + size * rng.uniform(1.3, 2.2), width), light(rng))
    top = high + size * rng.uniform(0.05, 0.25)
    black = (int(rng.integers(0, 70)),) * 3
    sheet.write(rng, text, (pad, top, width - pad, top + size), Lettering(kit.fonts, black, printed=True))
    below = [quads for _, quads in sheet.words]
    inner = below[len(below) > 2 : len(below) - (len(below) > 3)]
    left, right = float(inner[0][0, 0, 0] - 0.5 * size), float(inner[-1][-1, 1, 0] + 0.5 * size)
    module, x, bars = max(1.0, (right - left) / 95), left, []
    while x < right:
        bars.append((x, module * int(rng.integers(1, 4)), high))
        x += bars[-1][1] + module * int(rng.integers(1, 4))
    long = high + size * rng.uniform(0, 0.8)
    middles = [(float(one[-1, 1, 0]) + float(other[0, 0, 0])) / 2 for one, other in pairwise(inner)]
    bars += [(middle + side * module, module, long) for middle in (left, *middles, right) for side in (-1, 1)]
    for x, wide, end in bars:
        cv2.rectangle(sheet.image, (round(x), 0), (round(x + wide) - 1, round(end)), black, -1)
    return sheet


def writing(rng: Generator, size: float, kit: Kit) -> Sheet:
    """Draw a line straight on what is behind it, often with an outline or a shadow."""
    text = digits(rng, 1, 6) if rng.random() < 0.4 else caption(rng)
    width = 0.75 * size * len(text) + size
    sheet = Sheet((1.5 * size, width), None)
    colour = ink(rng)
    outline = contrasting(rng, colour, kit.contrast) if rng.random() < 0.35 else None
    sheet.image[:] = colour if outline is None else outline
    lettering = Lettering(kit.fonts, colour, float(rng.uniform(0.7, 1)), outline)
    sheet.write(rng, text, (0.2 * size, 0.25 * size, width - 0.2 * size, 1.25 * size), lettering)
    return sheet


THINGS: dict[str, tuple[Callable[[Generator, float, Kit], Sheet], float]] = {
    "bib": (bib, 0.2), "display": (display, 0.28), "counter": (counter, 0.1), "sign": (sign, 0.13),
    "badge": (badge, 0.09), "page": (page, 0.05), "writing": (writing, 0.15), "barcode": (barcode, 0.06),
}  # fmt: skip
"""All things, each with its share."""


def band(rng: Generator, sheet: Sheet, box: tuple[float, float, float, float], kit: Kit) -> None:
    """Draw a coloured band with a sponsor's small text."""
    ground = ink(rng) if rng.random() < 0.7 else light(rng)
    cv2.rectangle(sheet.image, (int(box[0]), int(box[1])), (int(box[2]), int(box[3])), ground, -1)
    high, width = box[3] - box[1], box[2] - box[0]
    lettering = Lettering(kit.fonts, contrasting(rng, ground, max(60.0, kit.contrast)))
    inner = (box[0] + 0.08 * width, box[1] + 0.2 * high, box[2] - 0.08 * width, box[3] - 0.2 * high)
    sheet.write(rng, caption(rng), inner, lettering)


def glare(rng: Generator, sheet: Sheet, corners: tuple[tuple[int, int], tuple[int, int]]) -> None:
    """Draw reflections on glass: brighter or tinted patches with soft or hard edges."""
    (x0, y0), (x1, y1) = corners
    window = sheet.image[y0:y1, x0:x1]
    if not window.size:
        return
    veil = np.zeros(window.shape[:2], np.float32)
    polygon = rng.uniform([0, 0], window.shape[1::-1], (4, 2)).astype(np.int32)
    cv2.fillConvexPoly(veil, cv2.convexHull(polygon), float(rng.uniform(0.1, 0.5)))
    if rng.random() < 0.6:
        veil = np.asarray(cv2.blur(veil, (1 + window.shape[0] // 3,) * 2), np.float32)
    tint = np.array(light(rng) if rng.random() < 0.7 else ink(rng), np.float32)
    window[:] = window + (tint - window) * veil[..., np.newaxis]


def caption(rng: Generator) -> str:
    """Return what signs say: words as often as numbers."""
    return " ".join(word(rng) for _ in range(int(rng.integers(1, 3)))) if rng.random() < 0.5 else random_text(rng)


def digits(rng: Generator, least: int, below: int) -> str:
    """Return a number of `least` to `below` - 1 digits."""
    return "".join(str(digit) for digit in rng.integers(0, 10, int(rng.integers(least, below))))


def light(rng: Generator) -> Colour:
    """Return the colour of paper or metal: nearly white."""
    blue, green, red = (int(value) for value in np.clip(rng.uniform(150, 256) + rng.normal(0, 8, 3), 0, 255))
    return blue, green, red
