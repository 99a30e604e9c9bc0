"""How cloth bends what is printed on it: folds, and the round of a body."""

from __future__ import annotations

import cv2
import numpy as np

from ..data.samples import Image


def draped(image: Image, rng: np.random.Generator) -> Image:
    """Bend an image uint8 (H, W, 3) as a shirt is bent, and shade its folds."""
    height, width = image.shape[:2]
    y, x = np.mgrid[:height, :width].astype(np.float32)
    across = 2 * x / max(1, width - 1) - 1
    bow = rng.normal(0, 0.05) * height * (across - rng.uniform(-0.6, 0.6)) ** 2
    round_off = rng.uniform(-0.22, 0.22) * width * (across**2 - 1) / 2
    folds = rng.normal(0, rng.uniform(0, 0.035) * height, (int(rng.integers(3, 6)), int(rng.integers(3, 5)), 2))
    moved = cv2.resize(folds.astype(np.float32), (width, height), interpolation=cv2.INTER_CUBIC)
    away = (x + round_off + moved[..., 0]).astype(np.float32), (y + bow + moved[..., 1]).astype(np.float32)
    bent = cv2.remap(image, *away, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    light = cv2.resize(rng.normal(1, rng.uniform(0, 0.18), (3, 4)).astype(np.float32), (width, height))
    return np.asarray(np.clip(bent * light[..., np.newaxis], 0, 255), np.uint8)
