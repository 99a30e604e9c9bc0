"""What a checkpoint to fine-tune tells about its network, so that the trainer need not be told."""

from pathlib import Path
from typing import Any

from ..charsets import CHARSETS, num_classes
from ..craft import STRIDED_PX
from .samples import TrainingDataError

FULL_FEATURES = 512
"""Channels that the feature stage of a recogniser ends with at width 1.0."""
FULL_FIRST = 64
"""Channels of CRAFT's first layer at width 1.0."""
FEATURE_MARKS = {"ResNet": "ConvNet.conv0_1.weight", "RCNN": "ConvNet.3.wgf_u.weight", "VGG": "ConvNet.18.weight"}
"""A key that only this feature stage has, below `FeatureExtraction.`."""


def recognizer_options(path: Path, charset: str | None) -> dict[str, Any]:
    """Infer stages, width, hidden size, channels and charset of a recogniser's checkpoint.

    Args:
        path: A state dict as torch saves it, with or without the `module.` prefix.
        charset: The characters, or None to tell one of the known charsets by its number of classes.

    Returns:
        Fields of `RecognizerTraining`.

    Raises:
        TrainingDataError: The file is no checkpoint of a recogniser, or its classes fit no known charset.
    """
    shapes = _shapes(path)
    stages = _stages(shapes, path)
    filters = [shape for key, shape in shapes.items() if key.startswith("FeatureExtraction.") and len(shape) == 4]
    classes = shapes["Prediction.generator.weight" if stages.endswith("Attn") else "Prediction.weight"][0]
    recurrent = [shape for key, shape in shapes.items() if key.endswith((".rnn.weight_hh_l0", ".rnn.weight_hh"))]
    return {
        "stages": stages,
        "hidden_size": recurrent[0][1] if recurrent else None,
        "width": max(outputs for outputs, *_ in filters) / FULL_FEATURES,
        "channels": filters[0][1],
        "charset": charset or _charset(classes, stages.rsplit("-", 1)[1], path),
    }


def detector_options(path: Path) -> dict[str, Any]:
    """Infer the width factor of a CRAFT checkpoint, and whether it is strided, from its first layer.

    Returns:
        Fields of `DetectorTraining`, and what `CRAFT` takes.

    Raises:
        TrainingDataError: The file is no checkpoint of CRAFT.
    """
    shapes = _shapes(path)
    if "basenet.slice1.0.weight" not in shapes:
        raise TrainingDataError(f"{path}: expected a checkpoint of CRAFT, got {_some(shapes)}; give another file")
    outputs, _, height, _ = shapes["basenet.slice1.0.weight"]
    return {"width": outputs / FULL_FIRST, "strided": height == STRIDED_PX}


def _shapes(path: Path) -> dict[str, tuple[int, ...]]:
    from .loop import load_state, weights_in

    state = weights_in(load_state(path))
    return {key: tuple(value.shape) for key, value in state.items() if hasattr(value, "shape")}


def _stages(shapes: dict[str, tuple[int, ...]], path: Path) -> str:
    features = next((name for name, mark in FEATURE_MARKS.items() if f"FeatureExtraction.{mark}" in shapes), None)
    attention = "Prediction.generator.weight" in shapes
    if features is None or not (attention or "Prediction.weight" in shapes):
        raise TrainingDataError(
            f"{path}: expected a checkpoint of a recogniser, got {_some(shapes)}; give another file"
        )
    transformation = "TPS" if any(key.startswith("Transformation.") for key in shapes) else "None"
    sequence = "BiLSTM" if any(key.startswith("SequenceModeling.") for key in shapes) else "None"
    return "-".join((transformation, features, sequence, "Attn" if attention else "CTC"))


def _charset(classes: int, prediction: str, path: Path) -> str:
    for symbols in CHARSETS.values():
        if num_classes(symbols, prediction) == classes:
            return symbols
    known = ", ".join(f"{name} {num_classes(symbols, prediction)}" for name, symbols in CHARSETS.items())
    raise TrainingDataError(f"{path}: expected the classes of a known charset ({known}), got {classes}; give --charset")


def _some(shapes: dict[str, tuple[int, ...]]) -> str:
    return f"{len(shapes)} tensors such as {next(iter(shapes))}" if shapes else "no tensor"
