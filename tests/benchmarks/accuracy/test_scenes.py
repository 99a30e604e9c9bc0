from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from edgereader.benchmarks.accuracy.datasets import LabelledImage, LabelledSet
from edgereader.benchmarks.accuracy.results import Latency
from edgereader.benchmarks.accuracy.scenes import THRESHOLDS, score_readings, score_scenes
from edgereader.runtime.geometry.heatmaps import Region
from edgereader.runtime.text.decoding import Text

LATENCY = Latency(p50_ms=1, p90_ms=1, p99_ms=1, images=1, warm_up=1)
NO_CHARACTERS = np.zeros((0, 4, 2), np.float32)


def box(x, width=40):
    return np.array([[x, 0], [x + width, 0], [x + width, 20], [x, 20]], np.float32)


def found(text, confidence, x, *, width=40, accepted=True):
    # as many characters seen as read, so that the reader has nothing to hold against the text
    edges = np.linspace(x, x + width, len(text) + 1)
    characters = np.array([[[a, 0], [b, 0], [b, 20], [a, 20]] for a, b in pairwise(edges)], np.float32)
    sure = tuple([confidence ** (1 / len(text))] * len(text))
    places = tuple((np.arange(len(text)) + 0.5) / len(text))
    return Region(box(x, width), characters, 1.0), Text(text, confidence, sure, accepted, places)


def score(*photos, least=0.6):
    images = tuple(
        LabelledImage(Path(str(at)), tuple(text for text, _ in labels), tuple(quad for _, quad in labels))
        for at, (labels, _) in enumerate(photos)
    )
    data = LabelledSet("scenes_x", Path(), "scenes", images)
    return score_scenes(data, [look for _, look in photos], least, LATENCY)


def test_less_confident_readings_cost_precision_and_give_recall():
    labels = [("12", box(0)), ("34", box(100))]
    result = score((labels, [found("12", 0.97, 0), found("34", 0.72, 100), found("99", 0.65, 200)])).result
    assert (result.recall, result.precision, result.false_numbers) == (1, pytest.approx(2 / 3), 1)
    rows = {row.min_confidence: (row.recall, row.precision, row.false_numbers_per_image) for row in result.thresholds}
    assert tuple(rows) == THRESHOLDS
    assert rows[0.6] == (1, pytest.approx(2 / 3), 1)
    assert rows[0.7] == (1, 1, 0)
    assert rows[0.8] == (0.5, 1, 0)
    nothing = score((labels, [found("12", 0.97, 0)]), least=0.99).result
    assert (nothing.recall, nothing.precision) == (0, None)


def test_doubles_are_told_apart_after_the_unsure_are_left_out():
    """Of one place, the longer text is kept although it is less sure, unless it is too unsure to be read at all."""
    look = [found("1234", 0.62, 0), found("12", 0.97, 2, width=38)]
    rows = {row.min_confidence: row.recall for row in score(([("12", box(0))], look)).result.thresholds}
    assert rows == {0.5: 0, 0.6: 0, 0.7: 1, 0.8: 1, 0.9: 1, 0.95: 1}


def test_the_causes_of_all_mistakes_are_counted():
    labels = [("11", box(0)), ("22", box(100)), ("33", box(200)), ("44", box(300)), ("55", None), ("66", box(500))]
    look = [
        found("17", 0.9, 0),  # misread
        found("exit", 0.9, 100, accepted=False),
        found("33", 0.2, 200),
        found("66", 0.9, 500),
        found("88", 0.9, 600),
    ]
    outcome = score((labels, look), ([], []))
    assert {(cause.mistake, cause.detail): cause.count for cause in outcome.result.causes} == {
        ("number missed", "found, misread"): 1,
        ("number missed", "found, taken for a word"): 1,
        ("number missed", "found, below the least confidence"): 1,
        ("number missed", "not found by the detector"): 1,
        ("number missed", "the label has no box"): 1,
        ("false number", "misread label"): 1,
        ("false number", "where nothing is labelled"): 1,
    }
    (mistake,) = outcome.mistakes
    assert mistake.readings == ("17", "66", "88")
    assert len(mistake.causes) == 7


def test_a_match_in_another_photo_is_none():
    result = score(([("123", box(0))], []), ([], [found("123", 0.9, 0)])).result
    assert (result.matched, result.false_numbers) == (0, 1)


def test_without_labels_there_is_no_recall_but_false_numbers_are_counted():
    lone = [found("12", 0.9, 0), found("3", 0.9, 100)]
    result = score(([], lone), ([], []), ([], []), ([], [])).result
    assert (result.recall, result.precision) == (None, 0.0)
    assert result.false_numbers_per_image == 0.5
    assert all(row.recall is None for row in result.thresholds)


def test_readings_are_sure_or_not_of_what_they_match():
    """Of two equal readings and one label, the one on the label is right."""
    labels = [("12", box(0))]
    look = [found("12", 0.95, 300), found("12", 0.75, 0), found("34", 0.95, 600)]
    certainty = score((labels, look), ([], [])).result.certainty
    assert (certainty.readings, certainty.sure, certainty.sure_right) == (3, 2, 0)
    assert score((labels, [])).result.certainty is None


def test_boxes_are_scored_where_every_number_has_one():
    labels = [("12", box(0)), ("34", box(100))]
    result = score((labels, [found("12", 0.97, 0), found("39", 0.97, 102), found("99", 0.3, 200)])).result.icdar
    assert (result.labels, result.detections) == (2, 2)
    assert (result.detection.hmean, result.end_to_end.hmean) == (1, 0.5)
    assert score(([("12", None)], [found("12", 0.97, 0)])).result.icdar is None


def test_nothing_is_known_of_what_was_not_read():
    data = LabelledSet("x", Path(), "scenes", (LabelledImage(Path("0"), ("12",), (box(0),)),))
    outcome = score_readings(data, [[]], LATENCY)
    assert outcome.result.thresholds == []
    assert outcome.mistakes[0].causes == (("number missed", "nothing read there"),)


def test_groups_of_one_line_are_joined_for_the_recall_of_lines():
    label = [("4 006381 333931", None)]
    groups = [found("333931", 0.97, 200), found("4", 0.97, 0), found("006381", 0.97, 60)]
    below = found("12345", 0.97, 0)
    below[0].quad[:, 1] += 60
    result = score((label, [*groups, below])).result
    assert (result.recall, result.line_recall) == (0, 1)
    assert score((label, groups[:2])).result.line_recall == 0
    assert score((label, [groups[0], groups[2], below])).result.line_recall == 0
    assert score(([("12", None)], [found("12", 0.97, 0)])).result.line_recall == 1
    assert score(([], [found("12", 0.97, 0)])).result.line_recall is None
