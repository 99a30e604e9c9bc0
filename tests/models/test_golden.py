"""Every network against the outputs of the original implementations (shared/golden).

The tolerance is 1e-4 of the largest magnitude. The golden weights of the LSTMs and of the attention
are chaotic on purpose, and TPS multiplies numbers of 17 that cancel: where the processor rounds
float32 differently from the one that made the golden values, even exact arithmetic is further from
them than that. Then the network in float64 must lie within what float32 rounding does to the output,
which is measured: every weight moved by at most one float32 rounding step.
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
ROUNDING = 2**-23

RECOGNIZERS = {
    **{name: RecognizerConfig(name, 38 if name.endswith("Attn") else 37) for name in COMBINATIONS},
    "TPS-ResNet-BiLSTM-Attn/case-sensitive": RecognizerConfig(num_classes=96),
    "TPS-ResNet-BiLSTM-Attn/rgb": RecognizerConfig(channels=3),
}


def distance(actual: torch.Tensor, expected: Any) -> float:
    """Largest difference, relative to the largest magnitude expected."""
    assert actual.shape == expected.shape
    return float(np.abs(actual.numpy() - np.asarray(expected)).max() / np.abs(np.asarray(expected)).max())


def rounding_spread(network: Recognizer, images: torch.Tensor, seeds: int = 2) -> float:
    """How far the output moves when each weight moves by at most one float32 rounding step."""
    exact = network(images)
    state = {key: value.clone() for key, value in network.state_dict().items()}
    moved = []
    for seed in range(seeds):
        source = torch.Generator().manual_seed(seed)
        noise = {key: torch.rand(value.shape, generator=source).double() * 2 - 1 for key, value in state.items()}
        network.load_state_dict({key: value * (1 + ROUNDING * noise[key]) for key, value in state.items()})
        moved.append(distance(network(images), exact))
    return max(moved)


@torch.inference_mode()
@pytest.mark.parametrize("name", RECOGNIZERS)
def test_recognizer_equals_the_original(golden: Any, name: str) -> None:
    config = RECOGNIZERS[name]
    network = cast("Recognizer", golden.load(Recognizer(config), name))
    images = golden.images((3, config.channels, 32, 100), seed=7)
    expected = golden.expected[f"{name}/logits"]
    logits = network(images)
    tolerance = TOLERANCE
    if distance(logits, expected) > TOLERANCE:
        network, images = network.double(), images.double()
        logits = network(images)
        tolerance = max(TOLERANCE, rounding_spread(network, images))
    assert distance(logits, expected) <= tolerance
    assert (logits.numpy().argmax(-1) == expected.argmax(-1)).all()


@torch.inference_mode()
@pytest.mark.parametrize("size", [(64, 96), (160, 224)])
def test_detector_and_refiner_equal_the_originals(golden: Any, size: tuple[int, int]) -> None:
    craft = golden.load(CRAFT(), "CRAFT")
    refiner = golden.load(LinkRefiner(), "LinkRefiner")
    height, width = size
    maps, features = craft(golden.images((2, 3, height, width), seed=height))
    assert distance(maps, golden.expected[f"CRAFT/{height}x{width}/maps"]) <= TOLERANCE
    assert distance(refiner(maps, features), golden.expected[f"LinkRefiner/{height}x{width}/affinity"]) <= TOLERANCE
