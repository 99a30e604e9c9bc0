from itertools import pairwise

import cv2
import numpy as np
import pytest

from edgereader.benchmarks.speed.stream_clip import FPS, NUMBERS, REGION, bib, frame_hw, frames, write_clip
from edgereader.runtime import Reader
from edgereader.runtime.errors import DatasetError


@pytest.fixture(scope="module")
def reader():
    return Reader(upright=True)


@pytest.mark.parametrize("number", NUMBERS)
def test_the_bib_says_the_number_in_the_region(reader, number):
    frame = bib(number)
    (found,) = [each for each in reader.read(frame) if len(each.text) == len(number)]
    assert found.text == number
    shares = found.quad / np.array(frame.shape[1::-1])
    low, high = np.min(REGION, axis=0), np.max(REGION, axis=0)
    assert (shares >= low).all()
    assert (shares <= high).all()


def test_a_number_stays_for_a_second_and_only_its_noise_changes():
    made = list(frames())
    assert len(made) == FPS * len(NUMBERS)
    assert {each.shape for each in made} == {(*frame_hw(), 3)} == {(720, 1280, 3)}
    apart = [cv2.norm(one, other, cv2.NORM_L1) / one.size for one, other in pairwise(made)]
    changed = [place for place, each in enumerate(apart, 1) if each > 1.5 * np.median(apart)]
    assert changed == [FPS * each for each in range(1, len(NUMBERS))]
    assert min(apart) > 1


def test_the_same_seed_gives_the_same_frames():
    first, again, other = (next(frames(seed)) for seed in (0, 0, 1))
    assert (first == again).all()
    assert (first != other).any()


def test_a_clip_that_cannot_be_written_is_told(tmp_path):
    with pytest.raises(DatasetError, match="expected to write a clip"):
        write_clip(tmp_path / "none" / "clip.avi")
