"""Which network a state dict belongs to: stages, sizes and width from its keys and shapes."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from ..models.charsets import CHARSETS, SPECIAL_SYMBOLS, num_classes
from ..runtime.errors import CheckpointError
from .checkpoint import State, differences, expect_kind, load_strictly, read_state, width_candidates

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from torch import nn

    from ..models.craft import CRAFT
    from ..models.link_refiner import LinkRefiner
    from ..models.recognizer import Recognizer, RecognizerConfig

Network = TypeVar("Network", bound="nn.Module")

FEATURE_KEYS = {"VGG": "18.weight", "RCNN": "9.weight", "ResNet": "conv4_2.weight"}
"""Feature network -> its last convolution, 512 channels at width 1."""

DEFAULT_HW = (32, 100)
"""Input size of the published recognisers, pixels."""


def load_craft(path: Path) -> CRAFT:
    """The detector in a checkpoint. Raises CheckpointError."""
    from ..models.craft import CRAFT

    state = read_state(path)
    expect_kind(path, state, "CRAFT detector")
    widths = width_candidates(channels(path, state, "basenet.slice5.2.weight"), 1024)
    choices = [(width, strided) for width in widths for strided in (False, True)]
    return load_fitting(path, state, [partial(CRAFT, width, strided=strided) for width, strided in choices])


def load_refiner(path: Path) -> LinkRefiner:
    """The link refiner in a checkpoint. Raises CheckpointError."""
    from ..models.link_refiner import LinkRefiner

    state = read_state(path)
    expect_kind(path, state, "link refiner")
    widths = width_candidates(channels(path, state, "aspp1.0.weight"), 128)
    return load_fitting(path, state, [partial(LinkRefiner, width) for width in widths])


def load_recognizer(
    path: Path, image_hw: tuple[int, int] | None = None, max_length: int = 25, *, even_contrast: bool = False
) -> Recognizer:
    """The recogniser in a checkpoint.

    `image_hw`: input height and width in pixels; a checkpoint with TPS knows its own, others say
    nothing of it, so that None means 32x100. `max_length`: longest text of an Attn decoder.
    `even_contrast`: whether it was trained on crops of one contrast, which no checkpoint says.

    Raises:
        CheckpointError: see `read_state`; or the size is not the checkpoint's.
    """
    from ..models.recognizer import Recognizer

    state = read_state(path)
    expect_kind(path, state, "recogniser")
    config = replace(recognizer_config(path, state, image_hw), max_length=max_length, even_contrast=even_contrast)
    _, features, _, _ = config.stages.split("-")
    widths = width_candidates(channels(path, state, f"FeatureExtraction.ConvNet.{FEATURE_KEYS[features]}"), 512)
    return load_fitting(path, state, [partial(Recognizer, replace(config, width=width)) for width in widths])


def recognizer_config(path: Path, state: State, image_hw: tuple[int, int] | None) -> RecognizerConfig:
    """Stages, classes, channels and size of a recogniser's state dict."""
    from ..models.recognizer import RecognizerConfig

    convolutions = "FeatureExtraction.ConvNet."
    features = next((name for name, key in FEATURE_KEYS.items() if convolutions + key in state), None)
    if features is None:
        raise CheckpointError(f"{path}: expected features of VGG, RCNN or ResNet, got keys of none of them")
    tps = any(key.startswith("Transformation.") for key in state)
    attention = any(key.startswith("Prediction.attention_cell.") for key in state)
    stages = (
        "TPS" if tps else "None",
        features,
        "BiLSTM" if any(key.startswith("SequenceModeling.") for key in state) else "None",
        "Attn" if attention else "CTC",
    )
    first = f"{convolutions}conv0_1.weight" if features == "ResNet" else f"{convolutions}0.weight"
    return RecognizerConfig(
        stages="-".join(stages),
        num_classes=channels(path, state, "Prediction.generator.weight" if attention else "Prediction.weight"),
        image_hw=tps_size(path, state, image_hw) if tps else image_hw or DEFAULT_HW,
        channels=channels(path, state, first, axis=1),
    )


def tps_size(path: Path, state: State, image_hw: tuple[int, int] | None) -> tuple[int, int]:
    """The size that TPS was made for: its constant `P_hat` holds every pixel's x and y."""
    channels(path, state, "Transformation.GridGenerator.P_hat")
    pixels = state["Transformation.GridGenerator.P_hat"]
    own = (len(set(pixels[:, 2].tolist())), len(set(pixels[:, 1].tolist())))
    if image_hw not in (None, own):
        raise CheckpointError(f"{path}: expected size {own[0]}x{own[1]}, for which its TPS was trained, got {image_hw}")
    return own


def channels(path: Path, state: State, key: str, axis: int = 0) -> int:
    """Size of one tensor that a network of this kind must have."""
    if key not in state or state[key].ndim < 2 or not state[key].numel():
        raise CheckpointError(f"{path}: expected the weights {key}, got none; give a complete checkpoint")
    return int(state[key].shape[axis])


def load_fitting(path: Path, state: State, choices: Sequence[Callable[[], Network]]) -> Network:
    """The first network that the state dict fits; if none, the error says how the first one differs."""
    import torch

    with torch.device("meta"):
        make = next((make for make in choices if not differences(make(), state)), choices[0])
    network = make()
    load_strictly(path, network, state)
    return network


def resolve_charset(flag: str | None, classes: int, prediction: str) -> str:
    """The charset of `--charset`: a known name, the characters themselves, or `@FILE` that holds them.

    Raises:
        CheckpointError: it is absent, repeats a character, or does not fit the network's class count.
    """
    expected = classes - SPECIAL_SYMBOLS[prediction]
    fitting = ", ".join(name for name, known in CHARSETS.items() if len(known) == expected) or "none of the known names"
    fix = f"pass --charset with {expected} characters (a name: {fitting}; the characters; or @file)"
    if flag is None:
        raise CheckpointError(f"expected a charset, which no checkpoint holds, got none; {fix}")
    charset = CHARSETS.get(flag) or (read_charset(Path(flag[1:])) if flag.startswith("@") and len(flag) > 1 else flag)
    repeated = sorted({character for character in charset if charset.count(character) > 1})
    if repeated:
        raise CheckpointError(f"expected each character of the charset once, got {''.join(repeated)!r} repeated; {fix}")
    if num_classes(charset, prediction) != classes:
        raise CheckpointError(f"expected a charset of {expected} characters, got {len(charset)}; {fix}")
    return charset


def read_charset(path: Path) -> str:
    """The characters in a text file (UTF-8), line breaks left out."""
    try:
        return path.read_text(encoding="utf-8").replace("\r", "").replace("\n", "")
    except (OSError, UnicodeDecodeError) as exc:
        raise CheckpointError(f"{path}: expected a text file (UTF-8) with the charset, got: {exc}") from exc
