"""The timing cache on a stand-in of TensorRT's configuration: TensorRT for RTX has none, and tensorrt needs a GPU."""

import errno
from pathlib import Path

import pytest

from edgereader.export.engines.timing_cache import keep, start_from

GOOD = b"cache of this GPU:"


class StandIn:
    """Takes an empty cache, or one that it wrote; what it times is appended."""

    def __init__(self):
        self.cache = None

    def create_timing_cache(self, stored):
        return None if stored.startswith(b"damaged") else stored

    def set_timing_cache(self, cache, *, ignore_mismatch):
        assert not ignore_mismatch
        if cache and not cache.startswith(GOOD):
            return False
        self.cache = cache
        return True

    def get_timing_cache(self):
        return self

    def serialize(self):
        assert self.cache is not None
        return (self.cache or GOOD) + b" timed"


def test_a_stand_in_starts_empty_and_goes_on_from_what_was_kept(tmp_path):
    path = tmp_path / "timing.cache"
    for times in (1, 2):
        config = StandIn()
        assert start_from(config, path) is None
        assert keep(config, path) is None
        assert path.read_bytes() == GOOD + b" timed" * times
    assert [path.name for path in tmp_path.iterdir()] == ["timing.cache"]


@pytest.mark.parametrize("stored", [b"damaged", b"cache of another GPU"])
def test_a_stand_in_refuses_a_damaged_or_foreign_cache_which_is_replaced(tmp_path, stored):
    path, config = tmp_path / "timing.cache", StandIn()
    path.write_bytes(stored)
    assert (
        start_from(config, path) == f"timing cache {path} is damaged, or of another GPU or version: started a new one"
    )
    assert config.cache == b""
    assert path.read_bytes() == stored, "it is replaced after the build, not before"
    keep(config, path)
    assert path.read_bytes() == GOOD + b" timed"


def test_a_cache_that_cannot_be_read_or_written_is_a_warning(tmp_path, monkeypatch):
    config = StandIn()
    assert "cannot be read (Is a directory)" in str(start_from(config, tmp_path))
    assert config.cache == b""
    assert "could not be kept: Is a directory" in str(keep(config, tmp_path))

    def full(*_arguments):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Path, "replace", full)
    assert "could not be kept: No space left" in str(keep(config, tmp_path / "cache"))
    assert list(tmp_path.iterdir()) == []
