"""The width factor."""

import pytest

from edgereader.models.width import thin


@pytest.mark.parametrize(
    ("channels", "width", "expected"), [(512, 1.0, 512), (512, 0.25, 128), (64, 0.1, 6), (2, 0.01, 1), (64, 1.5, 96)]
)
def test_channels(channels, width, expected):
    assert thin(channels, width) == expected
