"""Words on CRAFT's region map → one quad per character; pure functions on numpy arrays.

The region map of a character is a Gaussian bump (CRAFT, section 3.2). A word's quad is cut half-way
between the bumps' peaks, along the line of text, for all words of a map at once.
"""

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

Map = NDArray[np.float32]
Points = NDArray[np.float32]
Fractions = NDArray[np.float64]
Indices = NDArray[np.intp]

CLOSE_PEAKS = 0.6
"""Peaks closer than this share of the line's height are one character unless a saddle separates them."""
SADDLE = 0.95
"""Between two close characters the region map falls below this share of the lower peak."""


def find_characters(region: Map, labels: NDArray[Any], kept: list[int], quads: Points, low_text: float) -> list[Points]:
    """Cut words into characters.

    Args:
        region: (H, W) float32 region map.
        labels: (H, W) int32 component of every pixel.
        kept: the component of each word.
        quads: (words, 4, 2) float32 x, y of the words, map pixels.
        low_text: a character's peak is above this.

    Returns:
        For each word (n, 4, 2) float32, n >= 1, clockwise like the word's quad, in reading order.
    """
    if not kept:
        return []
    smooth = cv2.GaussianBlur(region, (3, 3), 0).astype(np.float32, copy=False)
    peaks, owner = _owned_peaks(smooth, labels, kept, quads, low_text)
    origin, right, down = quads[:, 0], quads[:, 1] - quads[:, 0], quads[:, 3] - quads[:, 0]
    width, height = (np.maximum(np.hypot(*side.T), 1e-6) for side in (right, down))
    along = np.einsum("ij,ij->i", peaks - origin[owner], (right / width[:, None] ** 2)[owner])
    across = np.einsum("ij,ij->i", peaks - origin[owner], (down / height[:, None] ** 2)[owner])
    vertical = _spread(across, owner) * height > _spread(along, owner) * width
    position = np.where(vertical[owner], across, along)
    order = np.lexsort((position, owner))
    peaks, owner, position = peaks[order], owner[order], position[order]
    first = _first_peaks(smooth, peaks, owner, CLOSE_PEAKS * np.where(vertical, width, height)[owner])
    position, owner = np.add.reduceat(position, first) / np.diff(first, append=len(position)), owner[first]
    low, high = _cuts(position, owner)
    lying = ~vertical[owner]
    a, b = (np.where(lying, cut, end) for cut, end in ((low, 0), (high, 1)))
    c, d = (np.where(lying, end, cut) for cut, end in ((low, 0), (high, 1)))
    corners = origin[owner][:, None] + np.stack((a, b, b, a), 1)[..., None] * right[owner][:, None]
    corners += np.stack((c, c, d, d), 1)[..., None] * down[owner][:, None]
    return np.split(corners.astype(np.float32), np.searchsorted(owner, np.arange(1, len(kept))))


def _owned_peaks(
    smooth: Map, labels: NDArray[Any], kept: list[int], quads: Points, low_text: float
) -> tuple[Points, Indices]:
    """Local maxima (n, 2) x, y and the word of each, in words' order; a word without any has its centre."""
    highest = (smooth >= cv2.dilate(smooth, np.ones((3, 3), np.uint8))) & (smooth > low_text)
    pixels = cv2.findNonZero(highest.view(np.uint8))
    x, y = np.empty((2, 0), int) if pixels is None else pixels.reshape(-1, 2).T
    plateau = cv2.connectedComponents(highest.view(np.uint8))[1][y, x] - 1
    peaks = np.stack((np.bincount(plateau, x), np.bincount(plateau, y)), 1) / np.bincount(plateau)[:, None]
    word = np.full(int(labels.max()) + 1, -1)
    word[kept] = np.arange(len(kept))
    owner = np.empty(len(peaks), np.intp)
    owner[plateau] = word[labels[y, x]]
    lonely = np.flatnonzero(np.bincount(owner[owner >= 0], minlength=len(kept)) == 0)
    peaks = np.concatenate((peaks[owner >= 0], quads[lonely].mean(axis=1))).astype(np.float32)
    owner = np.concatenate((owner[owner >= 0], lonely))
    order = owner.argsort(kind="stable")
    return peaks[order].astype(np.float32), owner[order]


def _spread(values: Points, owner: Indices) -> Points:
    starts = np.flatnonzero(np.diff(owner, prepend=-1))
    spread: Points = np.maximum.reduceat(values, starts) - np.minimum.reduceat(values, starts)
    return spread


def _first_peaks(smooth: Map, peaks: Points, owner: Indices, close_px: Points) -> Indices:
    """Index of the first peak of every character: neighbours that are close and without a saddle are one."""
    one, other = peaks[:-1], peaks[1:]
    steps = np.linspace(0, 1, 9, dtype=np.float32)[:, None, None]
    x, y = (one + steps * (other - one)).round().astype(int).transpose(2, 0, 1)
    values = smooth[y, x]
    flat = values.min(axis=0) >= SADDLE * np.minimum(values[0], values[-1])
    close = np.hypot(*(other - one).T) < close_px[1:]
    same = (owner[1:] == owner[:-1]) & close & flat
    return np.flatnonzero(np.concatenate(([True], ~same)))


def _cuts(position: Fractions, owner: Indices) -> tuple[Fractions, Fractions]:
    """Where each character begins and ends, 0..1 along its word."""
    middle = (position[1:] + position[:-1]) / 2
    border = np.diff(owner) != 0
    low = np.concatenate(([0], np.where(border, 0, middle)))
    high = np.concatenate((np.where(border, 1, middle), [1]))
    return low, high
