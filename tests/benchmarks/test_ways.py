import re

import cv2
import numpy as np
import onnxruntime
import pytest
from click.testing import CliRunner

from edgereader.benchmarks import ways
from edgereader.runtime import Reader
from edgereader.runtime.errors import DatasetError


class Fake:
    """Reads the same in all pictures, and notes that it did."""

    def __init__(self, name, seen, readings=()):
        self.name, self.seen, self.readings = name, seen, readings

    def read(self, _):
        self.seen.append(self.name)
        return self.readings


def test_both_read_each_photo_in_changing_order_three_rounds_or_more():
    seen = []
    ratios = ways.beside(Fake("a", seen), Fake("b", seen), [0], 0)
    assert len(ratios) == 3
    assert "".join(seen[2:]) == "baabba"


def test_ways_that_read_differently_are_not_compared():
    reading = type("Reading", (), {"text": "12"})
    with pytest.raises(DatasetError, match=r"read the same, got \['12'\] and \[\]"):
        ways.beside(Fake("a", [], [reading]), Fake("b", []), [0], 0)


def test_a_way_has_the_last_word_on_the_options_of_both_sessions(monkeypatch):
    seen, real = [], onnxruntime.InferenceSession
    monkeypatch.setattr(
        onnxruntime,
        "InferenceSession",
        lambda contents, options, **named: (
            seen.append((options.enable_mem_pattern, options.get_session_config_entry("session.use_env_allocators"))),
            real(contents, options, **named),
        )[1],
    )
    for way in ("shipped", "as-before"):
        with ways.going(way):
            Reader("digits-edge", "cpu")
    assert seen == [(False, "1")] * 2 + [(True, "0")] * 2


def test_what_is_told_of_a_way(tmp_path, monkeypatch):
    cv2.imwrite(str(tmp_path / "a.png"), np.full((48, 64, 3), 200, np.uint8))
    options = ["patterns", "--photos", str(tmp_path), "--canvas", "64", "--seconds", "0"]
    monkeypatch.setattr(ways.sys, "argv", ["ways", *options])
    done = CliRunner().invoke(ways.main, options, catch_exceptions=False)
    peak = re.fullmatch(
        r"patterns: [\d.]+ \([\d.]+ to [\d.]+\) of the time, 3 pairs; at most ([\d.]+) MiB\n", done.output
    )
    assert peak
    assert 40 < float(peak[1]) < 1000
