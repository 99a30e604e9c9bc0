"""What cameras do to an image: blur, noise, glare, compression. Every function takes and gives uint8 (H, W, 3)."""

from __future__ import annotations

import cv2
import numpy as np

from ..data.samples import Image


def photographed(image: Image, rng: np.random.Generator, *, hard: float) -> Image:
    """Let a camera see an image: light, shake, grain and JPEG, each by chance.

    Args:
        image: uint8 (H, W, 3).
        rng: The source of chance.
        hard: 0..1, strength and frequency of all of it.
    """
    if rng.random() < 0.35 * hard:
        image = lit(image, rng)
    if rng.random() < 0.6 * hard:
        image = blurred(image, rng)
    if rng.random() < 0.6 * hard:
        image = grainy(image, rng)
    if rng.random() < 0.4 * hard:
        image = compressed(image, rng)
    return image


def lit(image: Image, rng: np.random.Generator) -> Image:
    """Light from one side, a reflection, or a wrong exposure."""
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


def blurred(image: Image, rng: np.random.Generator) -> Image:
    """A lens out of focus, a moved camera, fewer pixels, or two frames in one."""
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
    """Taken with fewer pixels, enlarged again, and often sharpened until edges have halos."""
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
    """Two frames of a video in one: the image and itself a little aside."""
    height, width = image.shape[:2]
    shift = np.array([[1, 0, rng.normal(0, 0.06) * height], [0, 1, rng.normal(0, 0.03) * height]])
    other = cv2.warpAffine(image, shift, (width, height), borderMode=cv2.BORDER_REPLICATE)
    share = rng.uniform(0.5, 0.75)
    return np.asarray(cv2.addWeighted(image, share, other, 1 - share, 0), np.uint8)


def grainy(image: Image, rng: np.random.Generator) -> Image:
    """Sensor noise, fine or in soft grains."""
    height, width = image.shape[:2]
    strength = min(rng.exponential(7), 0.4 * float(image.std()))
    coarse = rng.choice([1, 1, 2])
    grains = rng.standard_normal((height // coarse + 1, width // coarse + 1, 3 if rng.random() < 0.5 else 1))
    noise = cv2.resize(grains.astype(np.float32) * strength, (width, height)).reshape(height, width, -1)
    return np.asarray(np.clip(image + noise, 0, 255), np.uint8)


def compressed(image: Image, rng: np.random.Generator) -> Image:
    """JPEG at a low quality."""
    _, data = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, int(rng.integers(18, 80))])
    return np.asarray(cv2.imdecode(data, cv2.IMREAD_COLOR), np.uint8)
