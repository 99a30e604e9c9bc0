"""What a checkpoint to fine-tune tells about its network, so that the trainer need not be told."""

from pathlib import Path
from typing import Any

from ..charsets import CHARSETS, num_classes
from ..data.samples import TrainingDataError
from . import CheckpointError
from .detectors import load_craft
from .recognizers import open_recognizer


def recognizer_options(path: Path, charset: str | None) -> dict[str, Any]:
    """Return the fields of `RecognizerTraining` that a checkpoint tells, see `read_checkpoint`.

    `charset`: its characters, if the file does not hold them; None takes the known one of as many classes.

    Raises:
        TrainingDataError: The file is no checkpoint of a recognizer, or its classes fit no known charset.
    """
    try:
        trained = open_recognizer(path)
    except CheckpointError as exc:
        raise TrainingDataError(str(exc)) from exc
    config, known = trained.network.config, trained.known
    inferred = {
        **vars(known),
        "stages": config.stages,
        "width": config.width,
        "hidden_size": config.hidden_size,
        "channels": config.channels,
        "charset": known.charset or charset or _charset(config.num_classes, config.stages.rsplit("-", 1)[1], path),
    }
    return {name: value for name, value in inferred.items() if value is not None}


def detector_options(path: Path) -> dict[str, Any]:
    """Return the width and stride of a checkpoint, for `CRAFT`. Raise TrainingDataError if it is another file."""
    try:
        network = load_craft(path)
    except CheckpointError as exc:
        raise TrainingDataError(str(exc)) from exc
    return {"width": network.width, "strided": network.strided}


def _charset(classes: int, prediction: str, path: Path) -> str:
    for symbols in CHARSETS.values():
        if num_classes(symbols, prediction) == classes:
            return symbols
    known = ", ".join(f"{name} {num_classes(symbols, prediction)}" for name, symbols in CHARSETS.items())
    raise TrainingDataError(f"{path}: expected the classes of a known charset ({known}), got {classes}; give --charset")
