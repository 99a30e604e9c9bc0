"""Words on CRAFT's region map → one quad per character; pure functions on numpy arrays.

The region map of a character is a Gaussian bump (CRAFT, section 3.2). A word's quad is cut half-way
between the bumps' peaks, along the line of text, for all words of a map at once.
"""

from itertools import pairwise
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
NEIGHBOURS = np.ones((3, 3), np.uint8)
WAY = np.linspace(0, 1, 9, dtype=np.float32)[:, None, None]
"""Where the map is looked at between two peaks."""
WHOLE = np.array((0.0, 1.0))
CORNERS = (0, 1, 1, 0), (0, 0, 1, 1)
"""Which end, in x and in y, each corner of a quad is at."""


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
    origin, sides = quads[:, 0], quads[:, 1::2] - quads[:, :1]  # right and down
    lengths = np.maximum(np.hypot(sides[..., 0], sides[..., 1]), 1e-6)
    steps = (sides / lengths[..., None] ** 2)[owner]
    places = np.einsum("ij,ikj->ik", peaks - origin[owner], steps)  # along and across
    starts = owner.searchsorted(np.arange(len(kept)))
    spread = (np.maximum.reduceat(places, starts) - np.minimum.reduceat(places, starts)) * lengths
    vertical = spread[:, 1] > spread[:, 0]
    position = np.where(vertical[owner], places[:, 1], places[:, 0])
    order = np.lexsort((position, owner))
    peaks, owner, position = peaks[order], owner[order], position[order]
    across = np.where(vertical, lengths[:, 0], lengths[:, 1])
    first = _first_peaks(smooth, peaks, owner, CLOSE_PEAKS * across[owner])
    count = np.concatenate((first[1:], (len(position),))) - first
    position, owner = np.add.reduceat(position, first) / count, owner[first]
    reading, standing = _cuts(position, owner)[:, None], vertical[owner][:, None, None]
    shares = np.concatenate((np.where(standing, WHOLE, reading), np.where(standing, reading, WHOLE)), axis=1)
    x, y = (shares[:, axis, corners, None] for axis, corners in enumerate(CORNERS))
    corners = origin[owner][:, None] + x * sides[owner, None, 0] + y * sides[owner, None, 1]
    borders = owner.searchsorted(np.arange(len(kept) + 1)).tolist()
    return [corners[start:end].astype(np.float32) for start, end in pairwise(borders)]


def _owned_peaks(
    smooth: Map, labels: NDArray[Any], kept: list[int], quads: Points, low_text: float
) -> tuple[Points, Indices]:
    """Local maxima (n, 2) x, y and the word of each, in words' order; a word without any has its centre."""
    highest = ((smooth >= cv2.dilate(smooth, NEIGHBOURS)) & (smooth > low_text)).view(np.uint8)
    pixels = cv2.findNonZero(highest)
    x, y = np.empty((2, 0), int) if pixels is None else pixels.reshape(-1, 2).T
    count, plateaus = cv2.connectedComponents(highest)
    plateau = plateaus[y, x] - 1
    peaks = np.stack((np.bincount(plateau, x), np.bincount(plateau, y)), 1) / np.bincount(plateau)[:, None]
    word = np.full(int(labels.max()) + 1, -1)
    word[kept] = np.arange(len(kept))
    owner = np.empty(count - 1, np.intp)
    owner[plateau] = word[labels[y, x]]
    owned = owner >= 0
    peaks, owner = peaks[owned], owner[owned]
    lonely = np.flatnonzero(np.bincount(owner, minlength=len(kept)) == 0)
    if lonely.size:
        peaks = np.concatenate((peaks, quads[lonely].mean(axis=1)))
        owner = np.concatenate((owner, lonely))
    order = owner.argsort(kind="stable")
    return peaks[order].astype(np.float32), owner[order]


def _first_peaks(smooth: Map, peaks: Points, owner: Indices, close_px: Points) -> Indices:
    """Index of the first peak of every character: neighbours that are close and without a saddle are one."""
    one, other = peaks[:-1], peaks[1:]
    apart = other - one
    same = (owner[1:] == owner[:-1]) & (np.hypot(apart[:, 0], apart[:, 1]) < close_px[1:])
    close = np.flatnonzero(same)
    x, y = (one[close] + WAY * apart[close]).round().astype(int).transpose(2, 0, 1)
    values = smooth[y, x]
    same[close] = values.min(axis=0) >= SADDLE * np.minimum(values[0], values[-1])
    return np.flatnonzero(np.concatenate(([True], ~same)))


def _cuts(position: Fractions, owner: Indices) -> Fractions:
    """Where each character begins and ends (n, 2), 0..1 along its word."""
    middle = (position[1:] + position[:-1]) / 2
    border = owner[1:] != owner[:-1]
    low = np.concatenate(([0], np.where(border, 0, middle)))
    high = np.concatenate((np.where(border, 1, middle), [1]))
    return np.stack((low, high), axis=1)
