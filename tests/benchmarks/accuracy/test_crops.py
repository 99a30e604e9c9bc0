from pathlib import Path

import msgspec
import pytest

from edgereader.benchmarks.accuracy.crops import all_crops, compare, count_causes, score_crops, similarity
from edgereader.benchmarks.accuracy.datasets import LabelledImage, LabelledSet
from edgereader.benchmarks.accuracy.results import Latency
from edgereader.runtime.text.decoding import Text

LATENCY = Latency(p50_ms=1, p90_ms=1, p99_ms=1, images=1, warm_up=1)


def score(*crops, part=None, before=None):
    """Score crops of label, reading, confidence and width in heights."""
    images = tuple(LabelledImage(Path(str(at)), (label,), (None,)) for at, (label, *_) in enumerate(crops))
    texts = [Text(reading, confidence, ()) for _, reading, confidence, _ in crops]
    cold = None if before is None else [Text(text.text, before, ()) for text in texts]
    data = LabelledSet("set", Path(), "crops", images, part)
    return score_crops(data, texts, [ratio for *_, ratio in crops], LATENCY, cold)


def test_right_and_wrong_crops_are_grouped_by_length_and_ratio():
    result = score(("12", "12", 0.9, 1.6), ("34", "3", 0.9, 2), ("5", "5", 0.9, 0.4), ("6-789", "6789", 1, 9)).result
    assert [(group.group, group.images, group.exact) for group in result.by_length] == [
        ("1 digit", 1, 1),
        ("2 digits", 2, 1),
        ("4 digits", 1, 1),
    ]
    assert [(group.group, group.images, group.exact) for group in result.by_ratio] == [
        ("width below 0.5 heights", 1, 1),
        ("width 1.5 to 2 heights", 1, 1),
        ("width 2 to 3 heights", 1, 0),
        ("width from 4 heights", 1, 1),
    ]
    assert [(cause.mistake, cause.detail, cause.count) for cause in result.causes] == [
        ("digit dropped", "right end", 1)
    ]


def test_the_most_frequent_cause_is_first():
    causes = [("b", "1"), ("a", "2"), ("b", "1"), ("a", "1")]
    assert [(cause.mistake, cause.detail, cause.count) for cause in count_causes(causes)] == [
        ("b", "1", 2),
        ("a", "1", 1),
        ("a", "2", 1),
    ]


def test_a_mistake_says_how_sure_the_reader_was_and_what_went_wrong():
    (mistake,) = score(("12", "", 0.3, 1), ("3", "3", 0.9, 1)).mistakes
    assert (mistake.readings, mistake.confidences, mistake.causes) == (("",), (0.3,), (("nothing read", "-"),))


def test_all_crops_are_the_sets_that_were_measured_whole():
    first = score(("1", "1", 0.95, 1), ("2", "3", 0.95, 1), before=1.0)
    second = score(("4", "4", 0.5, 1), before=1.0)
    part = score(*[("7", "7", 1.0, 1)] * 50, part="a part", before=1.0)
    found = all_crops([first, part, second])
    assert (found.images, found.exact, found.accuracy) == (3, 2, pytest.approx(2 / 3))
    assert (found.certainty.sure, found.certainty.sure_right) == (2, 1)
    assert found.uncalibrated.ece == pytest.approx(1 / 3)
    assert all_crops([part]) is None
    assert all_crops([]) is None
    assert msgspec.structs.asdict(all_crops([score(("1", "1", 1.0, 1))]))["uncalibrated"] is None


@pytest.mark.parametrize(
    ("label", "reading", "expected"),
    [
        ("1234", "1234", 1),
        ("1234", "124", 1 - 1 / 4),  # one dropped
        ("12", "1x23", 1 - 2 / 4),  # two added; the longer text is the reading
        ("kitten", "sitting", 1 - 3 / 7),
        ("12", "21", 0),  # two changed: there is no swap
        ("12", "", 0),
        ("", "", 1),
        ("Exit", "exit", 1 - 1 / 4),
    ],
)
def test_similarity_by_hand(label, reading, expected):
    assert similarity(label, reading) == pytest.approx(expected)
    assert similarity(reading, label) == pytest.approx(expected)


def test_texts_are_compared_as_they_are_written_and_by_their_digits():
    texts = compare([("12", "12"), ("5A", "5a"), ("62-03", "6203"), ("9", "8")])
    assert (texts.exact, texts.exact_any_case) == (1, 2)
    assert texts.similarity == pytest.approx((1 + 1 / 2 + 4 / 5 + 0) / 4)
    assert texts.digits_similarity == pytest.approx((1 + 1 + 1 + 0) / 4)
    result = score(("12", "12", 0.9, 1), ("5A", "5a", 0.9, 1), ("62-03", "6203", 0.9, 1), ("9", "8", 0.9, 1)).result
    assert result.texts == texts
    assert result.exact == 3
