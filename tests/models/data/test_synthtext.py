import cv2
import numpy as np
import pytest
from scipy.io import savemat

from edgereader.models.data.samples import TrainingDataError
from edgereader.models.data.synthtext import SynthText


def row(x, y, count, width=10, height=12):
    """Quads of a row of boxes, as gt.mat has them: (2, 4, count)."""
    left = x + width * np.arange(count)
    xs = np.stack([left, left + width, left + width, left])
    ys = np.repeat(np.array([y, y, y + height, y + height])[:, np.newaxis], count, axis=1)
    return np.stack([xs, ys]).astype(np.float64)


def cells(values):
    array = np.empty((1, len(values)), object)
    array[0] = values
    return array


def write(root, *, names=("8/a_1.jpg", "8/b_2.jpg"), drop=(), **changes):
    (root / "8").mkdir(parents=True)
    for name in ("a_1.jpg", "b_2.jpg"):
        cv2.imwrite(str(root / "8" / name), np.full((60, 90, 3), 200, np.uint8))
    one = row(5, 40, 1, width=20)[:, :, 0]  # (2, 4): an image with one word
    fields = {
        "imnames": cells([np.array([name]) for name in names]),
        "wordBB": cells([np.concatenate([row(0, 0, 2, width=20), row(10, 20, 1, width=30)], axis=2), one]),
        "charBB": cells([np.concatenate([row(0, 0, 4), row(10, 20, 3)], axis=2), row(5, 40, 2)]),
        "txt": cells([np.array(["ab 12\nxyz ", "        "]), np.array(["42"])]),
    }
    savemat(root / "gt.mat", {key: value for key, value in {**fields, **changes}.items() if key not in drop})
    return root


def test_words_and_characters_are_read(tmp_path):
    scenes = SynthText(write(tmp_path))
    assert len(scenes) == 2
    first, second = scenes[0], scenes[1]
    assert first.image.shape == (60, 90, 3)
    assert [word.text for word in first.words] == ["ab", "12", "xyz"]
    assert first.words[1].quad.tolist() == [[20, 0], [40, 0], [40, 12], [20, 12]]
    assert [len(word.char_quads) for word in first.words] == [2, 2, 3]
    assert first.words[2].char_quads[0].tolist() == [[10, 20], [20, 20], [20, 32], [10, 32]]
    assert [word.text for word in second.words] == ["42"]
    assert second.words[0].quad.shape == (4, 2)
    assert second.words[0].quad.dtype == np.float32


def test_words_are_counted_without_decoding(tmp_path):
    scenes = SynthText(write(tmp_path, names=("gone.jpg", "gone.jpg")) / "gt.mat")
    assert [scenes.count_words(index) for index in range(2)] == [3, 1]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"names": ("../up.jpg", "8/b_2.jpg")}, r"gt\.mat: image 1: expected an image path below"),
        ({"names": ("8/gone.jpg", "8/b_2.jpg")}, r"image 1: expected an image at .*gone\.jpg"),
        ({"txt": cells([np.array(["ab 12"]), np.array(["42"])])}, r"image 1: expected wordBB of shape \(2, 4, 2\)"),
        ({"txt": cells([np.array(["ab 12 xy"]), np.array(["42"])])}, r"image 1: expected charBB of shape \(2, 4, 6\)"),
        ({"wordBB": cells([np.array(["x"]), row(0, 0, 1)])}, r"image 1: expected wordBB"),
    ],
)
def test_an_entry_that_does_not_fit_is_named(tmp_path, changes, message):
    scenes = SynthText(write(tmp_path, **changes))
    assert scenes[1].words
    with pytest.raises(TrainingDataError, match=message):
        scenes[0]


def test_a_missing_a_broken_and_an_incomplete_file_are_told_apart(tmp_path):
    with pytest.raises(TrainingDataError, match=r"expected SynthText's gt\.mat, got nothing there"):
        SynthText(tmp_path)
    (tmp_path / "gt.mat").write_bytes(b"no matlab" * 100)
    with pytest.raises(TrainingDataError, match="expected a MATLAB file of version 5, got: .*; download it again"):
        SynthText(tmp_path)
    with pytest.raises(TrainingDataError, match="got none named charBB"):
        SynthText(write(tmp_path / "incomplete", drop=("charBB",)))
    with pytest.raises(TrainingDataError, match="expected as many entries in each field"):
        SynthText(write(tmp_path / "uneven", names=("8/a_1.jpg",)))
