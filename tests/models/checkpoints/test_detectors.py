"""A detector's width and stride come from its weights."""

import pytest
import torch

from edgereader.models.checkpoints import CheckpointError
from edgereader.models.checkpoints.detectors import load_craft, load_refiner
from edgereader.models.craft import CRAFT
from edgereader.models.link_refiner import LinkRefiner
from edgereader.models.recognizer import Recognizer, RecognizerConfig

WIDTHS = [0.07, 0.125, 0.15, 0.2, 0.3, 1 / 3, 0.35, 0.375, 0.4, 0.6]


@pytest.mark.parametrize("width", WIDTHS)
def test_a_detector_is_told(save, width):
    strided = round(100 * width) % 2 == 1
    network = CRAFT(width, strided=strided)
    loaded = load_craft(save(network))
    assert loaded.strided == strided
    assert loaded.width == pytest.approx(width, abs=5e-4)
    shapes = [{key: value.shape for key, value in craft.state_dict().items()} for craft in (network, loaded)]
    assert shapes[0] == shapes[1]


def test_a_link_refiner_is_told(save):
    assert [load_refiner(save(LinkRefiner(width))).width for width in (0.125, 0.2)] == [0.125, 0.2]


def test_another_network_is_refused(save):
    network = Recognizer(RecognizerConfig("None-VGG-None-CTC", 13, width=0.1))
    with pytest.raises(CheckpointError, match="expected the checkpoint of a CRAFT detector, got a recognizer"):
        load_craft(save(network))


@pytest.mark.parametrize("load", [load_craft, load_refiner])
def test_weights_whose_outputs_are_not_finite(save, load):
    network = (CRAFT if load is load_craft else LinkRefiner)(0.0625)
    state = {key: value * 1e30 if key.endswith("weight") else value for key, value in network.state_dict().items()}
    with pytest.raises(CheckpointError, match="expected finite outputs of (CRAFT|LinkRefiner), got NaN or infinity"):
        load(save(state))


@pytest.mark.parametrize("channels", [1 << 15, 1 << 20])
def test_a_network_that_no_file_holds_is_not_made(save, channels):
    """One thin tensor claims a network of terabytes."""
    state = CRAFT(0.0625).state_dict() | {"basenet.slice5.2.weight": torch.zeros(channels, 1, 1, 1)}
    with pytest.raises(CheckpointError, match="expected the keys and shapes of CRAFT|of up to 131072 rows, got"):
        load_craft(save(state))
