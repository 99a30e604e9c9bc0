from types import SimpleNamespace

import numpy as np
import pytest

from edgereader.runtime.stream.missing import LOOKS, MISSING_S, Missing
from edgereader.runtime.stream.settings import Number
from edgereader.runtime.stream.sources.frames import Shot
from edgereader.runtime.stream.tracking.watcher import Seen

FRAME = np.zeros((4, 4, 3), np.uint8)
REGION = [(0, 0), (1, 0), (1, 1)]


def seen(second, *names, confidence=0.9, detected=True, read=True):
    tracks = [SimpleNamespace(name=name, read=read, fused=SimpleNamespace(confidence=confidence)) for name in names]
    return Seen(Shot(FRAME, int(second), second, 1000.0 + second), tuple(tracks), (), detected, 0)


def watch(missing, *frames, told=()):
    for frame in frames:
        missing.take(frame, told)
    return list(missing.said)


def test_a_number_of_which_nothing_was_read_for_a_minute_is_said_until_it_is_found(caplog):
    missing = Missing([Number(name="water", kind="counter", region=REGION), Number(name="gas", kind="counter")])
    assert watch(missing, seen(0), seen(30, "gas"), seen(MISSING_S - 1)) == []
    assert missing.never == ["water"]
    assert watch(missing, *map(seen, (61, 62, 63))) == ["water"]
    assert missing.said["water"].startswith("water: nothing was ever read in its region; see on the live page")
    assert caplog.text.count("nothing was ever read") == 1
    assert watch(missing, seen(70, "water")) == []
    assert (missing.said, missing.never) == ({}, [])
    assert "water: was found" in caplog.text
    assert watch(missing, *map(seen, range(100, 300, 20))) == [], "what was there once may go"


@pytest.mark.parametrize(("what", "found"), [({"confidence": 0.3}, False), ({"read": False}, False), ({}, True)])
def test_texture_in_a_region_is_not_the_number(what, found):
    missing = Missing([Number(kind="counter", region=REGION)])
    assert watch(missing, seen(0), *(seen(second, "number", **what) for second in (30, 61, 62))) == (
        [] if found else ["number"]
    )


def test_what_had_an_event_was_found_however_unsure():
    missing = Missing([Number(kind="counter")])
    watch(missing, seen(0), told={"number"})
    assert watch(missing, *map(seen, (61, 62, 63))) == []


def test_what_need_not_be_there_is_not_missed():
    missing = Missing([Number(name="gate", kind="plate", region=REGION), Number(name="any")])
    assert watch(missing, *map(seen, range(0, 300, 10))) == []


def test_frames_at_which_the_detector_did_not_look_say_nothing():
    """A minute may pass from one frame to the next where a camera is slow."""
    missing = Missing([Number(kind="counter")])
    assert watch(missing, seen(0), *(seen(at, detected=False) for at in range(60, 300, 30))) == []
    assert watch(missing, *(seen(300 + at) for at in range(LOOKS - 1))) == ["number"]


def test_a_clock_that_is_set_is_no_minute():
    missing = Missing([Number(kind="counter")])
    for at in range(5):
        missing.take(Seen(Shot(FRAME, at, float(at), 1000.0 + at * 1e6), (), (), True, 0), ())
    assert missing.said == {}
