import numpy as np
import pytest
import torch
from torch import nn

from edgereader.models.training.detector_check import bounds, check, find_boxes, matches, overlaps
from edgereader.models.training.targets import make_targets

from .scenes import box, scene_of, word_of


def number(text, x, y, size=20, *, ignored=False):
    places = [x + size * place for place in range(len(text))]
    return word_of(text, *(box(place, y, place + size, y + 1.6 * size) for place in places), ignored=ignored)


WORDS = [number("123", 20, 20), number("4", 120, 30, 30), number("56", 30, 90, 12)]


class Oracle(nn.Module):
    """Draws the targets of some words, whatever it is shown."""

    def __init__(self, words):
        super().__init__()
        self.words = words

    def forward(self, images):
        targets = make_targets(scene_of(self.words, *images.shape[2:]))
        return torch.from_numpy(np.stack([targets.region, targets.affinity], -1))[None], None


def test_boxes_of_perfect_maps_are_the_words_boxes():
    targets = make_targets(scene_of(WORDS, 160, 192))
    boxes = find_boxes(targets.region, targets.affinity)
    assert len(boxes) == 3
    assert matches(boxes, bounds(WORDS)) == 3


def test_faint_maps_give_no_box():
    targets = make_targets(scene_of(WORDS, 160, 192))
    assert len(find_boxes(targets.region * 0.5, targets.affinity * 0.5)) == 0


@pytest.mark.parametrize(("drawn", "precision", "recall"), [(WORDS, 1.0, 1.0), (WORDS[:2], 1.0, 2 / 3), ([], 0.0, 0.0)])
def test_precision_and_recall(drawn, precision, recall):
    result = check(Oracle(drawn), [scene_of(WORDS, 160, 192)])
    assert (result.precision, result.recall) == pytest.approx((precision, recall))
    assert (result.loss < 1e-6) is (drawn is WORDS)


def test_a_false_box_costs_precision_but_not_on_an_ignored_word():
    false = check(Oracle(WORDS), [scene_of(WORDS[:2], 160, 192)])
    assert false.precision == pytest.approx(2 / 3)
    assert false.f1 == pytest.approx(0.8)
    spared = check(Oracle(WORDS), [scene_of([*WORDS[:2], number("56", 30, 90, 12, ignored=True)], 160, 192)])
    assert spared.precision == 1
    assert spared.recall == 1


def test_each_box_matches_once():
    boxes = np.array([[0, 0, 10, 10], [0, 0, 10, 9]], np.float32)
    assert matches(boxes, boxes[:1]) == 1
    assert overlaps(boxes, np.zeros((0, 4), np.float32)).shape == (2, 0)
