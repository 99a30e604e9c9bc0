"""How well a detector finds words, by boxes around the connected parts of its maps: quick, for watching a training."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import cv2
import numpy as np
import torch
from numpy.typing import NDArray

from ..data.samples import Scene, Word
from .detector_batches import collate
from .detector_loss import detector_loss, normalised

if TYPE_CHECKING:
    from ..craft import CRAFT

Map = NDArray[np.float32]
TEXT, LINK, LOW_TEXT = 0.7, 0.4, 0.4
"""The published thresholds."""
OVERLAP = 0.5
"""A box is right if its intersection over union with a word's box is at least this."""


@dataclass(frozen=True)
class Check:
    """What a detector does on a fixed set of scenes."""

    loss: float
    """Mean loss a scene."""
    precision: float
    """Share of its boxes that are words, 0..1."""
    recall: float
    """Share of the words that it boxes, 0..1."""

    @property
    def f1(self) -> float:
        """Return the harmonic mean of precision and recall."""
        return 2 * self.precision * self.recall / max(1e-9, self.precision + self.recall)


def check(network: CRAFT, scenes: Sequence[Scene], device: str = "cpu") -> Check:
    """Run a network on scenes of any sizes (multiples of 32)."""
    losses, right, boxes, words = [], 0, 0, 0
    network.eval()
    for scene in scenes:
        batch = collate([scene])
        with torch.no_grad():
            maps, _ = network(normalised(batch.images.to(device)))
        losses.append(float(detector_loss(maps.cpu(), batch.maps, batch.weight)))
        found = find_boxes(*np.moveaxis(maps[0].float().cpu().numpy(), -1, 0))
        asked, spared = (bounds([word for word in scene.words if word.ignored is flag]) for flag in (False, True))
        hits = matches(found, asked)
        right, words = right + hits, words + len(asked)
        boxes += len(found) - int((overlaps(found, spared, of_first=True).max(1, initial=0) > OVERLAP).sum())
    return Check(float(np.mean(losses)), right / max(1, boxes, right), right / max(1, words))


def find_boxes(region: Map, affinity: Map) -> Map:
    """Return boxes (n, 4), x0, y0, x1, y1, image pixels: connected parts above the thresholds, widened as published."""
    joined = ((region > LOW_TEXT) | (affinity > LINK)).astype(np.uint8)
    count, labels, stats, _ = cv2.connectedComponentsWithStats(joined, connectivity=4)
    peaks = np.zeros(count, np.float32)
    np.maximum.at(peaks, np.asarray(labels, np.int64).ravel(), region.ravel())
    kept = [stat for stat, peak in zip(stats[1:], peaks[1:], strict=True) if stat[4] >= 10 and peak >= TEXT]
    boxes = np.array(kept, np.float32).reshape(-1, 5)
    x, y, width, height, area = boxes.T
    margin = np.floor(np.sqrt(area * np.minimum(width, height) / np.maximum(width * height, 1)) * 2) / 2
    return 2 * np.stack([x - margin, y - margin, x + width + margin, y + height + margin], axis=1)


def bounds(words: Sequence[Word]) -> Map:
    """Return upright boxes (n, 4) around words."""
    boxes = [np.concatenate([word.quad.min(0), word.quad.max(0)]) for word in words]
    return np.array(boxes, np.float32).reshape(-1, 4)


def overlaps(first: Map, second: Map, *, of_first: bool = False) -> Map:
    """Return the intersection over union (n, m) of boxes (n, 4) and (m, 4), or over the area of the first."""
    low = np.maximum(first[:, np.newaxis, :2], second[np.newaxis, :, :2])
    high = np.minimum(first[:, np.newaxis, 2:], second[np.newaxis, :, 2:])
    shared = np.clip(high - low, 0, None).prod(-1)
    mine, theirs = ((boxes[:, 2:] - boxes[:, :2]).prod(-1) for boxes in (first, second))
    whole = mine[:, np.newaxis] if of_first else mine[:, np.newaxis] + theirs[np.newaxis] - shared
    return np.asarray(shared / np.maximum(whole, 1e-6), np.float32)


def matches(found: Map, asked: Map) -> int:
    """Count the pairs of boxes that overlap enough, each box in one pair at most."""
    scores = overlaps(found, asked)
    count = 0
    while scores.size and scores.max() >= OVERLAP:
        row, column = np.unravel_index(int(scores.argmax()), scores.shape)
        scores[row], scores[:, column] = 0, 0
        count += 1
    return count
