"""Walls, plates, displays and screws for the sample photos, drawn from noise and light.

All images are float32 (H, W, 3), BGR, 0..1.
"""

from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from ..data.samples import TrainingDataError

Picture = NDArray[np.float32]
Colour = tuple[float, float, float]
SIZE_WH = (1280, 720)
FONT_FOLDER = Path("/usr/share/fonts/truetype")


def noise(rng: np.random.Generator, size_hw: tuple[int, int], grain_px: float) -> Picture:
    """Smooth noise (H, W) of mean 0 and deviation 1, with grains about this wide."""
    height, width = size_hw
    coarse = (max(2, round(width / grain_px)), max(2, round(height / grain_px)))
    grains = rng.standard_normal(coarse[::-1]).astype(np.float32)
    smooth = np.asarray(cv2.resize(grains, (width, height), interpolation=cv2.INTER_CUBIC), np.float32)
    return np.asarray((smooth - smooth.mean()) / (smooth.std() + 1e-6), np.float32)


def relief(height_map: Picture, strength: float) -> Picture:
    """Light a height map (H, W) from the upper left: factors (H, W, 1) around 1."""
    slope = cv2.Sobel(height_map, cv2.CV_32F, 1, 0) + cv2.Sobel(height_map, cv2.CV_32F, 0, 1)
    return np.asarray(1 - strength * slope, np.float32)[..., np.newaxis]


def plaster(rng: np.random.Generator, colour: Colour) -> Picture:
    """Draw a plastered wall."""
    size_hw = SIZE_WH[::-1]
    bumps = noise(rng, size_hw, 5) + 0.6 * noise(rng, size_hw, 14)
    stains = 1 + 0.04 * noise(rng, size_hw, 240)[..., np.newaxis]
    return np.asarray(np.array(colour) * stains * relief(bumps, 0.012), np.float32)


