"""Every network against the outputs of the original implementations (shared/golden), which are float32.

What is compared is the network in float64, fed the golden symbols. The golden weights of the LSTMs and of
the attention are chaotic on purpose, and TPS multiplies numbers of 17 that cancel: what a processor rounds
in float32 comes out far larger. What our network in float32 is off by, here, says how far the golden values
may be off (`edgereader.export.parity.bound`).
"""

from typing import cast

import pytest
import torch

from edgereader.export.parity import bound, clear_symbols_equal, difference
from edgereader.models.craft import CRAFT
from edgereader.models.link_refiner import LinkRefiner
from edgereader.models.recognizer import COMBINATIONS, Recognizer, RecognizerConfig

RECOGNIZERS = {
    **{name: RecognizerConfig(name, 38 if name.endswith("Attn") else 37) for name in COMBINATIONS},
    "TPS-ResNet-BiLSTM-Attn/case-sensitive": RecognizerConfig(num_classes=96),
    "TPS-ResNet-BiLSTM-Attn/rgb": RecognizerConfig(channels=3),
}
QUICK = {
    "TPS-ResNet-BiLSTM-Attn",
    "TPS-VGG-None-CTC",
    "None-RCNN-BiLSTM-CTC",
    "None-VGG-None-Attn",
    "TPS-ResNet-BiLSTM-Attn/rgb",
}
"""Networks that have each choice of each stage, and colour; the others are for `make nightly`."""


def symbols_before(logits):
    """The symbols that greedy decoding fed to each step: [GO], then the best of the step before."""
    best = torch.from_numpy(logits).argmax(dim=2)
    return torch.cat([torch.zeros_like(best[:, :1]), best[:, :-1]], dim=1)


@torch.inference_mode()
@pytest.mark.parametrize(
    "name", [name if name in QUICK else pytest.param(name, marks=pytest.mark.slow) for name in RECOGNIZERS]
)
def test_recognizer_equals_the_original(golden, name):
    config = RECOGNIZERS[name]
    network = cast("Recognizer", golden.load(Recognizer(config), name))
    images = golden.images((3, config.channels, 32, 100), seed=7)
    expected = golden.expected[f"{name}/logits"]
    before = symbols_before(expected) if "Attn" in name else None
    single = network(images, before).numpy()
    exact = network.double()(images.double(), before).numpy()
    allowed = bound(difference(single, exact))
    assert difference(expected, exact) <= allowed
    assert clear_symbols_equal(expected.argmax(2), exact, allowed)


@torch.inference_mode()
@pytest.mark.parametrize("size", [(64, 96), (160, 224)])
def test_detector_and_refiner_equal_the_originals(golden, size):
    craft, refiner = golden.load(CRAFT(), "CRAFT"), golden.load(LinkRefiner(), "LinkRefiner")
    height, width = size
    images = golden.images((2, 3, height, width), seed=height)
    maps, features = craft(images)
    single = maps.numpy(), refiner(maps, features).numpy()
    maps, features = craft.double()(images.double())
    exact = maps.numpy(), refiner.double()(maps, features).numpy()
    names = f"CRAFT/{height}x{width}/maps", f"LinkRefiner/{height}x{width}/affinity"
    for name, ours, right in zip(names, single, exact, strict=True):
        assert difference(golden.expected[name], right) <= bound(difference(ours, right))
