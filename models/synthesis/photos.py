"""Draw the sample photos that ship with the project: a meter, a house number, a runner's bib; no third-party image.

`edgereader synth photos --to models/zoo/samples --seed 1` drew the ones in the repository.
"""

from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from ..data.labels_writer import encode_image, vacant
from .materials import Picture, bricks, fabric, noise, place, plaster, plate, recess, screw, write

NUMBERS = {"meter": "027418", "house": "214", "bib": "1573"}
"""What each photo shows."""
SEGMENTS = "dseg/DSEG7Classic-BoldItalic.ttf"
BOLD = "dejavu/DejaVuSansCondensed-Bold.ttf"
SERIF = "dejavu/DejaVuSerif-Bold.ttf"
PLAIN = "dejavu/DejaVuSans.ttf"


def write_photos(folder: Path, seed: int = 1) -> list[Path]:
    """Draw the three photos as `meter.jpg`, `house.jpg` and `bib.jpg`, 1280×720.

    Raises:
        TrainingDataError: The folder holds something, or the fonts are not installed.
    """
    vacant(folder)
    drawn = {name: draw(np.random.default_rng(seed)) for name, draw in SAMPLES.items()}
    folder.mkdir(parents=True, exist_ok=True)
    written = [folder / f"{name}.jpg" for name in drawn]
    for path, photo in zip(written, drawn.values(), strict=True):
        path.write_bytes(encode_image(photo, ".jpg"))
    return written


def draw_meter(rng: np.random.Generator) -> NDArray[np.uint8]:
    """Draw an electricity meter with a seven-segment display on a plastered wall."""
    width, height = 880, 520
    panel, alpha = plate((width, height), (0.80, 0.82, 0.82), radius_px=46)
    panel *= 1 + 0.03 * noise(rng, (height, width), 3)[..., np.newaxis]
    recess(panel, (70, 110, 810, 330), (0.20, 0.21, 0.21))
    recess(panel, (96, 134, 784, 306), (0.56, 0.68, 0.63))
    write(panel, "888888", SEGMENTS, 104, (378, 168), (0.50, 0.61, 0.57))
    write(panel, NUMBERS["meter"], SEGMENTS, 104, (378, 168), (0.10, 0.13, 0.12))
    write(panel, "kWh", PLAIN, 34, (722, 238), (0.10, 0.13, 0.12))
    write(panel, "ELECTRICITY METER", BOLD, 26, (250, 54), (0.25, 0.22, 0.20))
    write(panel, "single phase, domestic", PLAIN, 18, (200, 372), (0.35, 0.33, 0.32))
    for x, y in ((44, 44), (width - 44, 44), (44, height - 44), (width - 44, height - 44)):
        screw(panel, x, y, rng)
    cv2.circle(panel, (760, 400), 13, (0.15, 0.15, 0.75), -1, cv2.LINE_AA)
    wall = plaster(rng, (0.62, 0.66, 0.68))
    place(wall, panel, alpha, [[215, 105], [1065, 128], [1046, 640], [228, 612]])
    return photograph(wall, rng, light_xy=(0.3, 0.1))


def draw_house(rng: np.random.Generator) -> NDArray[np.uint8]:
    """Draw an enamelled house number on a brick wall."""
    width, height = 560, 360
    panel, alpha = plate((width, height), (0.42, 0.17, 0.06), radius_px=40)
    cv2.rectangle(panel, (20, 20), (width - 20, height - 20), (0.92, 0.93, 0.92), 7, cv2.LINE_AA)
    write(panel, NUMBERS["house"], SERIF, 150, (width // 2, 105), (0.93, 0.95, 0.95))
    for x in (46, width - 46):
        screw(panel, x, height // 2, rng)
    wall = bricks(rng)
    place(wall, panel, alpha, [[420, 190], [905, 165], [915, 492], [414, 500]])
    return photograph(wall, rng, light_xy=(0.8, 0.0))


def draw_bib(rng: np.random.Generator) -> NDArray[np.uint8]:
    """Draw a runner's bib on a shirt."""
    width, height = 600, 440
    panel, alpha = plate((width, height), (0.94, 0.95, 0.96), radius_px=8)
    cv2.rectangle(panel, (0, 0), (width, 92), (0.55, 0.30, 0.05), -1)
    write(panel, "CITY NIGHT RUN", BOLD, 42, (width // 2, 26), (0.97, 0.97, 0.97))
    write(panel, NUMBERS["bib"], BOLD, 150, (width // 2, 162), (0.08, 0.07, 0.07))
    write(panel, "half marathon", PLAIN, 26, (width // 2, 378), (0.45, 0.25, 0.05))
    panel *= 1 + 0.05 * noise(rng, (height, width), 90)[..., np.newaxis]
    for x, y in ((22, 22), (width - 22, 22), (22, height - 22), (width - 22, height - 22)):
        cv2.circle(panel, (x, y), 6, (0.45, 0.45, 0.47), -1, cv2.LINE_AA)
    shirt = fabric(rng, (0.20, 0.16, 0.72))
    place(shirt, panel, alpha, [[352, 150], [905, 128], [930, 548], [338, 560]])
    return photograph(shirt, rng, light_xy=(0.5, 0.0))


SAMPLES = {"meter": draw_meter, "house": draw_house, "bib": draw_bib}


def photograph(scene: Picture, rng: np.random.Generator, *, light_xy: tuple[float, float]) -> NDArray[np.uint8]:
    """Light a scene from a place (fractions of the picture), and add what a lens and a sensor add."""
    height, width = scene.shape[:2]
    x, y = np.meshgrid(np.linspace(0, 1, width, dtype=np.float32), np.linspace(0, 1, height, dtype=np.float32))
    distance = np.hypot(x - light_xy[0], y - light_xy[1])
    lit = scene * (1.12 - 0.42 * distance)[..., np.newaxis]
    seen = cv2.GaussianBlur(lit, (0, 0), 0.9)
    seen += rng.normal(0, 0.012, scene.shape).astype(np.float32)
    return np.asarray(np.clip(np.round(255 * seen), 0, 255), np.uint8)
