import numpy as np
import pytest

from edgereader.models.data.labels_tsv import read_labels
from edgereader.models.data.labels_writer import encode_image, write_labels
from edgereader.models.data.samples import TrainingDataError, read_image

IMAGE = np.random.default_rng(0).integers(0, 256, (20, 30, 3), np.uint8)
QUAD = np.array([[1, 2], [9, 2], [9, 8], [1, 8]], np.float32)


def test_what_is_written_is_read_back(tmp_path):
    characters = np.stack([QUAD, QUAD + 5])
    samples = [
        (IMAGE, [("42", QUAD, characters), ("- 7", [1, 2, 3, 4], None)]),
        (IMAGE[:9], []),
        (IMAGE, [("é", None, None)]),
    ]
    assert write_labels(tmp_path / "new" / "set", iter(samples), suffix=".png") == 3
    labels = read_labels(tmp_path / "new" / "set")
    assert [label.text for label in labels] == ["42", "- 7", "", "é"]
    assert np.array_equal(labels[0].quad, QUAD)
    assert np.array_equal(labels[0].characters, characters)
    assert labels[1].quad.tolist() == [[1, 2], [3, 2], [3, 4], [1, 4]]
    assert labels[3].quad is None
    assert np.array_equal(read_image(labels[0].path, where=""), IMAGE)
    assert read_image(labels[2].path, where="").shape == (9, 30, 3)


def test_a_folder_with_files_is_left_alone(tmp_path):
    (tmp_path / "precious.txt").write_text("mine")
    with pytest.raises(TrainingDataError, match="expected a new or empty folder, got one with files"):
        write_labels(tmp_path, [(IMAGE, [("1", None, None)])], suffix=".png")
    with pytest.raises(TrainingDataError, match="got a file"):
        write_labels(tmp_path / "precious.txt", [], suffix=".png")
    assert [path.name for path in tmp_path.iterdir()] == ["precious.txt"]


@pytest.mark.parametrize(("text", "box"), [("1\t2", None), ("1\n2", None), ("1", [0, 0, float("nan"), 1])])
def test_a_label_that_would_break_the_file_is_refused_and_no_labels_appear(tmp_path, text, box):
    with pytest.raises(TrainingDataError, match="expected"):
        write_labels(tmp_path / "set", [(IMAGE, [(text, box, None)])], suffix=".png")
    assert not (tmp_path / "set" / "labels.tsv").exists()


def test_only_known_formats_are_written():
    assert encode_image(IMAGE, ".png")[:4] == b"\x89PNG"
    assert encode_image(IMAGE, ".jpg")[:2] == b"\xff\xd8"
    with pytest.raises(TrainingDataError, match=r"expected the format \.png or \.jpg, got '\.xyz'"):
        encode_image(IMAGE, ".xyz")