def bricks(rng: np.random.Generator, brick_wh: tuple[int, int] = (150, 52), joint_px: int = 7) -> Picture:
    """Draw a brick wall in running bond."""
    width, height = SIZE_WH
    wall = np.full((height, width, 3), (0.60, 0.63, 0.66), np.float32)
    raised = np.zeros((height, width), np.float32)
    for row, y in enumerate(range(-brick_wh[1] // 2, height, brick_wh[1] + joint_px)):
        for x in range(-(row % 2) * brick_wh[0] // 2 - 60, width, brick_wh[0] + joint_px):
            corners = (x, y), (x + brick_wh[0], y + brick_wh[1])
            shade = float(rng.normal(1, 0.13))
            cv2.rectangle(wall, *corners, tuple(shade * part for part in (0.24, 0.30, 0.52)), -1)
            cv2.rectangle(raised, *corners, 1.0, -1)
    bumps = 3 * cv2.GaussianBlur(raised, (0, 0), 2) + 0.5 * noise(rng, (height, width), 3)
    grain = 1 + 0.05 * noise(rng, (height, width), 9)[..., np.newaxis]
    return np.asarray(cv2.GaussianBlur(wall, (0, 0), 1.2) * grain * relief(bumps, 0.035), np.float32)


def fabric(rng: np.random.Generator, colour: Colour) -> Picture:
    """Draw a knitted shirt with folds."""
    width, height = SIZE_WH
    x, y = np.meshgrid(np.arange(width, dtype=np.float32), np.arange(height, dtype=np.float32))
    knit = 0.5 * np.sin(x * 1.3) * np.sin(y * 1.1 + np.sin(x * 1.3))
    drape = cv2.resize(noise(rng, (height, width // 6), 60), (width, height))
    folds = 1 + 0.13 * np.sin(x / 95 + 1.4 * drape) + 0.05 * noise(rng, (height, width), 160)
    return np.asarray(np.array(colour) * folds[..., np.newaxis] * relief(knit, 0.02), np.float32)


def plate(size_wh: tuple[int, int], colour: Colour, *, radius_px: int) -> tuple[Picture, Picture]:
    """Draw a plate with rounded, bevelled corners; give it and its alpha (H, W)."""
    width, height = size_wh
    alpha = np.zeros((height, width), np.float32)
    inner = np.array([[radius_px, radius_px], [width - radius_px, height - radius_px]])
    cv2.rectangle(alpha, (inner[0, 0], 0), (inner[1, 0], height), 1.0, -1)
    cv2.rectangle(alpha, (0, inner[0, 1]), (width, inner[1, 1]), 1.0, -1)
    for x in inner[:, 0]:
        for y in inner[:, 1]:
            cv2.circle(alpha, (int(x), int(y)), radius_px, 1.0, -1, cv2.LINE_AA)
    framed = cv2.copyMakeBorder(alpha, 9, 9, 9, 9, cv2.BORDER_CONSTANT)
    edge = np.asarray(cv2.GaussianBlur(framed, (0, 0), 4), np.float32)[9:-9, 9:-9]
    panel = np.full((height, width, 3), colour, np.float32) * relief(-edge, 0.5)
    return np.asarray(np.clip(panel, 0, 1), np.float32), alpha


def recess(panel: Picture, box: tuple[int, int, int, int], colour: Colour) -> None:
    """Sink a rectangle (x0, y0, x1, y1) into a panel: dark above, bright below."""
    x0, y0, x1, y1 = box
    cv2.rectangle(panel, (x0, y0), (x1, y1), colour, -1)
    for depth in range(10):
        panel[y0 + depth, x0:x1] *= 0.55 + 0.045 * depth
        panel[y0:y1, x0 + depth] *= 0.7 + 0.03 * depth
    cv2.line(panel, (x0, y1 + 1), (x1, y1 + 1), (0.95, 0.95, 0.95), 2, cv2.LINE_AA)


def screw(panel: Picture, x: int, y: int, rng: np.random.Generator) -> None:
    """Draw a slotted screw head."""
    angle = rng.uniform(0, np.pi)
    offset = np.round(11 * np.array([np.cos(angle), np.sin(angle)])).astype(int)
    cv2.circle(panel, (x + 2, y + 2), 15, (0.25, 0.25, 0.25), -1, cv2.LINE_AA)
    cv2.circle(panel, (x, y), 14, (0.66, 0.67, 0.67), -1, cv2.LINE_AA)
    start, end = ((int(x + sign * offset[0]), int(y + sign * offset[1])) for sign in (-1, 1))
    cv2.line(panel, start, end, (0.28, 0.28, 0.28), 4, cv2.LINE_AA)


def write(panel: Picture, text: str, font: str, height_px: int, at_xy: tuple[int, int], colour: Colour) -> None:
    """Write a text with digits of this height; `at_xy` is the middle of its upper edge."""
    from PIL import Image, ImageDraw, ImageFont

    path = FONT_FOLDER / font
    if not path.is_file():
        raise TrainingDataError(f"{path}: expected a font, got nothing there; apt install fonts-dejavu-core fonts-dseg")
    _, top, _, bottom = ImageFont.truetype(str(path), 1000).getbbox("8", anchor="ls")
    face = ImageFont.truetype(str(path), round(1000 * height_px / (bottom - top)))
    mask = Image.new("L", (panel.shape[1], panel.shape[0]))
    ImageDraw.Draw(mask).text((at_xy[0], at_xy[1] + height_px), text, font=face, fill=255, anchor="ms")
    alpha = np.asarray(mask, np.float32)[..., np.newaxis] / 255
    panel += alpha * (np.array(colour, np.float32) - panel)


def place(background: Picture, panel: Picture, alpha: Picture, corners: list[list[int]]) -> None:
    """Put a panel on a background, seen in perspective, with its shadow; `corners` clockwise from the top left."""
    height, width = alpha.shape
    source = np.array([[0, 0], [width, 0], [width, height], [0, height]], np.float32)
    transform = cv2.getPerspectiveTransform(source, np.array(corners, np.float32))
    cover = cv2.warpPerspective(alpha, transform, SIZE_WH)
    seen = cv2.warpPerspective(panel, transform, SIZE_WH, borderMode=cv2.BORDER_REPLICATE)
    shadow = cv2.GaussianBlur(np.roll(cover, (18, 10), axis=(0, 1)), (0, 0), 14)
    background *= 1 - 0.55 * shadow[..., np.newaxis]
    background += cover[..., np.newaxis] * (seen - background)
