"""The networks in checkpoints, with EdgeReader's own error; `models/checkpoints` finds and loads them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from ..models import checkpoints
from ..models.checkpoints import charsets, detectors, files, recognizers
from ..models.checkpoints.training_options import TrainingOptions
from ..runtime.errors import CheckpointError

if TYPE_CHECKING:
    from ..models.recognizer import Recognizer


@contextmanager
def translated() -> Iterator[None]:
    """Turn the error of models into the one of EdgeReader that means the same."""
    try:
        yield
    except checkpoints.CheckpointError as exc:
        raise CheckpointError(str(exc)) from exc


load_craft = translated()(detectors.load_craft)
load_refiner = translated()(detectors.load_refiner)
open_recognizer = translated()(recognizers.open_recognizer)
kinds_in = translated()(files.kinds_in)
named_charset = translated()(charsets.named_charset)
expect_charset = translated()(charsets.expect_charset)


def load_recognizer(
    path: Path,
    image_hw: tuple[int, int] | None = None,
    max_length: int | None = None,
    *,
    even_contrast: bool | None = None,
) -> Recognizer:
    """Return the recognizer in a checkpoint; what is None comes from the file, or is as in the published networks.

    Raises:
        CheckpointError: see `open_recognizer`.
    """
    told = TrainingOptions(image_hw=image_hw, max_length=max_length, even_contrast=even_contrast)
    return open_recognizer(path, told).network
