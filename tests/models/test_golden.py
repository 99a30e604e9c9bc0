"""Every network against the outputs of the original implementations (shared/golden).

The tolerance is 1e-4 of the largest magnitude. The golden weights of the LSTMs and of the attention
are chaotic on purpose, and TPS multiplies numbers of 17 that cancel: a processor that rounds float32
in another order than the one that made the golden values is further from them than that, and so is
exact arithmetic. There the network in float64, fed the golden symbols, must lie within three times
what float32 rounding is seen to do to it.
"""

from __future__ import annotations

from typing import Any, cast

import numpy as np
import pytest
import torch

from edgereader.models.craft import CRAFT
from edgereader.models.link_refiner import LinkRefiner
from edgereader.models.recognizer import COMBINATIONS, Recognizer, RecognizerConfig

TOLERANCE = 1e-4

RECOGNIZERS = {
    **{name: RecognizerConfig(name, 38 if name.endswith("Attn") else 37) for name in COMBINATIONS},
    "TPS-ResNet-BiLSTM-Attn/case-sensitive": RecognizerConfig(num_classes=96),
    "TPS-ResNet-BiLSTM-Attn/rgb": RecognizerConfig(channels=3),
}


def distance(actual: torch.Tensor, expected: Any) -> float:
    """Largest difference, relative to the largest magnitude expected."""
    assert actual.shape == expected.shape
    return float(np.abs(actual.numpy() - np.asarray(expected)).max() / np.abs(np.asarray(expected)).max())


def symbols_before(logits: Any) -> torch.Tensor:
    """The symbols that greedy decoding fed to each step: [GO], then the best of the step before."""
    best = torch.from_numpy(logits).argmax(dim=2)
    return torch.cat([torch.zeros_like(best[:, :1]), best[:, :-1]], dim=1)


@torch.inference_mode()
@pytest.mark.parametrize("name", RECOGNIZERS)
def test_recognizer_equals_the_original(golden: Any, name: str) -> None:
    config = RECOGNIZERS[name]
    network = cast("Recognizer", golden.load(Recognizer(config), name))
    images = golden.images((3, config.channels, 32, 100), seed=7)
    expected = golden.expected[f"{name}/logits"]
    logits = network(images)
    if distance(logits, expected) > TOLERANCE:
        before = symbols_before(expected) if "Attn" in name else None
        logits = network(images, before)
        exact = network.double()(images.double(), before)
        assert distance(exact, expected) <= max(TOLERANCE, 3 * distance(logits, exact))


@torch.inference_mode()
@pytest.mark.parametrize("size", [(64, 96), (160, 224)])
def test_detector_and_refiner_equal_the_originals(golden: Any, size: tuple[int, int]) -> None:
    craft = golden.load(CRAFT(), "CRAFT")
    refiner = golden.load(LinkRefiner(), "LinkRefiner")
    height, width = size
    maps, features = craft(golden.images((2, 3, height, width), seed=height))
    assert distance(maps, golden.expected[f"CRAFT/{height}x{width}/maps"]) <= TOLERANCE
    assert distance(refiner(maps, features), golden.expected[f"LinkRefiner/{height}x{width}/affinity"]) <= TOLERANCE
