"""What a camera does to a scene: light, shadow, blur, noise, too few pixels, JPEG."""

import cv2
import numpy as np
from numpy.typing import NDArray

from .textures import Generator, Image


def photograph(rng: Generator, image: Image, level: float) -> Image:
    """Photograph a scene uint8 (H, W, 3); `level` 0..1 says how badly."""
    if rng.random() < 0.5:
        image = light_up(rng, image, level)
    if rng.random() < 0.55 * level + 0.1:
        image = blur(rng, image, level)
    if rng.random() < 0.5:
        noise = rng.standard_normal(image.shape, np.float32) * float(rng.uniform(0.5, 2 + 8 * level))
        image = np.asarray(np.clip(image + noise, 0, 255), np.uint8)
    if rng.random() < 0.5:
        image = squeeze(image, int(rng.integers(95 - int(65 * level), 97)))
    return image


def light_up(rng: Generator, image: Image, level: float) -> Image:
    """Uneven light, a hard shadow, a lamp, and another exposure."""
    height, width = image.shape[:2]
    gain = 1 + level * rng.uniform(-0.5, 0.5, (2, 2))
    lit = np.asarray(cv2.resize(gain.astype(np.float32), (width, height)), np.float32) * rng.uniform(
        1 - 0.5 * level, 1.15
    )
    if rng.random() < 0.3 * level:
        edge = rng.uniform([0, 0], [width, height], (3, 2)).astype(np.int32)
        shade = np.ones((height, width), np.float32)
        cv2.fillConvexPoly(shade, cv2.convexHull(edge), float(rng.uniform(0.4, 0.8)))
        lit *= shade
    out = image * lit[..., np.newaxis]
    if rng.random() < 0.25 * level:
        out += _lamp(rng, (height, width))[..., np.newaxis]
    return np.asarray(np.clip(out, 0, 255), np.uint8)


def _lamp(rng: Generator, hw: tuple[int, int]) -> NDArray[np.float32]:
    y, x = np.ogrid[: hw[0], : hw[1]]
    centre, radius = rng.uniform(0, hw[::-1], 2), rng.uniform(0.08, 0.5) * max(hw)
    distance = ((x - centre[0]) ** 2 + (y - centre[1]) ** 2) / radius**2
    return np.asarray(rng.uniform(30, 160) * np.exp(-distance), np.float32)


def blur(rng: Generator, image: Image, level: float) -> Image:
    """Out of focus, moved, or taken with fewer pixels."""
    kind = rng.random()
    if kind < 0.45:
        return np.asarray(cv2.GaussianBlur(image, (0, 0), float(rng.uniform(0.4, 0.6 + 0.8 * level))), np.uint8)
    if kind < 0.7:
        length, angle = int(rng.integers(2, 4 + int(4 * level))), rng.uniform(0, np.pi)
        kernel = np.zeros((2 * length + 1, 2 * length + 1), np.float32)
        along = (length / 2 * np.array([np.cos(angle), np.sin(angle)])).round().astype(int)
        cv2.line(kernel, (length - along[0], length - along[1]), (length + along[0], length + along[1]), 1.0)
        return np.asarray(cv2.filter2D(image, -1, kernel / kernel.sum()), np.uint8)
    height, width = image.shape[:2]
    share = rng.uniform(1 - 0.45 * level, 1)
    small = cv2.resize(image, (int(width * share), int(height * share)), interpolation=cv2.INTER_AREA)
    return np.asarray(cv2.resize(small, (width, height), interpolation=cv2.INTER_LINEAR), np.uint8)


def squeeze(image: Image, quality: int) -> Image:
    """Write and read an image as JPEG of this quality, 1..100."""
    _, data = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, quality])
    return np.asarray(cv2.imdecode(data, cv2.IMREAD_COLOR), np.uint8)
