"""What a state dict says of its network, and what the charset must be."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from edgereader.export.networks import load_craft, load_recognizer, load_refiner, resolve_charset
from edgereader.models.craft import CRAFT
from edgereader.models.link_refiner import LinkRefiner
from edgereader.models.recognizer import COMBINATIONS, Recognizer, RecognizerConfig
from edgereader.runtime.errors import CheckpointError

Save = Callable[..., Path]


@pytest.mark.parametrize("stages", COMBINATIONS)
def test_every_combination_is_recognised(save: Save, stages: str) -> None:
    config = RecognizerConfig(stages, num_classes=13, channels=3, width=0.1, max_length=25)
    assert load_recognizer(save(Recognizer(config))).config == config


def test_a_strided_detector_is_recognised(save: Save) -> None:
    loaded = load_craft(save(CRAFT(0.1, strided=True)))
    assert (loaded.width, loaded.strided) == (0.1, True)


@pytest.mark.parametrize("width", [0.07, 0.125, 0.3, 1 / 3, 0.375, 0.9])
def test_width_is_recognised(save: Save, width: float) -> None:
    shapes = [
        {key: value.shape for key, value in network.state_dict().items()}
        for network in (CRAFT(width), load_craft(save(CRAFT(width))))
    ]
    assert shapes[0] == shapes[1]
    assert load_refiner(save(LinkRefiner(width))).width == pytest.approx(width, abs=0.01)


@pytest.mark.parametrize("image_hw", [(32, 100), (48, 160), (64, 256)])
def test_size_comes_from_tps_or_from_the_caller(save: Save, image_hw: tuple[int, int]) -> None:
    config = RecognizerConfig("TPS-VGG-None-CTC", 13, image_hw=image_hw, width=0.1)
    path = save(Recognizer(config))
    assert load_recognizer(path).config.image_hw == image_hw
    with pytest.raises(CheckpointError, match="for which its TPS was trained"):
        load_recognizer(path, (40, 100))
    plain = save(Recognizer(replace(config, stages="None-VGG-None-CTC")))
    assert load_recognizer(plain, image_hw).config.image_hw == image_hw
    assert load_recognizer(plain).config.image_hw == (32, 100)


def test_missing_and_altered_weights_are_refused(save: Save, tmp_path: Path) -> None:
    network = Recognizer(RecognizerConfig("None-ResNet-BiLSTM-Attn", 13, width=0.1))
    for change, words in {
        "Prediction.generator.weight": "expected the weights Prediction.generator.weight",
        "FeatureExtraction.ConvNet.conv4_2.weight": "expected features of VGG, RCNN or ResNet",
        "SequenceModeling.1.linear.bias": "missing SequenceModeling.1.linear.bias",
    }.items():
        state = network.state_dict()
        del state[change]
        torch.save(state, tmp_path / "partial.pt")
        with pytest.raises(CheckpointError, match=words):
            load_recognizer(tmp_path / "partial.pt")
    with pytest.raises(CheckpointError, match="expected the checkpoint of a CRAFT detector, got a recogniser"):
        load_craft(save(network))


def test_charset_by_name_by_letters_and_from_a_file(tmp_path: Path) -> None:
    assert resolve_charset("digits", 11, "CTC") == "0123456789"
    assert resolve_charset("alnum36", 38, "Attn") == "0123456789abcdefghijklmnopqrstuvwxyz"
    assert len(resolve_charset("printable94", 96, "Attn")) == 94
    assert resolve_charset("01é@", 6, "Attn") == "01é@"
    (tmp_path / "charset.txt").write_text("0123\n456 é\n", encoding="utf-8")
    assert resolve_charset(f"@{tmp_path}/charset.txt", 10, "CTC") == "0123456 é"


@pytest.mark.parametrize(
    ("flag", "words"),
    [
        (None, "got none; pass --charset with 36 characters .*alnum36"),
        ("digits", "expected a charset of 36 characters, got 10"),
        ("aab", "'a' repeated"),
        ("@/absent/charset.txt", "expected a text file"),
    ],
)
def test_charset_that_does_not_fit(flag: str | None, words: str) -> None:
    with pytest.raises(CheckpointError, match=words) as caught:
        resolve_charset(flag, 37, "CTC")
    assert "\n" not in str(caught.value)
