"""Plates: each once."""

import pytest

from .seen import Camera, a_track, quad_at


def test_a_plate_is_emitted_once():
    gate = Camera("plate")
    assert gate.see(a_track("48213"), frames=50) == [("48213", True)]
    assert gate.see(ended=[a_track("48213")]) == []


def test_a_later_reading_of_the_same_track_is_not_emitted():
    gate = Camera("plate")
    gate.see(a_track("48213"), frames=5)
    assert gate.see(a_track("48218", confidence=0.999), frames=50) == []


def test_enough_frames_must_say_the_same():
    gate = Camera("plate", min_frames=4)
    assert gate.see(a_track("48213", agreeing=1), frames=3) == []
    assert gate.see(a_track("48213", agreeing=1)) == [("48213", True)]


@pytest.mark.parametrize(
    ("track", "settings", "frames", "seen", "ended"),
    [
        (a_track("48213", confidence=0.6), {}, 5, [], [("48213", False)]),
        (a_track("48213", confidence=0.6), {"unsure_s": 1}, 30, [("48213", False)], []),
        (a_track("48213", confidence=0.6), {"unsure_s": 0}, 30, [], []),
        (a_track("7", agreeing=1), {}, 2, [], []),
        (a_track("EXIT", accepted=False), {}, 50, [], []),
        *(
            (a_track("213", quad=quad_at(**at)), {"unsure_s": 1}, 50, [], [])
            for at in ({"x": 2}, {"x": 518}, {"y": 1}, {"y": 449})
        ),
    ],
    ids=["at its end", "after a while", "never", "a flash", "not asked for", "left", "right", "top", "bottom"],
)
def test_what_is_unsure_is_emitted_once_and_what_is_none_never(track, settings, frames, seen, ended):
    gate = Camera("plate", **settings)
    assert gate.see(track, frames=frames) == seen
    assert gate.see(ended=[track]) == ended


def test_what_was_unsure_may_still_become_sure():
    gate = Camera("plate", unsure_s=1)
    gate.see(a_track("48213", confidence=0.6), frames=30)
    assert gate.see(a_track("48213"), frames=30) == [("48213", True)]


def test_a_plate_that_comes_back_at_once_on_another_track_is_the_same():
    gate = Camera("plate")
    gate.see(a_track("48213"), frames=5)
    gate.see(ended=[a_track("48213")])
    assert gate.see(a_track("48213", of=2), frames=50) == []
    assert gate.see(a_track("821", of=3, confidence=0.5), frames=5) == []
    assert gate.see(ended=[a_track("48213", of=2), a_track("821", of=3, confidence=0.5)]) == []


def test_a_plate_that_comes_back_later_is_emitted_again():
    gate = Camera("plate")
    gate.see(a_track("48213"), frames=5)
    gate.see(ended=[a_track("48213")])
    gate.second += 60
    assert gate.see(a_track("48213", of=2), frames=5) == [("48213", True)]


def test_nor_while_it_was_not_found_anew_since():
    gate = Camera("plate")
    gate.see(a_track("213", quad=quad_at(x=2)))
    assert gate.see(a_track("213"), frames=10, detected=False) == []
    assert gate.see(a_track("48213")) == [("48213", True)]


def test_what_is_open_at_the_end_is_emitted():
    gate = Camera("plate")
    gate.see(a_track("48213"), a_track("907", of=2, confidence=0.7), frames=5)
    assert [(event.text, event.sure) for event, _ in gate.emitter.close()] == [("907", False)]


def test_memory_has_a_ceiling():
    gate = Camera("plate")
    for number in range(2000):
        gate.see(a_track(f"{number:05d}", of=number + 1), frames=2)
    kept = gate.emitter._kinds["n"]
    assert max(len(kept._seen), len(kept._passing)) <= 256
