from pathlib import Path

import cv2
import numpy as np
import pytest

from edgereader.benchmarks.labelled import LabelledSet, load_photo
from edgereader.runtime.errors import ImageError


def test_a_set_decodes_files_unless_it_says_how(tmp_path):
    picture = np.full((4, 6, 3), 7, np.uint8)
    cv2.imwrite(str(tmp_path / "a.png"), picture)
    assert np.array_equal(LabelledSet("set", tmp_path, "crops", ()).load(tmp_path / "a.png"), picture)
    assert LabelledSet("set", tmp_path, "crops", (), load=len).load([1, 2]) == 2


def test_what_is_no_picture_is_an_error():
    with pytest.raises(ImageError):
        load_photo(Path(__file__))
