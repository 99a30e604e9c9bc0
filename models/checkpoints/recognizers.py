"""A four-stage recognizer from its checkpoint: stages and sizes from keys and shapes, the rest told or assumed."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from ..width import thin
from . import CheckpointError
from .charsets import expect_charset
from .files import State, read_checkpoint
from .loading import channels, expect_finite_outputs, load_fitting, width_candidates
from .training_options import (
    TrainingOptions,
    assumed_options,
    assumptions,
    of_custom_model,
    read_options,
    told_by_config,
    told_by_options,
)

if TYPE_CHECKING:
    from ..recognizer import Recognizer, RecognizerConfig

FEATURE_KEYS = {"VGG": "18.weight", "RCNN": "9.weight", "ResNet": "conv4_2.weight"}
"""Feature network -> its last convolution, 512 channels in the published networks."""

CONVOLUTIONS, FIDUCIALS = "FeatureExtraction.ConvNet.", "Transformation.LocalizationNetwork.localization_fc2.weight"
LOCALIZATION, PIXELS = "Transformation.LocalizationNetwork.conv.12.weight", "Transformation.GridGenerator.P_hat"

LEAST_PX = 16
"""Least height of an input; what claims to be lower are no pixels of TPS."""


LEAST_SIDE_PX, MOST_PX, MOST_CHARACTERS, MOST_POINTS = 8, 8192, 1024, 1024
"""What a bundle may say of a recognizer; of more fiducial points, the constants alone would fill the memory."""

TRIED_PX = 128
"""Width at which a recognizer without TPS is tried, whose input may be much wider."""


@dataclass(frozen=True)
class TrainedRecognizer:
    """A recognizer and all that reading with it needs."""

    network: Recognizer
    """In evaluation mode."""
    known: TrainingOptions
    """How it was trained, as far as the user and the files say."""
    told: TrainingOptions
    """The same with assumptions for the rest; the charset is None where nobody told it."""
    assumed: tuple[str, ...]
    """A line for each assumption that matters: `--size 32x100, …`."""
    as_easyocr: bool
    """Whether it is one of EasyOCR's, whose crops are made by EasyOCR's own steps."""


def open_recognizer(
    path: Path, given: TrainingOptions | None = None, *, options: Path | None = None, easyocr: bool = False
) -> TrainedRecognizer:
    """Return the recognizer in a checkpoint.

    Args:
        path: the weights, see `read_checkpoint`.
        given: what a user says; it goes before what the files say.
        options: the file that its trainer left beside the weights, see `read_options`.
        easyocr: assume that EasyOCR trained it, where neither user nor files say how.

    Raises:
        CheckpointError: no such network in the file, or one of another size than the user or the files say.
    """
    from ..recognizer import Recognizer

    checkpoint = read_checkpoint(path, "recognizer")
    state, written = checkpoint.state, read_options(options) if options else {}
    known = given or TrainingOptions()
    if options:
        known = known.completed(told_by_options(options, written))
    known = known.completed(told_by_config(path, checkpoint.config))
    config = inferred(path, state)
    known = replace(known, image_hw=spline_size(path, state, known.image_hw))
    assumed = assumed_options(known, written, easyocr=easyocr, tps=config.stages.startswith("TPS"))
    told = known.completed(assumed)
    expect_bounds(path, told)
    if known.charset is not None:
        expect_charset(known.charset, config.num_classes, config.stages.split("-")[3])
    config = replace(
        config,
        image_hw=told.image_hw or config.image_hw,
        max_length=told.max_length or config.max_length,
        even_contrast=bool(told.even_contrast),
    )
    network = load_fitting(path, state, [partial(Recognizer, choice) for choice in sized(path, state, config)])
    height, width = network.config.image_hw
    tried = width if config.stages.startswith("TPS") else min(width, TRIED_PX)
    expect_finite_outputs(path, network, (1, config.channels, height, tried))
    if options:
        expect_options(options, written, network.config)
    padded = bool(told.keep_ratio) and told.stretch == 1 and config.stages.endswith("CTC")
    as_easyocr = padded and (easyocr or of_custom_model(written))
    return TrainedRecognizer(network, known, told, tuple(assumptions(known, config.stages, assumed)), as_easyocr)


def expect_bounds(path: Path, told: TrainingOptions) -> None:
    """Raise CheckpointError if the size of the input or the longest text is beyond what a bundle may say."""
    sides = told.image_hw or (LEAST_PX, LEAST_PX)
    longest = 1 if told.max_length is None else told.max_length
    if not all(LEAST_SIDE_PX <= side <= MOST_PX for side in sides) or not 1 <= longest <= MOST_CHARACTERS:
        expected = f"sides of {LEAST_SIDE_PX} to {MOST_PX} pixels and texts of 1 to {MOST_CHARACTERS} characters"
        raise CheckpointError(f"{path}: expected {expected}, got {sides} and {longest}; correct the options")


def inferred(path: Path, state: State) -> RecognizerConfig:
    """Return stages, classes, input channels, hidden size and fiducial points of a recognizer's state dict.

    Raises:
        CheckpointError: it is of none of the 24 networks.
    """
    from ..recognizer import RecognizerConfig

    features = next((name for name, key in FEATURE_KEYS.items() if CONVOLUTIONS + key in state), None)
    if features is None:
        raise CheckpointError(
            f"{path}: expected features of VGG, RCNN or ResNet, got keys of none of them; give a complete checkpoint"
        )
    tps, recurrent, attention = (
        any(key.startswith(start) for key in state)
        for start in ("Transformation.", "SequenceModeling.", "Prediction.attention_cell.")
    )
    hidden = None
    if recurrent:
        hidden = channels(path, state, "SequenceModeling.0.linear.weight")
    elif attention:
        hidden = channels(path, state, "Prediction.attention_cell.i2h.weight")
    config = RecognizerConfig(
        stages="-".join(
            ("TPS" if tps else "None", features, "BiLSTM" if recurrent else "None", "Attn" if attention else "CTC")
        ),
        num_classes=channels(path, state, "Prediction.generator.weight" if attention else "Prediction.weight"),
        channels=channels(path, state, CONVOLUTIONS + ("conv0_1.weight" if features == "ResNet" else "0.weight"), 1),
        hidden_size=hidden,
    )
    if config.channels not in (1, 3):
        raise CheckpointError(
            f"{path}: expected 1 (grey) or 3 (colour) input channels, got {config.channels}; train so"
        )
    if not tps:
        return config
    points, odd = divmod(channels(path, state, FIDUCIALS), 2)
    if odd or points % 2 or not 4 <= points <= MOST_POINTS:
        raise CheckpointError(
            f"{path}: expected an even number of 4 to {MOST_POINTS} fiducial points, got {points}; "
            "train with --num_fiducial 20"
        )
    return replace(config, fiducials=points)


def sized(path: Path, state: State, config: RecognizerConfig) -> list[RecognizerConfig]:
    """Return how layers can have been made thinner: all by one factor, or the features by `output_channels`."""
    outputs = channels(path, state, CONVOLUTIONS + FEATURE_KEYS[config.stages.split("-")[1]])
    of_all = outputs if config.stages.startswith("None") else channels(path, state, LOCALIZATION)
    choices = []
    for width in width_candidates(of_all, 512):
        hidden = None if config.hidden_size == thin(256, width) else config.hidden_size
        thinner = replace(config, width=width, hidden_size=hidden)
        choices += [thinner, replace(thinner, output_channels=outputs)]
    return sorted(choices, key=lambda choice: choice.output_channels is not None)


def spline_size(path: Path, state: State, told: tuple[int, int] | None) -> tuple[int, int] | None:
    """Return the input size that TPS's constants were computed for, if a checkpoint has them; else what was told.

    They hold every pixel's x and y, row by row; only where the first row ends is looked at, which rounding leaves.
    """
    pixels = state.get(PIXELS)
    if pixels is None or pixels.ndim != 2 or pixels.shape[1] < 3 or not len(pixels):
        return told
    width = int((pixels[:, 2] == pixels[0, 2]).sum())
    own = (len(pixels) // width, width)
    if own[0] < LEAST_PX or own[0] * own[1] != len(pixels):
        return told
    if told is not None and told != own:
        got = "x".join(map(str, told))
        raise CheckpointError(f"{path}: expected size {own[0]}x{own[1]}, for which its TPS was trained, got {got}")
    return own


def expect_options(path: Path, options: dict[str, str], config: RecognizerConfig) -> None:
    """Refuse a file of options that belongs to another network.

    Raises:
        CheckpointError: it says something else than the weights do.
    """
    names = ("Transformation", "FeatureExtraction", "SequenceModeling", "Prediction")
    found = dict(zip(names, config.stages.split("-"), strict=True))
    found |= {"input_channel": str(config.channels), "output_channel": str(config.feature_sizes[-1])}
    if "BiLSTM" in config.stages or "Attn" in config.stages:
        found["hidden_size"] = str(thin(256, config.width) if config.hidden_size is None else config.hidden_size)
    if "TPS" in config.stages:
        found["num_fiducial"] = str(config.fiducials)
    for name, value in found.items():
        if options.get(name, value) != value:
            raise CheckpointError(
                f"{path}: expected {name} {value} as in the weights, got {options[name]}; give their own file"
            )
