import time
from dataclasses import dataclass

import numpy as np
import pytest

from edgereader.benchmarks.datasets import LabelledImage, LabelledSet
from edgereader.benchmarks.evaluate import evaluate_set, latency_of

QUAD = np.array([[0, 0], [9, 0], [9, 5], [0, 5]], np.float32)


@dataclass(frozen=True)
class Found:
    text: str
    quad: np.ndarray


class PixelReader:
    """Reads what the first row of pixels spells, words parted by 0: a reader whose answers a test can paint."""

    def __init__(self, delay_s=0.0):
        self.delay_s = delay_s
        self.calls = 0

    def read(self, frame):
        self.calls += 1
        time.sleep(self.delay_s)
        spelt = bytes(frame[0, :, 0]).decode("ascii").strip("\0")
        return [Found(text, QUAD) for text in spelt.split("\0") if text]

    def recognize(self, crops):
        return [Found("".join(found.text for found in self.read(crop)), QUAD) for crop in crops]


def painted(*texts):
    row = np.frombuffer("\0".join(texts).encode().ljust(60, b"\0"), np.uint8)
    return np.repeat(np.repeat(row[np.newaxis, :, np.newaxis], 8, axis=0), 3, axis=2)


def labelled(kind, tmp_path, *images):
    pictures = {tmp_path / str(number): painted(*read) for number, (_, read) in enumerate(images)}
    items = tuple(LabelledImage(path, labels, ()) for path, (labels, _) in zip(pictures, images, strict=True))
    return LabelledSet("set", tmp_path, kind, items), pictures.__getitem__


def test_crops_are_scored_by_their_digits(tmp_path):
    data, load = labelled("crops", tmp_path, (("62-03",), ["6203"]), (("12",), ["21"]), (("7",), []), (("$5",), ["5"]))
    result, mistakes = evaluate_set(PixelReader(), data, load)
    assert (result.images, result.exact, result.accuracy) == (4, 2, 0.5)
    assert [(mistake.image.path.name, mistake.readings) for mistake in mistakes] == [("1", ("21",)), ("2", ("",))]


def test_scenes_are_scored_as_multisets_over_all_images(tmp_path):
    data, load = labelled(
        "scenes",
        tmp_path,
        (("123", "45"), ["123", "99"]),  # one found, one missed, one false
        (("678",), ["678", "6", "EXIT"]),  # a lone digit and a word cost no precision
        ((), []),
    )
    result, mistakes = evaluate_set(PixelReader(), data, load)
    assert (result.labels, result.matched, result.readings) == (3, 2, 3)
    assert result.recall == pytest.approx(2 / 3)
    assert result.precision == pytest.approx(2 / 3)
    assert result.false_numbers == 2
    assert [mistake.image.path.name for mistake in mistakes] == ["0", "1"]
    assert mistakes[0].match.missed == ("45",)
    assert len(mistakes[0].quads) == 2


def test_a_match_in_another_image_is_none(tmp_path):
    data, load = labelled("scenes", tmp_path, (("123",), []), ((), ["123"]))
    result, _ = evaluate_set(PixelReader(), data, load)
    assert (result.matched, result.false_numbers) == (0, 1)


def test_without_labels_there_is_no_recall_but_false_numbers_are_counted(tmp_path):
    data, load = labelled("scenes", tmp_path, ((), ["12", "3"]), ((), ["WORD"]), ((), []), ((), []))
    result, _ = evaluate_set(PixelReader(), data, load)
    assert (result.recall, result.precision) == (None, 0.0)
    assert result.false_numbers_per_image == 0.5


def test_the_clock_runs_for_the_reading_alone_and_after_the_warm_up(tmp_path):
    data, load = labelled("crops", tmp_path, *[(("1",), ["1"])] * 5)
    reader = PixelReader(delay_s=0.01)

    def slow(path):
        time.sleep(0.05)
        return load(path)

    result, _ = evaluate_set(reader, data, slow)
    assert reader.calls == 5 + 3
    assert (result.latency.images, result.latency.warm_up) == (5, 3)
    assert 10 <= result.latency.p50_ms < 40


def test_progress_sees_every_image_once(tmp_path):
    data, load = labelled("crops", tmp_path, *[(("1",), ["1"])] * 4)
    seen = []

    def progress(images):
        for image in images:
            seen.append(image.path.name)
            yield image

    evaluate_set(PixelReader(), data, load, progress)
    assert seen == ["0", "1", "2", "3"]


def test_percentiles():
    latency = latency_of([float(value) for value in range(1, 102)], warm_up=3)
    assert (latency.p50_ms, latency.p90_ms, latency.p99_ms) == (51, 91, 100)
