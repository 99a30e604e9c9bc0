import numpy as np
import pytest

from edgereader.models.data.samples import TrainingDataError, cut, decode_image, existing, inside, read_image


@pytest.mark.parametrize("name", ["../up.png", "a/../../up.png", "/etc/passwd", "", "a\0b.png"])
def test_a_path_that_leads_out_of_the_root_is_refused(tmp_path, name):
    with pytest.raises(TrainingDataError, match=r"labels\.tsv:7: expected an image path below .*; correct this line"):
        inside(tmp_path, name, where="labels.tsv:7")


def test_a_path_below_the_root_is_joined(tmp_path):
    assert inside(tmp_path, "./a/b..c.png", where="x") == tmp_path / "a" / "b..c.png"


@pytest.mark.parametrize("contents", [b"", b"no image", b"\x89PNG\r\n\x1a\n"])
def test_bytes_that_are_no_image_are_named_with_their_place(contents):
    with pytest.raises(TrainingDataError, match=f"here: expected a JPEG.* got {len(contents)} bytes"):
        decode_image(contents, where="here")


def test_a_missing_image_is_named_with_its_line(tmp_path):
    with pytest.raises(TrainingDataError, match=r"labels\.tsv:3: expected an image at .*gone\.png, got: No such file"):
        read_image(tmp_path / "gone.png", where="labels.tsv:3")


def test_a_folder_in_the_place_of_a_file_is_said_to_be_one(tmp_path):
    with pytest.raises(TrainingDataError, match="expected a thing, got a folder there"):
        existing(tmp_path, "a thing")


def test_cut_turns_a_word_upright():
    image = np.zeros((60, 60, 3), np.uint8)
    image[10:50, 20:30] = (0, 0, 255)  # a word that runs downwards: its left half is the picture's upper half
    image[10:30, 20:30] = (255, 0, 0)
    downwards = np.array([[30, 10], [30, 50], [20, 50], [20, 10]], np.float32)
    crop = cut(image, downwards)
    assert crop.shape == (10, 40, 3)
    assert (crop[:, :19] == (255, 0, 0)).all()
    assert (crop[:, 21:] == (0, 0, 255)).all()


def test_cut_of_an_axis_aligned_box_is_a_slice():
    image = np.random.default_rng(1).integers(0, 256, (30, 40, 3), np.uint8)
    box = np.array([[5, 4], [25, 4], [25, 14], [5, 14]], np.float32)
    assert np.array_equal(cut(image, box), image[4:14, 5:25])


def test_cut_of_a_hostile_quad_is_bounded():
    image = np.zeros((30, 40, 3), np.uint8)
    assert max(cut(image, np.array([[-9e5, 0], [9e5, 0], [9e5, 9e5], [0, 9e5]], np.float32)).shape) <= 51
    assert cut(image, np.zeros((4, 2), np.float32)).shape == (1, 1, 3)
