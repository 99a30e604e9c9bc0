"""Photos and crops that grow: one photo at many sizes, a page with more and more numbers, nothing at all."""

from __future__ import annotations

import cv2
import numpy as np

from ...runtime.bundles.bundle import shipped
from ...runtime.geometry.files import read_photo
from ...runtime.geometry.images import Frame

MEGAPIXELS = (0.3, 0.5, 1.0, 1.5, 2.0, 3.0, 4.0, 6.0, 8.0, 12.0)
NUMBERS = (0, 10, 20, 40, 80, 120, 160, 200, 250, 300)
"""Written on a page."""
CROPS = (1, 2, 4, 8, 16, 24, 32, 40, 48, 64)
PAGE_HW, CELL_PX = (1200, 1600), 80


def sized(megapixels: float) -> Frame:
    """The bib photo, scaled to so many pixels."""
    photo = read_photo(shipped("samples") / "bib.jpg").frame
    scale = (1e6 * megapixels / (photo.shape[0] * photo.shape[1])) ** 0.5
    size = round(photo.shape[1] * scale), round(photo.shape[0] * scale)
    method = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
    return np.asarray(cv2.resize(photo, size, interpolation=method), np.uint8)


def page(numbers: int) -> Frame:
    """A page with up to 300 numbers of two digits; what is on it stays when more come."""
    random = np.random.default_rng(0)
    picture = np.full((*PAGE_HW, 3), 230, np.uint8)
    rows, columns = (side // CELL_PX for side in PAGE_HW)
    for place in random.permutation(rows * columns)[:numbers].tolist():
        corner = place % columns * CELL_PX + 10, place // columns * CELL_PX + 56
        number = str(random.integers(10, 100))
        cv2.putText(picture, number, corner, cv2.FONT_HERSHEY_SIMPLEX, 1.4, (30, 30, 30), 4, cv2.LINE_AA)
    return picture


def crops(count: int) -> list[Frame]:
    """The same cut number, so many times."""
    photo = read_photo(shipped("samples") / "bib.jpg").frame
    return [photo[275:445, 390:870]] * count


def without_text() -> list[Frame]:
    """An even surface, a slow change from dark to light, and coarse stains."""
    ramp = np.linspace(40, 220, PAGE_HW[1]).astype(np.uint8)
    stains = np.random.default_rng(0).integers(60, 200, (3, 4, 3), np.uint8)
    return [
        np.full((*PAGE_HW, 3), 127, np.uint8),
        np.ascontiguousarray(np.broadcast_to(ramp[None, :, None], (*PAGE_HW, 3))),
        np.asarray(cv2.resize(stains, PAGE_HW[::-1], interpolation=cv2.INTER_CUBIC), np.uint8),
    ]
