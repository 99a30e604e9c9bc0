"""Batches for the detector: scenes, generated or from data sets, cut to a canvas, with their targets."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import IterableDataset

from ..data.samples import Scene, Scenes, Word, parted
from ..synthesis.scenes import make_scene
from .targets import make_targets

EASY_STEPS, RAMP_STEPS = 600, 1500
"""Scenes stay large and clear for so many steps, then grow hard over so many more."""
WIDE_SHARE, WIDE = 0.25, 1.5
"""The share of batches on a larger canvas, where a character has more around it, and how much larger that is."""


EDGED_SHARE, EDGE_PX = 0.3, 48
"""The share of generated scenes whose borders cut through what is there, and how much is cut off at each side."""


@dataclass(frozen=True)
class Batch:
    """What one step learns from."""

    images: Tensor
    """uint8 (N, H, W, 3), BGR."""
    maps: Tensor
    """float32 (N, H/2, W/2, 2): region and affinity."""
    weight: Tensor
    """float32 (N, H/2, W/2): 0 where nothing is asked."""


@dataclass(frozen=True)
class Source:
    """Where batches come from; the same source, seed and step give the same batch."""

    canvas_px: int
    """Side of the square canvas, a multiple of 32."""
    size: int
    """Scenes a batch on that canvas; larger canvases hold fewer."""
    seed: int
    """Seed of everything drawn."""
    data: tuple[Scenes, ...] = ()
    """Data sets beside the generator."""
    synthetic_share: float = 1.0
    """Share of generated scenes, 0..1, when there are data sets."""
    easy_first: bool = True
    """Whether the first steps get easier scenes."""

    @cached_property
    def learnt(self) -> list[NDArray[np.int64]]:
        """Return for each data set the places of the scenes that are not held out."""
        return [parted(scenes)[0] for scenes in self.data]

    @property
    def wide_hw(self) -> tuple[int, int]:
        """Return the larger canvas."""
        side = round(self.canvas_px * WIDE / 32) * 32
        return side, side

    def batch(self, step: int) -> Batch:
        """Make the batch of a step."""
        rng = np.random.default_rng([self.seed, step])
        wide = rng.random() < WIDE_SHARE
        hw = self.wide_hw if wide else (self.canvas_px, self.canvas_px)
        count = max(1, round(self.size / WIDE**2)) if wide else self.size
        level = float(np.clip((step - EASY_STEPS) / RAMP_STEPS, 0, 1)) if self.easy_first else 1.0
        return collate([self.scene(rng, hw, level) for _ in range(count)])

    def scene(self, rng: np.random.Generator, hw: tuple[int, int], level: float) -> Scene:
        """Draw one scene of this size."""
        if not self.data or rng.random() < self.synthetic_share:
            return edged(rng, hw, level) if rng.random() < EDGED_SHARE else make_scene(rng, hw, level=level)
        number = int(rng.integers(len(self.data)))
        return cut_scene(rng, self.data[number][int(rng.choice(self.learnt[number]))], hw)


class Batches(IterableDataset[Batch]):
    """The batches from a step on, without end, in the same order for any number of workers."""

    def __init__(self, source: Source, first: int) -> None:
        self.source, self.first = source, first

    def __iter__(self) -> Iterator[Batch]:
        """Yield this worker's steps."""
        info = torch.utils.data.get_worker_info()
        worker, workers = (info.id, info.num_workers) if info is not None else (0, 1)
        step = self.first + worker
        while True:
            yield self.source.batch(step)
            step += workers


def collate(scenes: Sequence[Scene]) -> Batch:
    """Stack scenes of one size with their targets."""
    targets = [make_targets(scene) for scene in scenes]
    return Batch(
        torch.from_numpy(np.stack([scene.image for scene in scenes])),
        torch.from_numpy(np.stack([np.stack([target.region, target.affinity], -1) for target in targets])),
        torch.from_numpy(np.stack([target.weight for target in targets])),
    )


def edged(rng: np.random.Generator, hw: tuple[int, int], level: float) -> Scene:
    """Make a scene whose borders cut through what stands there, so that text is beside and across them."""
    larger = make_scene(rng, (hw[0] + 2 * EDGE_PX, hw[1] + 2 * EDGE_PX), level=level)
    return seen_through(larger, hw, 1.0, (EDGE_PX, EDGE_PX))


def cut_scene(rng: np.random.Generator, scene: Scene, hw: tuple[int, int]) -> Scene:
    """Cut a window of this size out of a scene at a random scale."""
    height, width = scene.image.shape[:2]
    scale = max(hw[0] / height, hw[1] / width) * float(np.exp(rng.uniform(np.log(0.7), np.log(3.0))))
    x = rng.uniform(min(0.0, width * scale - hw[1]), max(0.0, width * scale - hw[1]))
    y = rng.uniform(min(0.0, height * scale - hw[0]), max(0.0, height * scale - hw[0]))
    return seen_through(scene, hw, scale, (x, y))


def seen_through(scene: Scene, hw: tuple[int, int], scale: float, origin_xy: tuple[float, float]) -> Scene:
    """Return a window (height, width) into a scaled scene, from a point of it; words across its edge are ignored."""
    x, y = origin_xy
    image = scene.image if scale > 0.7 else cv2.GaussianBlur(scene.image, (0, 0), 0.4 / scale)
    seen = np.asarray(cv2.warpAffine(image, _shift(scale, x, y), hw[::-1]), np.uint8)
    taught = scene.taught
    if taught is not None:
        taught = np.asarray(cv2.warpAffine(taught, _shift(scale, x / 2, y / 2), (hw[1] // 2, hw[0] // 2)), np.uint8)
    moved = [_move(word, scale, np.array([x, y], np.float32)) for word in scene.words]
    low, high = np.zeros(2), np.array(hw[::-1])
    words = [word for word in moved if (word.quad.max(0) > low).all() and (word.quad.min(0) < high).all()]
    whole = [bool((word.quad >= low).all() and (word.quad <= high).all()) for word in words]
    kept = zip(words, whole, strict=True)
    return Scene(seen, [word if inside else replace(word, ignored=True) for word, inside in kept], taught)


def _shift(scale: float, x: float, y: float) -> np.ndarray:
    return np.array([[scale, 0, -x], [0, scale, -y]], np.float32)


def _move(word: Word, scale: float, origin: np.ndarray) -> Word:
    return replace(word, quad=word.quad * scale - origin, char_quads=word.char_quads * scale - origin)
