import time
from dataclasses import replace

import numpy as np
import pytest

from edgereader.benchmarks.accuracy.datasets import LabelledImage, LabelledSet
from edgereader.benchmarks.accuracy.evaluate import evaluate_contender, evaluate_set, latency_of
from edgereader.benchmarks.contenders import Found
from edgereader.runtime.geometry.heatmaps import Region
from edgereader.runtime.text.decoding import Text

QUAD = np.array([[0, 0], [9, 0], [9, 5], [0, 5]], np.float32)
NONE = np.zeros((0, 4, 2), np.float32)


class PixelReader:
    """Reads what the first row of pixels spells, words parted by 0: a reader whose answers a test can paint.

    The texts of a photo lie beside each other, 100 px apart.
    """

    min_confidence = 0.6

    def __init__(self, delay_s=0.0, confidence=0.99):
        self.delay_s = delay_s
        self.confidence = confidence
        self.calls = 0

    def look(self, frame):
        self.calls += 1
        time.sleep(self.delay_s)
        spelt = [text for text in bytes(frame[0, :, 0]).decode("ascii").strip("\0").split("\0") if text]
        return [(Region(QUAD + [100 * at, 0], NONE, 0.9), self.says(text)) for at, text in enumerate(spelt)]

    def says(self, text):
        places = tuple((at + 0.5) / len(text) for at in range(len(text)))
        return Text(text, self.confidence, (0.9,) * len(text), text.isdigit(), places)

    def recognize(self, crops):
        return [Text("".join(text.text for _, text in self.look(crop)), self.confidence, ()) for crop in crops]


class Peer:
    """Another reader of the same pixels: it has texts, confidences and places, and nothing else."""

    def read(self, frame):
        return [Found(text.text, 0.8, region.quad) for region, text in PixelReader().look(frame)]

    def recognize(self, crop):
        return Found("".join(reading.text for reading in self.read(crop)), 0.8)

    def read_many(self, frames):
        return map(self.read, frames)


def painted(*texts):
    row = np.frombuffer("\0".join(texts).encode().ljust(60, b"\0"), np.uint8)
    return np.repeat(np.repeat(row[np.newaxis, :, np.newaxis], 8, axis=0), 3, axis=2)


def labelled(kind, tmp_path, *images):
    pictures = {tmp_path / str(number): painted(*read) for number, (_, read) in enumerate(images)}
    items = tuple(
        LabelledImage(path, labels, (None,) * len(labels)) for path, (labels, _) in zip(pictures, images, strict=True)
    )
    return LabelledSet("set", tmp_path, kind, items, load=pictures.__getitem__)


def test_crops_are_scored_by_their_digits(tmp_path):
    data = labelled("crops", tmp_path, (("62-03",), ["6203"]), (("12",), ["21"]), (("7",), []), (("$5",), ["5"]))
    outcome = evaluate_set(PixelReader(), data)
    assert (outcome.result.images, outcome.result.exact, outcome.result.accuracy) == (4, 2, 0.5)
    assert [(mistake.image.path.name, mistake.readings) for mistake in outcome.mistakes] == [
        ("1", ("21",)),
        ("2", ("",)),
    ]
    assert outcome.judged.right.tolist() == [True, False, False, True]
    assert outcome.uncalibrated is None


def test_crops_are_read_again_without_calibration(tmp_path):
    data = labelled("crops", tmp_path, (("1",), ["1"]), (("2",), ["3"]))
    outcome = evaluate_set(PixelReader(confidence=0.5), data, uncalibrated=PixelReader(confidence=1.0))
    assert outcome.result.certainty.ece == 0
    assert outcome.result.uncalibrated.ece == 0.5
    assert outcome.result.latency.images == 2


def test_scenes_are_scored_as_multisets_over_all_images(tmp_path):
    data = labelled(
        "scenes",
        tmp_path,
        (("123", "45"), ["123", "99"]),  # one found, one missed, one false
        (("678",), ["678", "6", "EXIT"]),  # a lone digit and a word cost no precision
        ((), []),
    )
    outcome = evaluate_set(PixelReader(), data)
    result = outcome.result
    assert (result.labels, result.matched, result.readings) == (3, 2, 3)
    assert result.recall == pytest.approx(2 / 3)
    assert result.precision == pytest.approx(2 / 3)
    assert result.false_numbers == 2
    assert [mistake.image.path.name for mistake in outcome.mistakes] == ["0", "1"]
    assert outcome.mistakes[0].match.missed == ("45",)
    assert len(outcome.mistakes[0].quads) == 2


def test_a_contender_is_scored_like_the_bundle(tmp_path):
    scenes = labelled("scenes", tmp_path, (("123", "45"), ["123", "99"]), (("678",), ["678", "EXIT"]), ((), []))
    crops = labelled("crops", tmp_path, (("62-03",), ["6203"]), (("12",), ["21"]), (("7",), []))
    for data in (scenes, crops):
        ours, theirs = evaluate_set(PixelReader(), data).result, evaluate_contender(Peer(), data).result
        for figure in ("images", "matched", "recall", "precision", "false_numbers", "exact", "texts", "by_length"):
            assert getattr(ours, figure, None) == getattr(theirs, figure, None), figure
    assert theirs.uncalibrated is None
    result = evaluate_contender(Peer(), scenes).result
    assert result.thresholds == []
    assert result.certainty.readings == 3
    assert result.certainty.ece == pytest.approx(0.8 - 2 / 3)


def test_what_a_contender_missed_is_not_blamed_on_a_detector(tmp_path):
    data = labelled("scenes", tmp_path, (("45",), []))
    image = replace(data.images[0], quads=(QUAD,))
    outcome = evaluate_contender(Peer(), replace(data, images=(image,)))
    assert outcome.mistakes[0].causes == (("number missed", "nothing read there"),)


def test_a_text_without_a_place_matches_no_box(tmp_path):
    class Blind(Peer):
        def read(self, _frame):
            return [Found("45", 0.8)]

    data = labelled("scenes", tmp_path, (("45",), []))
    data = replace(data, images=(replace(data.images[0], quads=(QUAD,)),))
    result = evaluate_contender(Blind(), data).result
    assert result.recall == 1
    assert (result.icdar.detection.matched, result.icdar.detections) == (0, 1)


@pytest.mark.parametrize("kind", ["crops", "scenes"])
def test_the_clock_runs_for_the_reading_alone_and_after_the_warm_up(tmp_path, kind):
    data = labelled(kind, tmp_path, *[(("1",), ["1"])] * 5)
    reader = PixelReader(delay_s=0.01)

    def slow(path):
        time.sleep(0.05)
        return data.load(path)

    latency = evaluate_set(reader, replace(data, load=slow)).result.latency
    assert reader.calls == 5 + 3
    assert (latency.images, latency.warm_up) == (5, 3)
    assert 10 <= latency.p50_ms < 40


def test_percentiles(tmp_path):
    data = labelled("crops", tmp_path, (("1",), []), (("1",), []))
    latency = latency_of([float(value) for value in range(1, 102)], data)
    assert (latency.p50_ms, latency.p90_ms, latency.p99_ms, latency.warm_up) == (51, 91, 100, 2)
