import copy

import pytest
import torch

from edgereader.export.tuning.training import between, blended, in_half
from edgereader.models.recognizer import Recognizer, RecognizerConfig


@pytest.fixture(scope="module")
def pair():
    """A small recognizer, and the same with other weights."""
    torch.manual_seed(0)
    old = Recognizer(RecognizerConfig("None-VGG-BiLSTM-CTC", 11, width=0.0625)).eval()
    new = copy.deepcopy(old)
    with torch.no_grad():
        for parameter in new.parameters():
            parameter.add_(0.1)
    return old, new


def moved(old, network):
    """How far a network is from the old one, as a share of the way."""
    return float((network.Prediction.bias - old.Prediction.bias).detach().mean()) / 0.1


@pytest.mark.parametrize(
    ("keeps", "way"), [(1.0, 1.0), (0.7, 0.7), (0.5, 0.4), (0.0, 0.15)], ids=["all", "most", "some", "least"]
)
def test_the_farthest_weights_that_forget_nothing_are_taken(pair, keeps, way):
    old, new = pair[0], copy.deepcopy(pair[1])
    said = []
    taken = blended(old, new, lambda network: 90 if moved(old, network) <= keeps + 1e-3 else 89, 100, said.append)
    assert moved(old, taken) == pytest.approx(way, abs=1e-3)
    assert f"taking {way:.0%} of what was learnt, with which {90 if keeps else 89} of 100" in said[0]


def test_without_generated_crops_all_is_taken(pair):
    old, new = pair[0], copy.deepcopy(pair[1])
    assert moved(old, blended(old, new, lambda _: 0, 0, str)) == pytest.approx(1)


def test_counters_are_not_mixed():
    start, end = {"a": torch.zeros(2), "n": torch.tensor(3)}, {"a": torch.ones(2), "n": torch.tensor(7)}
    mixed = between(start, end, 0.25)
    assert mixed["a"].tolist() == [0.25, 0.25]
    assert int(mixed["n"]) == 7


def test_weights_of_lstms_are_those_of_float16(pair):
    network = in_half(copy.deepcopy(pair[0]))
    weight = network.SequenceModeling[0].rnn.weight_hh_l0
    assert torch.equal(weight, weight.half().float())
