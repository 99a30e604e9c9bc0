import numpy as np
import pytest

from edgereader.models.training.targets import DEVIATION, link_quads, make_targets, widen

from .scenes import box, scene_of, word_of


def test_a_character_is_a_gaussian_at_its_centre():
    targets = make_targets(scene_of([word_of("7", box(40, 20, 80, 80))], 128, 160))
    assert targets.region.shape == (64, 80)
    assert np.unravel_index(targets.region.argmax(), (64, 80)) == (25, 30)
    assert targets.region.max() == pytest.approx(1, abs=0.02)
    at_edge = np.exp(-1 / (2 * DEVIATION**2))
    assert targets.region[25, 40] == pytest.approx(at_edge, abs=0.03)
    assert targets.region[40, 30] == pytest.approx(at_edge, abs=0.03)
    assert targets.region[:, 50:].max() == 0
    assert targets.affinity.max() == 0
    assert targets.weight.min() == 1


def test_links_join_neighbours_of_one_word_only():
    first = word_of("12", box(20, 20, 40, 60), box(44, 20, 64, 60))
    second = word_of("3", box(100, 20, 120, 60))
    affinity = make_targets(scene_of([first, second], 80, 140)).affinity
    assert np.unravel_index(affinity.argmax(), affinity.shape) == (20, 21)
    assert affinity[:, 40:].max() == 0


def test_a_link_spans_the_triangles_centres():
    (quad,) = link_quads(np.stack([box(0, 0, 30, 60), box(30, 0, 60, 60)]))
    assert quad == pytest.approx(box(15, 10, 45, 50))


def test_an_ignored_word_weighs_nothing_and_draws_nothing():
    targets = make_targets(scene_of([word_of("12", box(20, 20, 40, 60), box(44, 20, 64, 60), ignored=True)], 80, 140))
    assert targets.region.max() == 0
    assert targets.affinity.max() == 0
    assert targets.weight[20, 21] == 0
    assert targets.weight[20, 60] == 1


def test_quads_across_the_border_are_cut():
    targets = make_targets(scene_of([word_of("1", box(-10, -10, 10, 10)), word_of("2", box(90, 50, 130, 90))], 64, 100))
    assert targets.region[0, 0] > 0.9
    assert targets.region[-1, -1] > 0.3


def test_narrow_characters_are_widened_along_their_own_axis():
    assert widen(box(10, 0, 12, 40)) == pytest.approx(box(3, 0, 19, 40))
    turned = np.array([[40, 10], [40, 12], [0, 12], [0, 10]], np.float32)
    assert np.ptp(widen(turned), axis=0) == pytest.approx([40, 16])
    wide = box(0, 0, 30, 40)
    assert widen(wide) is wide


def test_a_teacher_counts_where_no_word_is_labelled():
    taught = np.zeros((40, 60, 2), np.uint8)
    taught[5:10, 5:10] = (255, 51)
    taught[18:30, 30:42] = 255  # what it takes for text around the labelled word
    targets = make_targets(scene_of([word_of("1", box(64, 40, 80, 56))], 80, 120, taught))
    assert targets.region[7, 7] == 1
    assert targets.affinity[7, 7] == pytest.approx(0.2)
    assert targets.region[24, 36] == pytest.approx(1, abs=0.1)
    assert targets.affinity[24, 36] == 0
    assert targets.weight.min() == 1
    assert not make_targets(scene_of([], 80, 120)).region.any()
