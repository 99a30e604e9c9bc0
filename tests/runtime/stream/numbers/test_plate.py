"""Plates: each once."""

import pytest

from edgereader.runtime.stream.numbers.kinds import Teller
from edgereader.runtime.stream.settings import Number

from ..seen import a_track, quad_at, seen


class Gate:
    """A camera at ten frames a second, and what is told of it."""

    def __init__(self, **settings):
        self.teller, self.second = Teller("gate", [Number(name="n", kind="plate", **settings)]), 0.0

    def see(self, *tracks, frames=1, ended=(), detected=True):
        told = []
        for _ in range(frames):
            self.second += 0.1
            events = self.teller.tell(seen(self.second, *tracks, ended=ended, detected=detected))
            told += [(event.text, event.sure) for event, _ in events]
        return told


def test_a_plate_is_told_once():
    gate = Gate()
    assert gate.see(a_track("48213"), frames=50) == [("48213", True)]
    assert gate.see(ended=[a_track("48213")]) == []


def test_a_later_reading_of_the_same_track_is_not_told():
    gate = Gate()
    gate.see(a_track("48213"), frames=5)
    assert gate.see(a_track("48218", confidence=0.999), frames=50) == []


def test_enough_frames_must_say_the_same():
    gate = Gate(min_frames=4)
    assert gate.see(a_track("48213", agreeing=1), frames=3) == []
    assert gate.see(a_track("48213", agreeing=1)) == [("48213", True)]


def test_what_is_unsure_is_told_at_its_end():
    gate = Gate()
    track = a_track("48213", confidence=0.6)
    assert gate.see(track, frames=5) == []
    assert gate.see(ended=[track]) == [("48213", False)]


def test_or_after_a_while_and_once():
    gate = Gate(unsure_s=1)
    track = a_track("48213", confidence=0.6)
    assert gate.see(track, frames=30) == [("48213", False)]
    assert gate.see(ended=[track]) == []


def test_what_was_unsure_may_still_become_sure():
    gate = Gate(unsure_s=1)
    gate.see(a_track("48213", confidence=0.6), frames=30)
    assert gate.see(a_track("48213"), frames=30) == [("48213", True)]


def test_unsure_never():
    gate = Gate(unsure_s=0)
    track = a_track("48213", confidence=0.6)
    assert gate.see(track, frames=30) == []
    assert gate.see(ended=[track]) == []


def test_a_plate_that_comes_back_at_once_on_another_track_is_the_same():
    gate = Gate()
    gate.see(a_track("48213"), frames=5)
    gate.see(ended=[a_track("48213")])
    assert gate.see(a_track("48213", of=2), frames=50) == []
    assert gate.see(a_track("821", of=3, confidence=0.5), frames=5) == []
    assert gate.see(ended=[a_track("48213", of=2), a_track("821", of=3, confidence=0.5)]) == []


def test_a_plate_that_comes_back_later_is_told_again():
    gate = Gate()
    gate.see(a_track("48213"), frames=5)
    gate.see(ended=[a_track("48213")])
    gate.second += 60
    assert gate.see(a_track("48213", of=2), frames=5) == [("48213", True)]


@pytest.mark.parametrize("quad", [quad_at(x=2), quad_at(x=518), quad_at(y=1), quad_at(y=449)])
def test_what_the_edge_may_cut_off_is_not_told(quad):
    gate = Gate(unsure_s=1)
    track = a_track("213", quad=quad)
    assert gate.see(track, frames=50) == []
    assert gate.see(ended=[track]) == []


def test_nor_while_it_was_not_found_anew_since():
    gate = Gate()
    gate.see(a_track("213", quad=quad_at(x=2)))
    assert gate.see(a_track("213"), frames=10, detected=False) == []
    assert gate.see(a_track("48213")) == [("48213", True)]


def test_a_flash_is_not_told():
    gate = Gate()
    gate.see(a_track("7", agreeing=1), frames=2)
    assert gate.see(ended=[a_track("7", agreeing=1)]) == []


def test_what_was_not_asked_for_is_not_told():
    gate = Gate()
    track = a_track("EXIT", accepted=False)
    assert gate.see(track, frames=50) == []
    assert gate.see(ended=[track]) == []


def test_what_is_open_at_the_end_is_told():
    gate = Gate()
    gate.see(a_track("48213"), a_track("907", of=2, confidence=0.7), frames=5)
    assert [(event.text, event.sure) for event, _ in gate.teller.close()] == [("907", False)]


def test_memory_has_a_ceiling():
    gate = Gate()
    for number in range(2000):
        gate.see(a_track(f"{number:05d}", of=number + 1), frames=2)
    kept = gate.teller._kinds["n"]
    assert max(len(kept._seen), len(kept._passing)) <= 256
