"""A model on a backend beside fp32 on ``cpu``: the same images, one by one and in batches, and how far off it is."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from ...runtime.bundles.bundle import Bundle
from ...runtime.bundles.manifest import Kind
from ...runtime.errors import BundleError
from ...runtime.geometry.crops import MOST_CROPS, batch_size
from ...runtime.geometry.images import box
from ...runtime.sessions.base import Binding, Session
from ...runtime.sessions.binding import bind_images
from ...runtime.sessions.opening import open_unproven
from ...runtime.sessions.profiles import USUAL_CROPS, default_profile
from ..onnx_file import Arrays
from ..parity import apart, difference, random_images, spread
from ..precision.pictures import Picture, inputs_of

Images = NDArray[np.uint8]
"""(N, H, W, C), bytes as a camera gives them."""

INPUTS: dict[Kind, str] = {"detector": "image", "recognizer": "crops"}
SMALL_HW = 256, 384
"""Height and width of a small canvas, pixels."""
SMALL_BATCH = 3
"""Canvases at once where a backend takes any number."""
PHOTOS = 3
"""Photos that a detector's maps are compared on; its regions are on all."""


@dataclass(frozen=True)
class Trial:
    """A model on a backend, and what it is compared with."""

    bundle: Bundle
    """Where it is from."""
    kind: Kind
    """Which model."""
    session: Session
    """The model on the backend."""
    reference: Session
    """The model in fp32 on ``cpu``."""
    pictures: tuple[Picture, ...]
    """What it is compared on."""

    @property
    def backend(self) -> str:
        """Return the backend that runs it."""
        return self.session.backend

    @property
    def precision(self) -> str:
        """Return the precision that it runs in."""
        return self.session.precision

    @property
    def with_canary(self) -> tuple[Picture, ...]:
        """Return the pictures, after the bundle's canary if it has one."""
        canary = self.bundle.manifest.canary
        if canary is None:
            return self.pictures
        return (Picture(self.bundle.canary_file(canary.image).path, (box(*canary.crop_xywh),)), *self.pictures)


@dataclass(frozen=True)
class Comparison:
    """One batch on a backend beside what fp32 on ``cpu`` gives for each of its images alone."""

    shape: tuple[int, ...]
    """Batch, height, width, channels."""
    worst_row: float
    """How far the worst row is `apart`, all images together being the scale."""
    mean_row: float
    """The mean of that over all rows."""
    largest: float
    """Largest difference of one number, as a share of the largest magnitude."""
    alone: float
    """How far the worst row is `apart` from what the backend itself gives for that image alone."""
    alike: bool
    """Whether different images gave the very same numbers."""
    symbols: float
    """Share of a recognizer's symbols that are the likeliest of their step; 1 for a detector."""


def open_trial(bundle: Bundle, kind: Kind, backend: str, precision: str | None, pictures: Sequence[Picture]) -> Trial:
    """Load a model on a backend, and in fp32 on ``cpu``.

    Raises:
        BackendError, BackendUnavailable, BundleError: as `open_session` says; the canary is not asked for yet, but
            without one no backend other than ``cpu`` runs a bundle.
    """
    if backend != "cpu" and bundle.manifest.canary is None:
        fix = f"`edgereader export canary {bundle.root}` writes one"
        raise BundleError(f"{bundle.root}: expected a canary, without which only cpu runs it, got none; {fix}")
    session = open_unproven(bundle, kind, backend, precision)
    return Trial(bundle, kind, session, open_unproven(bundle, kind, "cpu", "fp32"), tuple(pictures))


def compare_all(trial: Trial) -> Iterator[Comparison]:
    """Compare at batch 1, the usual one and the largest one: a detector on a small canvas and on larger ones, a
    recognizer of several widths at the least, the middle and the greatest.
    """
    for (height, width), batches in sizes_of(trial).items():
        images = images_of(trial, (height, width))
        expected, alone = (run(session, trial, images, 1) for session in (trial.reference, trial.session))
        for batch in batches:
            yield compare(trial, images, expected, alone, batch)


