"""Contenders that are no libraries, and frames for them."""

import time

import numpy as np
import pytest

from edgereader.benchmarks.contenders import Found


class Fake:
    """Takes some time for a photo, notes which it read, and fails at one if told so."""

    def __init__(self, seconds=0.0, fails_at=None):
        self.seconds, self.fails_at, self.seen = seconds, fails_at, []
        self.versions = {"fake": "1"}

    def read(self, frame):
        self.seen.append(int(frame[0, 0, 0]))
        if self.fails_at is not None and len(self.seen) > self.fails_at:
            raise RuntimeError("out of luck")
        time.sleep(self.seconds)
        return [Found("12", 0.9)]

    def read_many(self, frames):
        return map(self.read, frames)


@pytest.fixture
def fake():
    return Fake


@pytest.fixture
def frames():
    """Four photos, told apart by their first value."""
    return [np.full((8, 8, 3), number, np.uint8) for number in range(4)]
