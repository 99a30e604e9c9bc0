"""A network on one input, ready to be run again and again, and what it should give."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...export.parity import random_images
from ...runtime.bundles.bundle import Bundle
from ...runtime.bundles.manifest import DetectorSpec, Kind, RecognizerSpec
from ...runtime.geometry.crops import MOST_CROPS
from ...runtime.sessions.base import Session
from ...runtime.sessions.binding import bind_images
from ...runtime.sessions.opening import open_unproven
from .jobs import Job, kind_of, shape_of

Arrays = dict[str, NDArray[Any]]
Run = Callable[[], Arrays]
"""Runs once: from bytes in the computer's memory to the outputs there, which the next run overwrites."""
Runner = Callable[[str], Run]
"""A loaded network: size → what runs it."""


def runner(job: Job) -> Runner:
    """Load the network of a job.

    Raises:
        BackendUnavailable: it cannot run here.
        BackendError, BundleError: see `open_session`.
    """
    if job.contender.torch:
        from .torch_runs import torch_runner

        return torch_runner(job.contender, kind_of(job.section), Path(job.folder), gpu=not job.scale.dry)
    bundle = Bundle.open(Path(job.folder) / "random")
    kind = kind_of(job.section)
    session = open_unproven(bundle, kind, job.contender.runner, job.contender.precision)
    spec = bundle.detector if kind == "detector" else bundle.recognizer
    return lambda size: session_run(session, spec, size)


def images_of(size: str) -> NDArray[np.uint8]:
    """The input of a size; fewer crops are the first ones of more."""
    shape = shape_of(size)
    if not size.endswith("crops"):
        return random_images(shape, seed=shape[1])
    return random_images((max(MOST_CROPS, shape[0]), *shape[1:]), seed=7)[: shape[0]]


def session_run(session: Session, spec: DetectorSpec | RecognizerSpec, size: str) -> Run:
    """A session of ours, as the runtime binds it."""
    images = images_of(size)
    binding = bind_images(session, spec, images.shape)
    binding.inputs["crops" if size.endswith("crops") else "image"][:] = images

    def run() -> Arrays:
        binding.run(len(images))
        return dict(binding.outputs)

    return run


def expected_file(folder: Path, kind: Kind, size: str) -> Path:
    """Where the outputs of fp32 on the CPU lie."""
    return folder / f"{kind} {size}.npz"


def expected(folder: Path, kind: Kind, size: str) -> dict[str, Any]:
    """What fp32 on the CPU gives for a size."""
    with np.load(expected_file(folder, kind, size)) as arrays:
        return dict(arrays)
