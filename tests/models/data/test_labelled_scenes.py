import numpy as np
import pytest

from edgereader.models.data.datasets import open_crops, open_scenes
from edgereader.models.data.labelled_scenes import SceneCrops, divided
from edgereader.models.data.labels_writer import write_labels
from edgereader.models.data.samples import TrainingDataError, iterate

BOXES = {"12": [5, 5, 25, 15], "345": [30, 20, 60, 32], "6": [2, 40, 10, 50]}


def picture():
    image = np.full((60, 80, 3), 30, np.uint8)
    for shade, (x0, y0, x1, y1) in zip((100, 150, 200), BOXES.values(), strict=True):
        image[y0:y1, x0:x1] = shade
    return image


@pytest.fixture
def scene_folder(tmp_path):
    rows = [(text, box, None) for text, box in BOXES.items()]
    write_labels(tmp_path / "mine", [(picture(), rows[:2]), (picture(), []), (picture(), rows[2:])], suffix=".png")
    return tmp_path / "mine"


def test_the_words_of_scenes_become_crops(scene_folder):
    crops = open_crops(scene_folder)
    assert isinstance(crops, SceneCrops)
    found = {text: image for image, text in iterate(crops)}
    assert list(found) == ["12", "345", "6"]
    assert found["345"].shape == (12, 30, 3)
    assert (found["345"] == 150).all()
    assert crops[-1][1] == "6"


def test_scenes_keep_their_words_and_images_without_any(scene_folder):
    scenes = open_scenes(scene_folder)
    assert [[word.text for word in scenes[index].words] for index in range(len(scenes))] == [["12", "345"], [], ["6"]]
    word = scenes[0].words[1]
    assert word.quad.tolist() == [[30, 20], [60, 20], [60, 32], [30, 32]]
    assert word.char_quads.tolist() == divided(word.quad, 3).tolist()


def test_a_quad_is_divided_along_its_reading_direction():
    slanted = np.array([[0, 0], [30, 30], [20, 40], [-10, 10]], np.float32)
    parts = divided(slanted, 3)
    assert parts.shape == (3, 4, 2)
    assert parts[1].tolist() == [[10, 10], [20, 20], [10, 30], [0, 20]]


def test_the_detector_needs_boxes(tmp_path):
    write_labels(tmp_path / "set", [(picture(), [("12", None, None)])], suffix=".png")
    with pytest.raises(TrainingDataError, match=r"labels\.tsv:1: expected a box for '12', got none"):
        open_scenes(tmp_path / "set")


def test_a_word_that_nobody_can_read_is_marked(tmp_path):
    rows = [("###", [0, 0, 9, 9], None), ("12", [20, 20, 40, 30], None)]
    write_labels(tmp_path / "set", [(picture(), rows)], suffix=".png")
    assert [word.ignored for word in open_scenes(tmp_path / "set")[0].words] == [True, False]
