"""Weights fit exactly; what is no weight does not matter."""

import pytest
import torch

from edgereader.models.checkpoints import CheckpointError
from edgereader.models.checkpoints.loading import load_strictly, width_candidates
from edgereader.models.link_refiner import LinkRefiner
from edgereader.models.recognizer import Recognizer, RecognizerConfig


def test_loading_is_strict(refiner, tmp_path):
    state = refiner.state_dict()
    state["extra.weight"] = state.pop("aspp1.0.bias")
    state["aspp2.0.bias"] = torch.zeros(3)
    with pytest.raises(CheckpointError) as caught:
        load_strictly(tmp_path, LinkRefiner(0.0625), state)
    for words in ("of LinkRefiner", "no aspp1.0.bias", "also extra.weight", "aspp2.0.bias is 3, not 8"):
        assert words in str(caught.value)
    assert "damage" not in str(caught.value)


@pytest.mark.parametrize("change", ["left out", "wrong", "of another shape"])
def test_constants_and_counters_are_the_networks_own(tmp_path, change):
    """TPS's constants and the counters of batch norms: a file may lack them, and is never trusted with them."""
    config = RecognizerConfig("TPS-VGG-None-CTC", 5, width=0.0625, image_hw=(32, 64))
    network, other = Recognizer(config), Recognizer(config)
    ends = ("num_batches_tracked", "inv_delta_C", "P_hat")
    state = other.state_dict()
    for key in [key for key in state if key.endswith(ends)]:
        value = state.pop(key)
        if change != "left out":
            state[key] = value + 1 if change == "wrong" else torch.zeros(2, 2)
    load_strictly(tmp_path, network, state)
    expected = other.state_dict() | {
        key: value for key, value in Recognizer(config).state_dict().items() if key.endswith(ends)
    }
    assert all(torch.equal(value, expected[key]) for key, value in network.state_dict().items())


@pytest.mark.parametrize(("channels", "expected"), [(512, 1.0), (128, 0.25), (64, 0.125), (154, 0.3), (192, 0.375)])
def test_width_is_the_roundest_that_fits(channels, expected):
    assert expected in list(width_candidates(channels, 512))
    assert all(round(512 * width) == channels for width in width_candidates(channels, 512))
