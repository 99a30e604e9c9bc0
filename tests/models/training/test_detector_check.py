import numpy as np
import pytest
import torch
from torch import nn

from edgereader.models.data.samples import Scene, Word
from edgereader.models.training.detector_check import bounds, check, find_boxes, matches, overlaps
from edgereader.models.training.targets import make_targets


def word(text, x, y, size=20, *, ignored=False):
    quads = np.array([[[0, 0], [1, 0], [1, 1.6], [0, 1.6]]], np.float32) * size + [x, y]
    quads = np.concatenate([quads + [size * place, 0] for place in range(len(text))]).astype(np.float32)
    return Word(text, np.stack([quads[0, 0], quads[-1, 1], quads[-1, 2], quads[0, 3]]), quads, ignored)


WORDS = [word("123", 20, 20), word("4", 120, 30, 30), word("56", 30, 90, 12)]


def scene(words, size=(160, 192)):
    return Scene(np.zeros((*size, 3), np.uint8), words)


class Oracle(nn.Module):
    """Draws the targets of some words, whatever it is shown."""

    def __init__(self, words):
        super().__init__()
        self.words = words

    def forward(self, images):
        targets = make_targets(scene(self.words, images.shape[2:]))
        return torch.from_numpy(np.stack([targets.region, targets.affinity], -1))[None], None


def test_boxes_of_perfect_maps_are_the_words_boxes():
    targets = make_targets(scene(WORDS))
    boxes = find_boxes(targets.region, targets.affinity)
    assert len(boxes) == 3
    assert matches(boxes, bounds(WORDS)) == 3


def test_faint_maps_give_no_box():
    targets = make_targets(scene(WORDS))
    assert len(find_boxes(targets.region * 0.5, targets.affinity * 0.5)) == 0


@pytest.mark.parametrize(("drawn", "precision", "recall"), [(WORDS, 1.0, 1.0), (WORDS[:2], 1.0, 2 / 3), ([], 0.0, 0.0)])
def test_precision_and_recall(drawn, precision, recall):
    scene = Scene(np.zeros((160, 192, 3), np.uint8), WORDS)
    result = check(Oracle(drawn), [scene])
    assert (result.precision, result.recall) == pytest.approx((precision, recall))
    assert (result.loss < 1e-6) is (drawn is WORDS)


def test_a_false_box_costs_precision_but_not_on_an_ignored_word():
    image = np.zeros((160, 192, 3), np.uint8)
    false = check(Oracle(WORDS), [Scene(image, WORDS[:2])])
    assert false.precision == pytest.approx(2 / 3)
    assert false.f1 == pytest.approx(0.8)
    spared = check(Oracle(WORDS), [Scene(image, [*WORDS[:2], word("56", 30, 90, 12, ignored=True)])])
    assert spared.precision == 1
    assert spared.recall == 1


def test_each_box_matches_once():
    boxes = np.array([[0, 0, 10, 10], [0, 0, 10, 9]], np.float32)
    assert matches(boxes, boxes[:1]) == 1
    assert overlaps(boxes, np.zeros((0, 4), np.float32)).shape == (2, 0)
