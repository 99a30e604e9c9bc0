"""Two halves that share nothing; hostile files are named."""

import json

import cv2
import numpy as np
import pytest

from edgereader.export.precision.pictures import CALIBRATED_ON, VALIDATED_ON, open_pictures
from edgereader.runtime.errors import DatasetError, ImageError


def fill(folder, count):
    folder.mkdir(exist_ok=True)
    paths = [folder / f"{index:04}.png" for index in range(count)]
    for path in paths:
        cv2.imwrite(str(path), np.full((8, 8, 3), 90, np.uint8))
    return paths


def test_the_halves_share_nothing_and_have_a_ceiling(tmp_path):
    fill(tmp_path / "few", 5)
    few = open_pictures(tmp_path / "few")
    assert [picture.path.name for picture in few.calibration] == ["0000.png", "0002.png", "0004.png"]
    assert [picture.path.name for picture in few.validation] == ["0001.png", "0003.png"]
    assert not few.labelled
    fill(tmp_path / "many", 300)
    many = open_pictures(tmp_path / "many")
    assert (len(many.calibration), len(many.validation)) == (CALIBRATED_ON, VALIDATED_ON)
    assert not {picture.path for picture in many.calibration} & {picture.path for picture in many.validation}


def test_labels_count_when_they_have_boxes(tmp_path):
    fill(tmp_path, 4)
    box = json.dumps([[1, 1], [6, 1], [6, 5], [1, 5]])
    lines = [f"{index:04}.png\t{text}\t{box}" for index, text in ((0, "1"), (1, "2"), (1, "###"), (2, "3"))]
    (tmp_path / "labels.tsv").write_text("\n".join(lines))
    pictures = open_pictures(tmp_path)
    assert pictures.labelled
    assert [picture.path.name for picture in (*pictures.calibration, *pictures.validation)] == [
        "0000.png",
        "0002.png",
        "0001.png",
    ]
    assert pictures.validation[0].quads is not None
    assert len(pictures.validation[0].quads) == 1, "not the word that nobody can read"
    (tmp_path / "labels.tsv").write_text("0000.png\t1\t\n0001.png\t2\t\n")
    assert not open_pictures(tmp_path).labelled


def test_what_is_no_folder_of_pictures_is_refused(tmp_path):
    with pytest.raises(DatasetError, match="nothing there"):
        open_pictures(tmp_path / "absent")
    with pytest.raises(ImageError, match="expected pictures"):
        open_pictures(tmp_path)
    path = fill(tmp_path, 1)[0]
    with pytest.raises(DatasetError, match="at least 2 pictures, got 1"):
        open_pictures(tmp_path)
    with pytest.raises(DatasetError, match="got a file"):
        open_pictures(path)
    (tmp_path / "labels.tsv").write_text("only one column")
    with pytest.raises(DatasetError, match="columns"):
        open_pictures(tmp_path)


def test_a_file_that_is_no_picture_is_named(tmp_path):
    fill(tmp_path, 2)
    (tmp_path / "0001.png").write_text("not a picture")
    with pytest.raises(ImageError, match="0001.png"):
        open_pictures(tmp_path).validation[0].read()
