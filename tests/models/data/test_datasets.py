import cv2
import numpy as np
import pytest

from edgereader.models.data.datasets import Sturdy, open_crops, open_scenes
from edgereader.models.data.labels_writer import write_labels
from edgereader.models.data.lmdb_crops import write_lmdb
from edgereader.models.data.samples import TrainingDataError, iterate


def picture():
    return np.random.default_rng(0).integers(0, 256, (60, 80, 3), np.uint8)


@pytest.fixture
def scene_folder(tmp_path):
    rows = [("12", [5, 5, 25, 15], None), ("345", [30, 20, 60, 32], None)]
    write_labels(tmp_path / "mine", [(picture(), rows), (picture(), [("6", [2, 40, 10, 50], None)])], suffix=".png")
    return tmp_path / "mine"


def test_each_layout_is_told_by_its_files(tmp_path, scene_folder):
    image = picture()[:20, :40]
    write_lmdb(tmp_path / "joined" / "one", [(image, "1"), (image, "2")])
    write_lmdb(tmp_path / "joined" / "two", [(image, "3")])
    write_labels(tmp_path / "crops", [(image, [("4", None, None)])], suffix=".png")
    (tmp_path / "mj" / "1").mkdir(parents=True)
    cv2.imwrite(str(tmp_path / "mj" / "1" / "1_five_2.jpg"), image)
    (tmp_path / "mj" / "annotation_val.txt").write_text("./1/1_five_2.jpg 2\n")
    expected = {
        tmp_path / "joined": ["1", "2", "3"],
        tmp_path / "joined" / "two" / "data.mdb": ["3"],
        tmp_path / "crops": ["4"],
        tmp_path / "crops" / "labels.tsv": ["4"],
        tmp_path / "mj": ["five"],
        scene_folder: ["12", "345", "6"],
    }
    for path, texts in expected.items():
        assert [text for _, text in iterate(open_crops(path))] == texts


def test_a_path_of_no_layout_is_told_what_was_looked_for(tmp_path):
    with pytest.raises(TrainingDataError, match=r"expected labels\.tsv, data\.mdb .* got a folder without it; give"):
        open_crops(tmp_path)
    with pytest.raises(TrainingDataError, match="got nothing there"):
        open_crops(tmp_path / "gone")
    with pytest.raises(TrainingDataError, match="the detector learns from whole images"):
        open_scenes(tmp_path)


def sturdy(tmp_path, count, broken):
    write_labels(tmp_path / "set", [(picture()[:8, :20], [(str(n), None, None)]) for n in range(count)], suffix=".png")
    for number in broken:
        (tmp_path / "set" / "images" / f"{number + 1:07d}.png").write_bytes(b"broken")
    reports = []
    return Sturdy(open_crops(tmp_path / "set"), "set", reports.append), reports


def test_a_few_broken_images_are_reported_and_passed_over(tmp_path):
    crops, reports = sturdy(tmp_path, 30, {4, 5, 29})
    assert [crops[index][1] for index in (3, 4, 29)] == ["3", "6", "0"]
    assert len(reports) == 3
    assert all(report.startswith("left out: ") for report in reports)


def test_a_set_of_broken_images_is_an_error(tmp_path):
    crops, _ = sturdy(tmp_path, 30, range(30))
    with pytest.raises(TrainingDataError, match=r"set: expected readable crops, got 20 broken ones of 20; the last: "):
        crops[0]
