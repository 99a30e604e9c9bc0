"""What a camera does to a scene and to a crop: light, shadow, blur, noise, too few pixels, JPEG."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from ..data.samples import Image
from .backgrounds import Generator


def photograph_scene(rng: Generator, image: Image, level: float) -> Image:
    """Photograph a scene uint8 (H, W, 3); `level` 0..1 says how badly."""
    if rng.random() < 0.5:
        image = light_scene(rng, image, level)
    if rng.random() < 0.55 * level + 0.1:
        image = blur_scene(rng, image, level)
    if rng.random() < 0.5:
        noise = rng.standard_normal(image.shape, np.float32) * float(rng.uniform(0.5, 2 + 8 * level))
        image = np.asarray(np.clip(image + noise, 0, 255), np.uint8)
    if rng.random() < 0.5:
        image = compressed(image, int(rng.integers(95 - int(65 * level), 97)))
    return image


def light_scene(rng: Generator, image: Image, level: float) -> Image:
    """Light a scene unevenly, by chance with a hard shadow, a lamp, and another exposure."""
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


def blur_scene(rng: Generator, image: Image, level: float) -> Image:
    """Blur a scene: out of focus, moved, or taken with fewer pixels."""
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


def compressed(image: Image, quality: int) -> Image:
    """Write and read an image as JPEG of this quality, 1..100."""
    _, data = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, quality])
    return np.asarray(cv2.imdecode(data, cv2.IMREAD_COLOR), np.uint8)


def photograph_crop(image: Image, rng: np.random.Generator, *, hard: float) -> Image:
    """Photograph a crop uint8 (H, W, 3): light, shake, grain and JPEG, each by chance; `hard` 0..1 says how badly."""
    if rng.random() < 0.35 * hard:
        image = light_crop(image, rng)
    if rng.random() < 0.6 * hard:
        image = blur_crop(image, rng)
    if rng.random() < 0.6 * hard:
        image = grainy(image, rng)
    if rng.random() < 0.4 * hard:
        image = compressed(image, int(rng.integers(18, 80)))
    return image


def light_crop(image: Image, rng: np.random.Generator) -> Image:
    """Light a crop from one side, with a reflection, or with a wrong exposure."""
    height, width = image.shape[:2]
    kind = rng.random()
    light = image.astype(np.float32)
    if kind < 0.4:
        sides = rng.uniform(0.45, 1.2, (2, 2)).astype(np.float32)
        light *= cv2.resize(sides, (width, height))[..., np.newaxis]
    elif kind < 0.75:
        glare = np.zeros((height, width), np.float32)
        centre = int(rng.uniform(0, width)), int(rng.uniform(0, height))
        axes = int(rng.uniform(0.1, 0.6) * height) + 1, int(rng.uniform(0.1, 1.2) * height) + 1
        cv2.ellipse(glare, centre, axes, float(rng.uniform(0, 180)), 0, 360, 1.0, -1)
        soft = cv2.GaussianBlur(glare, (0, 0), max(0.5, height * rng.uniform(0.03, 0.2)))
        light += soft[..., np.newaxis] * rng.uniform(30, 140)
    else:
        light = np.asarray(255 * (light / 255) ** rng.uniform(0.5, 2.0), np.float32)
    return np.asarray(np.clip(light, 0, 255), np.uint8)


def blur_crop(image: Image, rng: np.random.Generator) -> Image:
    """Blur a crop: a lens out of focus, a moved camera, fewer pixels, or two frames in one."""
    height, kind = image.shape[0], rng.random()
    if kind < 0.3:
        return enlarged(image, rng)
    if kind < 0.38:
        return doubled(image, rng)
    if kind < 0.75:
        return np.asarray(cv2.GaussianBlur(image, (0, 0), rng.uniform(0.3, 0.045 * height + 0.3)), np.uint8)
    length = max(3, int(height * rng.uniform(0.05, 0.16)))
    kernel = np.zeros((length, length), np.float32)
    angle = rng.uniform(0, np.pi)
    reach = np.array([np.cos(angle), np.sin(angle)]) * (length - 1) / 2
    middle = (length - 1) / 2
    start, end = np.round(middle - reach).astype(int), np.round(middle + reach).astype(int)
    cv2.line(kernel, tuple(map(int, start)), tuple(map(int, end)), 1.0, 1)
    return np.asarray(cv2.filter2D(image, -1, kernel / kernel.sum(), borderType=cv2.BORDER_REPLICATE), np.uint8)


def enlarged(image: Image, rng: np.random.Generator) -> Image:
    """Take a crop with fewer pixels, enlarge it again, and often sharpen it until edges have halos."""
    height, width = image.shape[:2]
    share = rng.uniform(min(0.9, 16 / height), 0.9)
    small = cv2.resize(image, (max(3, int(width * share)), max(8, int(height * share))), interpolation=cv2.INTER_AREA)
    back = cv2.resize(small, (width, height), interpolation=cv2.INTER_CUBIC)
    if rng.random() < 0.6:
        soft = cv2.GaussianBlur(back, (0, 0), max(0.6, rng.uniform(0.4, 1.0) / share))
        more = rng.uniform(0.4, 2.0)
        back = cv2.addWeighted(back, 1 + more, soft, -more, 0)
    return np.asarray(back, np.uint8)


def doubled(image: Image, rng: np.random.Generator) -> Image:
    """Lay two frames of a video over each other: the image and itself a little aside."""
    height, width = image.shape[:2]
    shift = np.array([[1, 0, rng.normal(0, 0.06) * height], [0, 1, rng.normal(0, 0.03) * height]])
    other = cv2.warpAffine(image, shift, (width, height), borderMode=cv2.BORDER_REPLICATE)
    share = rng.uniform(0.5, 0.75)
    return np.asarray(cv2.addWeighted(image, share, other, 1 - share, 0), np.uint8)


def grainy(image: Image, rng: np.random.Generator) -> Image:
    """Add sensor noise, fine or in soft grains."""
    height, width = image.shape[:2]
    strength = min(rng.exponential(7), 0.4 * float(image.std()))
    coarse = rng.choice([1, 1, 2])
    grains = rng.standard_normal((height // coarse + 1, width // coarse + 1, 3 if rng.random() < 0.5 else 1))
    noise = cv2.resize(grains.astype(np.float32) * strength, (width, height)).reshape(height, width, -1)
    return np.asarray(np.clip(image + noise, 0, 255), np.uint8)
