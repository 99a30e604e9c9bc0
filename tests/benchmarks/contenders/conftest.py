"""Pictures with one number, and a stand-in for a peer's engine."""

import cv2
import numpy as np
import pytest


@pytest.fixture
def crop():
    """Black digits on white: 4711; not to be written to, as the photos that the benchmark maps from a file."""
    picture = np.full((60, 160, 3), 255, np.uint8)
    cv2.putText(picture, "4711", (18, 45), cv2.FONT_HERSHEY_SIMPLEX, 1.5, (0, 0, 0), 3, cv2.LINE_AA)
    picture.setflags(write=False)
    return picture


@pytest.fixture
def photo(crop):
    """The same at x 200 to 360, y 100 to 160 of a white page."""
    picture = np.full((300, 500, 3), 255, np.uint8)
    picture[100:160, 200:360] = crop
    picture.setflags(write=False)
    return picture


@pytest.fixture(autouse=True)
def _threads():
    before = cv2.getNumThreads()
    yield
    cv2.setNumThreads(before)
