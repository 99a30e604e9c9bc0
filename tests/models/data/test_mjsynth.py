import cv2
import numpy as np
import pytest

from edgereader.models.data.mjsynth import FOLDER_IN_ARCHIVE, MJSynth, find_annotation
from edgereader.models.data.samples import TrainingDataError

LINES = ["./3000/7/182_slinking_71711.jpg 71711", "./3000/7/181_R2D2_5.jpg 5", "./2/1/3_under_score_9.jpg 9"]


def make(root, lines, name="annotation_train.txt", end="\n"):
    for line in lines:
        path = root / line.split()[0]
        path.parent.mkdir(parents=True, exist_ok=True)
        cv2.imwrite(str(path), np.full((31, 10 * len(line), 3), 128, np.uint8))
    (root / name).write_text("\n".join(lines) + end)
    return root


def test_the_text_is_the_middle_of_the_file_name(tmp_path):
    crops = MJSynth(make(tmp_path, LINES))
    assert [crops[index][1] for index in range(len(crops))] == ["slinking", "R2D2", "under_score"]
    assert crops[-1][0].shape == (31, 270, 3)


def test_a_last_line_without_its_break_counts(tmp_path):
    crops = MJSynth(make(tmp_path, LINES, end=""))
    assert (len(crops), crops[2][1]) == (3, "under_score")


def test_the_training_annotation_is_preferred_and_a_file_may_be_named(tmp_path):
    make(tmp_path, LINES[:1], name="annotation.txt")
    make(tmp_path, LINES[:2], name="annotation_train.txt")
    make(tmp_path, LINES, name="annotation_val.txt")
    assert len(MJSynth(tmp_path)) == 2
    assert len(MJSynth(tmp_path / "annotation_val.txt")) == 3


def test_the_folder_of_the_archive_is_found(tmp_path):
    make(tmp_path / FOLDER_IN_ARCHIVE, LINES)
    assert len(MJSynth(tmp_path)) == 3
    assert find_annotation(tmp_path / "mnt") is None


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("./3000/7/slinking.jpg 71711", r"annotation_train\.txt:2: expected a file name like 182_slinking_71711\.jpg"),
        ("../../1_secret_2.jpg 2", r"annotation_train\.txt:2: expected an image path below"),
        ("./gone/1_word_2.jpg 2", r"annotation_train\.txt:2: expected an image at .*gone/1_word_2\.jpg, got: No such"),
        ("", r"annotation_train\.txt:2: expected a file name"),
    ],
)
def test_a_bad_line_is_named_when_it_is_asked_for(tmp_path, line, message):
    make(tmp_path, LINES[:1])
    (tmp_path / "annotation_train.txt").write_text(f"{LINES[0]}\n{line}\n")
    crops = MJSynth(tmp_path)
    assert crops[0][1] == "slinking"
    with pytest.raises(TrainingDataError, match=message):
        crops[1]


def test_a_broken_image_is_named(tmp_path):
    make(tmp_path, LINES[:1])
    (tmp_path / LINES[0].split()[0]).write_bytes(b"broken")
    with pytest.raises(TrainingDataError, match=r"182_slinking_71711\.jpg: expected a JPEG"):
        MJSynth(tmp_path)[0]


def test_no_annotation_and_an_empty_one_are_told_apart(tmp_path):
    with pytest.raises(TrainingDataError, match="expected MJSynth's annotation file, got nothing there"):
        MJSynth(tmp_path)
    (tmp_path / "annotation_train.txt").touch()
    with pytest.raises(TrainingDataError, match="got an empty file"):
        MJSynth(tmp_path)