def sizes_of(trial: Trial) -> dict[tuple[int, int], list[int]]:
    """Return height and width -> batches, both from small to large."""
    limits = trial.session.limits(INPUTS[trial.kind])
    if trial.kind == "recognizer":
        usual, most = (limits.opt[0], limits.max[0]) if limits else (USUAL_CROPS, MOST_CROPS)
        spec = trial.bundle.recognizer
        return {
            (spec.image_hw[0], width): sorted({1, usual, min(most, batch_size(spec, width)) if spec.widths else most})
            for width in spread(spec.crop_widths)
        }
    shapes = limits or default_profile(trial.bundle, "detector")["image"]
    small = min(SMALL_HW[0], shapes.max[1]), min(SMALL_HW[1], shapes.max[2])
    sizes = {small: {1, limits.max[0] if limits else SMALL_BATCH}}
    for batch, height, width, _ in (shapes.opt, shapes.max) if limits else (shapes.opt,):
        sizes.setdefault((height, width), set()).update({1, batch})
    return {size: sorted(batches) for size, batches in sizes.items()}


def images_of(trial: Trial, hw: tuple[int, int]) -> Images:
    """Return different images of one size: from the pictures, and one of noise."""
    if trial.kind == "recognizer":
        found = (crop for batch in inputs_of(trial.bundle, "recognizer", trial.with_canary) for crop in batch["crops"])
        channels: int = trial.bundle.recognizer.channels
        images = [
            cv2.resize(crop, hw[::-1], interpolation=cv2.INTER_AREA).reshape(*hw, channels)
            for crop in islice(found, MOST_CROPS - 1)
        ]
    else:
        frames = (picture.read() for picture in trial.with_canary[:PHOTOS])
        images = [cv2.resize(frame, hw[::-1], interpolation=cv2.INTER_AREA) for frame in frames]
        channels = 3
    return np.stack((*images, *random_images((1, *hw, channels), seed=0)))


def in_turn(rows: NDArray[Any], batch: int) -> NDArray[Any]:
    """Return a batch that holds the rows in turn."""
    return rows[np.arange(batch) % len(rows)]


def compare(trial: Trial, images: Images, expected: Arrays, alone: Arrays, batch: int) -> Comparison:
    """Compare one batch that holds the images in turn; `expected` and `alone` are the outputs for each by itself."""
    outputs = run(trial.session, trial, in_turn(images, batch), batch)
    numbers = [name for name in outputs if name != "symbols"]
    rows = row_errors(outputs, expected, numbers)
    symbols = outputs["log_probs"].argmax(-1) == outputs["symbols"] if "symbols" in outputs else np.ones(1)
    return Comparison(
        shape=(batch, *images.shape[1:]),
        worst_row=max(rows),
        mean_row=float(np.mean(rows)),
        largest=max(difference(outputs[name], in_turn(expected[name], batch)) for name in numbers),
        alone=max(row_errors(outputs, alone, numbers)),
        alike=all((alone[name] == alone[name][:1]).all() for name in numbers),
        symbols=float(symbols.mean()),
    )


def row_errors(outputs: Arrays, expected: Arrays, names: Sequence[str]) -> list[float]:
    """Return how far each row is `apart` from what is expected for its image; the worst of some outputs."""
    pairs = [(outputs[name], expected[name]) for name in names]
    return [
        max(apart(got[row], right[row % len(right)], right) for got, right in pairs) for row in range(len(pairs[0][0]))
    ]


def run(session: Session, trial: Trial, images: Images, batch: int) -> Arrays:
    """Return the outputs for all images, so many at once."""
    binding = bind(session, trial, (batch, *images.shape[1:]))
    outputs: dict[str, list[NDArray[Any]]] = {name: [] for name in binding.outputs}
    for start in range(0, len(images), batch):
        binding.inputs[INPUTS[trial.kind]][:] = images[start : start + batch]
        binding.run(batch)
        for name, array in binding.outputs.items():
            outputs[name].append(array.copy())
    return {name: np.concatenate(found) for name, found in outputs.items()}


def bind(session: Session, trial: Trial, shape: tuple[int, ...], extra: Arrays | None = None) -> Binding:
    """Return buffers for images of this shape, and for more outputs like those in `extra`; all symbols are allowed."""
    spec = getattr(trial.bundle.manifest, trial.kind)
    return bind_images(session, spec, shape, {name: array.shape for name, array in (extra or {}).items()})
