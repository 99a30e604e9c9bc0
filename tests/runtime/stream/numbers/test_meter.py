"""A counter's tracks and what is emitted of them."""

from dataclasses import replace

import pytest

from edgereader.runtime.stream.tracking.wheels import Said

from .seen import Camera, a_track, quad_at, seen


class Cellar(Camera):
    """A meter of six digits."""

    def __init__(self, **settings):
        super().__init__("counter", digits=6, **settings)

    def see(self, *tracks, frames=1):
        return [(event.text, event.value, event.sure, event.note) for event in self.events(*tracks, frames=frames)]


def test_a_change_is_emitted_once_over_tracks():
    cellar = Cellar()
    assert cellar.see(a_track("027416"), frames=100) == [("027416", 27416.0, True, "")]
    assert cellar.see(a_track("027416", of=2), frames=100) == []
    assert cellar.see(a_track("027417", of=3), frames=100) == [("027417", 27417.0, True, "")]


@pytest.mark.parametrize(
    ("text", "note"),
    [
        ("02741", "not plausible: 5 digits, expected 6"),
        ("027410", "not plausible: wheels between two digits"),
        ("a2741", "no number"),
    ],
)
def test_what_is_not_believed_is_emitted_once_as_unsure_and_has_no_value(text, note):
    cellar = Cellar(unsure_s=5)
    cellar.see(a_track("027416"), frames=100)
    assert cellar.see(a_track(text), frames=48) == []
    assert cellar.see(a_track(text), frames=500) == [(text, None, False, note)]
    assert cellar.see(a_track("027416"), frames=10) == []
    assert cellar.see(a_track(text), frames=500) == [(text, None, False, note)]


def test_unsure_never():
    assert Cellar(unsure_s=0).see(a_track("02741"), frames=500) == []


def test_nothing_to_read_is_not_unsure():
    cellar = Cellar(unsure_s=5)
    cellar.see(a_track("027416"), frames=100)
    assert cellar.see(frames=200) == []
    assert cellar.see(a_track("027416", read=False), frames=200) == []
    assert cellar.see(a_track("02741"), frames=20) == []


def test_of_several_texts_the_meters_own_is_read():
    cellar = Cellar()
    small = a_track("187433", of=2, quad=quad_at(y=300, high=10))
    tall = a_track("3", of=3, quad=quad_at(y=100, high=60))
    assert cellar.see(small, a_track("027416"), tall, frames=100) == [("027416", 27416.0, True, "")]
    assert cellar.see(a_track("027417", quad=quad_at(high=9)), small, tall, frames=9) == [("027417", 27417.0, True, "")]


def test_what_it_says_now_is_what_is_believed():
    cellar = Cellar(unsure_s=0)
    cellar.see(a_track("027416"), frames=100)
    before = cellar.emitter.values["n"]
    cellar.see(a_track("027410"), frames=100)
    assert cellar.emitter.values["n"] == before
    cellar.see(a_track("027416"))
    after = cellar.emitter.values["n"]
    assert (after.text, after.value, after.sure) == ("027416", 27416.0, True)
    assert after.at > before.at


class Looking(Camera):
    """A camera that looks at a meter of six digits once a minute."""

    def __init__(self, **settings):
        super().__init__("counter", digits=6, **settings)
        self.look = -1

    def see(self, *frames):
        """Show the frames of a look, a track in each."""
        self.look += 1
        shown = [seen(60.0 * self.look + 0.1 * at, track, look=self.look) for at, track in enumerate(frames)]
        events = [event for one in shown for event, _ in self.emitter.emit(one)]
        return [(event.text, event.sure, event.note) for event in events]


def test_what_looks_do_not_make_sure_is_emitted_after_some_of_them():
    cellar = Looking(max_rate=1)
    cellar.see(*[a_track("027416")] * 4)
    assert cellar.see(*[a_track("027416")] * 4) == [("027416", True, "")]
    assert [cellar.see(*[a_track("927416")] * 4) for _ in range(3)] == [[], [], []]
    assert cellar.see(*[a_track("927416")] * 4) == [("927416", False, "not plausible: too fast")]
    assert cellar.emitter.conditions["n"].problem == "not plausible: too fast"
    assert cellar.see(*[a_track("027416")] * 4) == []
    assert cellar.emitter.conditions["n"].problem == ""


def test_frames_of_a_look_that_say_other_than_all_of_them_count_by_themselves():
    cellar = Looking(max_rate=6000)
    cellar.see(*[a_track("027416")] * 4)
    cellar.see(*[a_track("027416")] * 4)
    frames = [a_track("027500", agreeing=1, own=text) for text in ("027500", "027503", "027506")]
    assert cellar.see(*frames) == [("027506", True, "")]


def test_wheels_that_are_surer_than_all_frames_together_count():
    """Frames in which the last wheel stood between two digits made those doubtful."""
    cellar = Looking(max_rate=6000, wheels=True)
    for text, other in (("027416", "027419"), ("027417", "027419")):
        track = a_track(text, agreeing=1, wheels=Said(text, 1.0, 0.3))
        doubtful = replace(track.fused, alternatives=((text, 0.6), (other, 0.4)))
        events = cellar.see(*[replace(track, fused=doubtful)] * 4)
    assert events == [("027417", True, "")]


def test_what_wheels_say_is_the_reading_and_nothing_else():
    cellar = Looking(max_rate=6000, wheels=True)
    for _ in range(2):
        cellar.see(*[a_track("027416", wheels=Said("027416", 1.0, 0.0))] * 4)
    assert cellar.see(*[a_track("027510", wheels=Said("027516", 0.99, 0.5))] * 4) == [("027516", True, "")]
    assert [cellar.see(*[a_track("027600")] * 4) for _ in range(4)][-1] == [
        ("027600", False, "wheels between two digits")
    ]
