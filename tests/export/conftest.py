"""Networks with weights under which the outputs vary from image to image, and their checkpoints."""

from functools import cache

import pytest
import torch

from edgereader.export.pipeline import Target, export_recognizer
from edgereader.export.precision.folding import fold
from edgereader.models.charsets import CHARSETS, num_classes
from edgereader.models.craft import CRAFT
from edgereader.models.link_refiner import LinkRefiner
from edgereader.models.recognizer import Recognizer, RecognizerConfig

from .networks_in_onnx import small_craft


def enliven(network, seed=0):
    """Replace the initial weights that make every output alike: batch statistics, fiducials, decoder."""
    source = torch.Generator().manual_seed(seed)
    gains = {"generator": 1.0, "score": 1.0, "i2h": 0.5, "localization_fc2.weight": 0.02, "Prediction.weight": 1.0}
    for key, tensor in network.state_dict().items():
        noise = torch.randn(tensor.shape, generator=source) if tensor.is_floating_point() else tensor
        if key.endswith("running_var"):
            tensor.copy_(1 + 0.2 * noise.abs())
        elif key.endswith("running_mean"):
            tensor.copy_(0.1 * noise)
        elif "rnn" in key:
            tensor.copy_(100 / len(tensor) * noise)
        for name, gain in gains.items():
            if name in key:
                tensor.copy_(gain * noise)


def enlivened(make, seed):
    torch.manual_seed(seed)
    network = make()
    enliven(network)
    return network.eval()


@pytest.fixture(scope="session")
def make_recognizer():
    """Build a recognizer: `make_recognizer(stages, num_classes=…, width=…)`."""
    return lambda stages, **sizes: enlivened(lambda: Recognizer(RecognizerConfig(stages, **sizes)), 1)


@pytest.fixture(scope="session")
def thin_craft():
    return enlivened(lambda: CRAFT(0.125), 2)


@pytest.fixture(scope="session")
def strided_craft():
    return enlivened(lambda: CRAFT(0.125, strided=True), 4)


@pytest.fixture(scope="session")
def thin_refiner():
    return enlivened(lambda: LinkRefiner(0.125), 3)


@pytest.fixture
def save(tmp_path):
    """Save a network's state dict: `save(network, "a.pt")` -> path."""

    def write(network, name="checkpoint.pt"):
        path = tmp_path / name
        torch.save(network.state_dict(), path)
        return path

    return write


@pytest.fixture(scope="session")
def exported(make_recognizer, tmp_path_factory):
    """Export a recognizer, each once: `exported(stages, width, widths)` -> network, folder of its bundle."""

    @cache
    def export(stages, width=0.125, widths=()):
        charset, max_length = ("alnum36", 25) if width == 1 else ("digits", 4)
        classes = num_classes(CHARSETS[charset], stages.split("-")[3])
        network = make_recognizer(stages, num_classes=classes, width=width, max_length=max_length)
        folder = tmp_path_factory.mktemp(stages)
        torch.save(network.state_dict(), folder / "checkpoint.pt")
        told = {"widths": widths, "image_hw": (32, widths[-1]), "keep_ratio": True} if widths else {}
        export_recognizer(
            folder / "checkpoint.pt", Target(folder / "bundle"), charset=charset, max_length=max_length, say=str, **told
        )
        return network, folder / "bundle"

    return export


@pytest.fixture(scope="session")
def folded():
    """The small CRAFT, folded; no test changes it."""
    model = small_craft()
    fold(model)
    return model


@pytest.fixture
def all_sure(monkeypatch):
    """How sure fp32 is of what was drawn is not what is tested."""
    monkeypatch.setattr("edgereader.export.precision.gate.MIN_CONFIDENCE", 0)


@pytest.fixture
def lenient(all_sure, monkeypatch):
    """So few pictures say little about the gate, which is not what is tested then."""
    monkeypatch.setattr("edgereader.export.precision.gate.STRINGS_EQUAL", 0)
    monkeypatch.setattr("edgereader.export.precision.gate.HMEAN_LOSS", 100)
