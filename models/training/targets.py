"""What the detector learns to draw: one Gaussian a character, and one a link (CRAFT, section 3.2.1).

A Gaussian is warped into each character's quad (region) and into each link's quad (affinity). The template reaches 1.5
times the quad, with a deviation of 0.6 half-sides: 1 at the centre, 0.25 at the middle of each side, so that the maps
fall below the published thresholds (0.4) inside the characters' boxes. Characters narrower than 0.4 of their height
(1, dots) are widened to that, since at half resolution little else would be left of them.
"""

from dataclasses import dataclass
from functools import cache

import cv2
import numpy as np
from numpy.typing import NDArray

from ..data.samples import Scene

Quads = NDArray[np.float32]
TEMPLATE_PX = 64
REACH = 1.5
DEVIATION = 0.6
NARROWEST = 0.4
HALF = np.float32(0.5)


@dataclass(frozen=True)
class Targets:
    """The two maps of a scene and where they count."""

    region: NDArray[np.float32]
    """(H/2, W/2), 0..1: nearness to a character's centre."""
    affinity: NDArray[np.float32]
    """(H/2, W/2), 0..1: nearness to the middle between two neighbours of one word."""
    weight: NDArray[np.float32]
    """(H/2, W/2), 1, or 0 where an ignored word stands."""


def make_targets(scene: Scene) -> Targets:
    """Draw the targets of a scene whose sides are even: maps at half resolution.

    A teacher's maps, if there are any, count outside the words; an ignored word only blanks the weight.
    """
    size = scene.image.shape[0] // 2, scene.image.shape[1] // 2
    taught = np.zeros((*size, 2), np.float32) if scene.taught is None else scene.taught / np.float32(255)
    region, affinity = (np.ascontiguousarray(plane) for plane in np.moveaxis(taught, -1, 0))
    weight = np.ones(size, np.float32)
    for word in scene.words if scene.taught is not None else ():
        for plane in (region, affinity):
            cv2.fillConvexPoly(plane, np.round(grow(word.quad, 1.2) / 2).astype(np.int32), 0.0)
    for word in scene.words:
        if word.ignored:
            cv2.fillConvexPoly(weight, np.round(grow(word.quad, 1.2) / 2).astype(np.int32), 0.0)
            continue
        for quad in word.char_quads:
            draw_gaussian(region, widen(quad) * HALF)
        for quad in link_quads(word.char_quads):
            draw_gaussian(affinity, quad * HALF)
    return Targets(region, affinity, weight)


def draw_gaussian(canvas: NDArray[np.float32], quad: Quads) -> None:
    """Warp the Gaussian into a quad (4, 2) of map pixels, keeping the larger of two values."""
    centre = quad.mean(0)
    reach = REACH * np.abs(quad - centre).max(0) + 1
    low = np.maximum(np.floor(centre - reach), 0).astype(int)
    high = np.minimum(np.ceil(centre + reach) + 1, canvas.shape[::-1]).astype(int)
    if (high - low).min() <= 0 or cv2.contourArea(quad) < 0.1:
        return
    transform = cv2.getPerspectiveTransform(_template_corners(), (quad - low).astype(np.float32))
    seen = cv2.warpPerspective(_template(), transform, (high - low).tolist(), flags=cv2.INTER_LINEAR)
    window = canvas[low[1] : high[1], low[0] : high[0]]
    np.maximum(window, seen, out=window)


def link_quads(characters: Quads) -> Quads:
    """Return quads (n - 1, 4, 2) between neighbours of n characters: centres of their upper and lower triangles."""
    centres = characters.mean(1)
    upper = (characters[:, 0] + characters[:, 1] + centres) / 3
    lower = (characters[:, 2] + characters[:, 3] + centres) / 3
    return np.stack([upper[:-1], upper[1:], lower[1:], lower[:-1]], axis=1).astype(np.float32)


def widen(quad: Quads) -> Quads:
    """Widen a quad (4, 2) to NARROWEST of its height, about its centre line."""
    across = (quad[1] + quad[2] - quad[0] - quad[3]) / 2
    width = float(np.hypot(*across))
    height = float(np.hypot(*(quad[3] + quad[2] - quad[0] - quad[1]))) / 2
    missing = NARROWEST * height - width
    if missing <= 0 or width < 1e-3:
        return quad
    shift = across / width * missing / 2
    return np.asarray(quad + np.array([-shift, shift, shift, -shift]), np.float32)


def grow(quad: Quads, factor: float) -> Quads:
    """Scale a quad about its centre."""
    centre = quad.mean(0)
    return np.asarray(centre + factor * (quad - centre), np.float32)


@cache
def _template() -> NDArray[np.float32]:
    axis = np.linspace(-REACH, REACH, TEMPLATE_PX, dtype=np.float32)
    squared = axis[:, np.newaxis] ** 2 + axis[np.newaxis] ** 2
    return np.asarray(np.exp(-squared / (2 * DEVIATION**2)), np.float32)


@cache
def _template_corners() -> Quads:
    middle, half = (TEMPLATE_PX - 1) / 2, (TEMPLATE_PX - 1) / 2 / REACH
    low, high = middle - half, middle + half
    return np.array([[low, low], [high, low], [high, high], [low, high]], np.float32)
