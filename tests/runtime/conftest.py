"""Test bundles, and a frame that they read."""

import numpy as np
import pytest

from .graphs import paint_word, write_test_bundle


@pytest.fixture(scope="session")
def make_bundle(tmp_path_factory):
    """Write a test bundle: make_bundle(**changes) -> Path."""

    def make(**changes):
        return write_test_bundle(tmp_path_factory.mktemp("bundle"), **changes)

    return make


@pytest.fixture(scope="session")
def bundle_folder(make_bundle):
    """A test bundle with a detector and a recognizer."""
    return make_bundle()


@pytest.fixture
def scene():
    """A frame in which the test bundle reads 7, the word c, and 5."""
    frame = np.zeros((480, 640, 3), np.uint8)
    paint_word(frame, "7", 60, 50)
    paint_word(frame, "c", 300, 200)
    paint_word(frame, "5", 400, 350)
    return frame


@pytest.fixture(scope="session")
def canary_folder(make_bundle):
    """A test bundle with a canary."""
    from edgereader.export.canary import write_canary

    folder = make_bundle()
    write_canary(folder)
    return folder
