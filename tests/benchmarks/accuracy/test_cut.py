import cv2
import numpy as np
import pytest
from click.testing import CliRunner

from edgereader.benchmarks.accuracy import cut as module
from edgereader.benchmarks.accuracy.cut import crops_of, cut_crops, text_of
from edgereader.models.data.labelled_scenes import divided
from edgereader.models.data.labels_tsv import IGNORED, read_labels
from edgereader.models.data.labels_writer import write_labels
from edgereader.models.data.samples import Scene, Word
from edgereader.runtime import Region


def quad(left, top, right, bottom):
    return np.array([[left, top], [right, top], [right, bottom], [left, bottom]], np.float32)


def word(text, place):
    return Word(text, place, divided(place, len(text)), ignored=text == IGNORED)


WORDS = [word("12", quad(10, 10, 50, 30)), word("mm", quad(56, 10, 90, 30)), word(IGNORED, quad(10, 60, 50, 70))]


@pytest.mark.parametrize(
    ("region", "text"),
    [
        (quad(8, 8, 52, 32), "12"),
        (quad(8, 8, 94, 32), "12 mm"),
        (quad(8, 8, 30, 32), None),  # the word is cut
        (quad(8, 8, 70, 32), None),  # its neighbour is
        (quad(0, 0, 54, 300), None),  # far more than the word
        (quad(8, 58, 52, 72), None),  # nobody can read it
        (quad(100, 100, 150, 120), ""),
        (quad(20, 15, 22, 17), None),  # a piece of a stroke
    ],
)
def test_a_region_shows_whole_words_nothing_or_is_left_out(region, text):
    assert text_of(region, WORDS) == text


def test_words_are_joined_along_the_regions_own_direction():
    turned = [
        Word(word.text, word.quad @ np.array([[0, 1], [-1, 0]], np.float32), word.char_quads) for word in WORDS[:2]
    ]
    region = quad(8, 8, 94, 32) @ np.array([[0, 1], [-1, 0]], np.float32)
    assert text_of(region, turned) == "12 mm"
    assert text_of(np.roll(region, 2, axis=0), turned) == "mm 12", "upside down"


class Seer:
    """A detector that finds the same places in every photo."""

    def __init__(self, *places):
        self.places = places

    def detect(self, _):
        return [Region(place, place[None], 1.0) for place in self.places]


def test_crops_are_cut_with_the_recognizers_margin():
    image = np.zeros((80, 160, 3), np.uint8)
    image[10:30, 10:50] = 255
    ((crop, text),) = crops_of(Scene(image, WORDS), Seer(quad(10, 10, 50, 30)), margin=0.1)
    assert text == "12"
    assert crop.shape == (24, 44, 3)
    assert crop[0].max() == 0 < crop[12, 20].min(), "the margin is dark, the word is not"


def test_the_command_writes_a_set_that_training_takes(tmp_path, monkeypatch):
    image = np.full((80, 160, 3), 200, np.uint8)
    cv2.putText(image, "12", (12, 28), cv2.FONT_HERSHEY_SIMPLEX, 0.7, (0, 0, 0), 2)
    rows = [(word.text, word.quad, None) for word in WORDS]
    write_labels(tmp_path / "scenes", [(image, rows)] * 20, suffix=".png")
    monkeypatch.setattr(module, "Detector", lambda _: Seer(quad(8, 8, 52, 32), quad(100, 40, 140, 60)))
    done = CliRunner().invoke(cut_crops, [str(tmp_path / "scenes"), "--to", str(tmp_path / "crops")])
    assert done.exit_code == 0, done.output
    labels = read_labels(tmp_path / "crops")
    photos = len(labels) // 2
    assert 0 < photos < 20, "held-out photos are left out"
    assert f"{len(labels)} crops of {photos} photos" in done.output
    assert sorted({label.text for label in labels}) == ["", "12"]
