import numpy as np
import pytest

from edgereader.runtime.geometry.images import box
from edgereader.runtime.reader import LONE_POWER
from edgereader.runtime.stream.settings import Number
from edgereader.runtime.stream.tracking.tracks import (
    BEST_PX,
    LOOKS,
    MOST_MISSED,
    SHARP_FRAMES,
    Followed,
    Found,
    is_cut,
    match,
    straightened,
)

from .rows import alphabet, place

NUMBER = Number(name="meter", kind="counter")
PLATE = Number(name="gate", kind="plate")
RANDOM = np.random.default_rng(0)


@pytest.fixture
def frame():
    return RANDOM.integers(0, 256, (400, 600, 3), np.uint8)


def found(text, quad, number=NUMBER, sure=0.995, score=0.9):
    return Found(number, np.float32(quad), score, place(text, sure=sure))


def followed(frame, text="4711", quad=None, number=NUMBER, at=0):
    return Followed(found(text, box(100, 100, 120, 40) if quad is None else quad, number), alphabet(), frame, at)


def test_a_constant_speed_is_learned_and_extrapolated(frame):
    track = followed(frame)
    for at in (2, 4, 6):
        track.find(found("4711", box(100 + 30 * at, 100 + 6 * at, 120, 40)), at, place("4711"))
    assert track.expected(9)[0] == pytest.approx([100 + 30 * 9, 100 + 6 * 9], abs=3)
    for at in (10, 12, 14, 16):
        track.find(found("4711", box(300, 140, 120, 40)), at, place("4711"))
    assert track.expected(30)[0] == pytest.approx([300, 140], abs=3), "it stands again"


def test_a_still_texts_place_does_not_jitter(frame):
    track = followed(frame)
    for at in range(1, 20):
        jittered = box(100, 100, 120, 40) + RANDOM.normal(0, 2, (4, 2)).astype(np.float32)
        own = place("4711")
        assert track.find(found("4711", jittered), at, own) is own
    assert (track.quad == box(100, 100, 120, 40)).all()


def test_a_detector_that_cuts_off_a_digit_now_and_then_does_no_harm(frame):
    track = followed(frame, "04711", box(100, 100, 150, 40))
    for at in range(1, 30):
        cut = at % 3 == 0
        look = found("4711", box(130, 100, 120, 40)) if cut else found("04711", box(100, 100, 150, 40))
        track.find(look, at, place("04711"))
        assert track.quad[0, 0] == 100


def test_of_two_places_that_say_the_same_the_clearer_one_stays(frame):
    with_unit, without = box(100, 100, 150, 40), box(100, 100, 120, 40)
    track = followed(frame, "4711", with_unit)
    doubtful, clear = place("4711m", rivals={4: ("3", 0.25)}), found("4711", without)
    assert track.find(clear, 50, doubtful) is clear.place
    assert (track.quad == without).all()
    own = place("4711", sure=0.99)
    assert track.find(Found(NUMBER, with_unit, 0.9, doubtful), 100, own) is own
    assert track.find(found("4711", with_unit, sure=0.993), 150, own) is own, "hardly clearer"
    assert track.find(found("4712", with_unit, sure=0.999), 200, own) is own, "it says something else"
    assert (track.quad == without).all()


def test_a_place_that_cuts_off_a_point_gives_way_to_one_that_does_not(frame):
    whole, low = found("18.4", box(100, 100, 120, 40)), box(110, 100, 100, 30)
    track = followed(frame, "18.4", whole.quad)
    track.find(found("194", low), 20, place("abcx"))
    assert (track.quad == low).all(), "a torn frame moved it"
    assert track.find(whole, 22, place("184", sure=0.98)) is whole.place
    assert (track.quad == whole.quad).all()
    own = place("184")
    assert track.find(found("18.4", low, sure=0.98), 50, own) is own, "a speck that is taken for a point"


def test_a_place_that_was_cut_off_at_first_grows_after_two_looks(frame):
    track = followed(frame, "4711", box(130, 100, 120, 40))
    whole = found("04711", box(100, 100, 150, 40))
    own = place("4711")
    assert track.find(whole, 50, own) is own
    assert track.find(whole, 100, own) is whole.place
    assert track.quad[0, 0] == 100


def test_a_speck_that_one_look_adds_is_not_taken_in(frame):
    track = followed(frame)
    speck = found("47111", box(100, 100, 150, 40))
    for at in range(1, 12):
        look = speck if at == 5 else found("4711", box(100, 100, 120, 40))
        track.find(look, at, place("4711"))
    assert track.quad[1, 0] == 220
    wrong = followed(frame, "47111", box(100, 100, 150, 40))
    for at in range(LOOKS):
        wrong.find(found("4711", box(100, 100, 120, 40)), at, place("47111"))
    assert wrong.quad[1, 0] == 220, "a speck of the first look goes"


def test_a_text_that_comes_nearer_grows(frame):
    track = followed(frame)
    track.find(found("4711", box(70, 90, 180, 60)), 1, place("4711"))
    assert np.ptp(track.quad[:, 1]) == 60


def test_broken_frames_are_left_out(frame):
    track = followed(frame)
    track.take(frame, track.quad, place("4711"))
    before = track.track()
    for bad in (place("abcx"), place("9711", sure=0.6)):
        assert not track.take(frame, track.quad, bad)
        now = track.track()
        assert not now.read
        assert (now.fused, now.text) == (before.fused, before.text)
        assert track.unsure
    track.take(frame, track.quad, place("4711"))
    assert track.track().read
    assert not track.unsure


def test_what_becomes_worse_for_good_counts_after_a_while(frame):
    track = followed(frame)
    read = []
    for _ in range(30):
        track.take(frame, track.quad, place("9711", sure=0.75))
        read.append(track.read)
    assert not read[0]
    assert read[-1]
    assert track.track().fused.text == "9711"


def test_the_best_picture_is_of_what_it_says_now(frame):
    track = followed(np.zeros_like(frame))
    track.age = SHARP_FRAMES
    track.take(frame, track.quad, place("4711"))
    assert track.best.std() > 50, "sharper"
    sharp = track.best
    track.take(np.full_like(frame, 90), track.quad, place("4711"))
    assert track.best is sharp
    for _ in range(2):
        track.take(np.full_like(frame, 200), track.quad, place("4712"))
    assert track.track().fused.text == "4712"
    assert (track.best == 200).all()
    assert track.best.shape == (40, 120, 3)


def test_it_ends_after_some_looks_that_missed_it(frame):
    track = followed(frame)
    assert not track.lost
    for _ in range(6):
        track.take(frame, track.quad, place("4711"))
    track.missed = MOST_MISSED - 1
    assert not track.lost
    track.find(found("4711", track.quad), 9, place("4711"))
    assert track.missed == 0
    track.missed = MOST_MISSED
    assert track.lost
    early = followed(frame)
    early.missed = 2
    assert early.lost


def test_a_lone_digit_is_as_certain_as_the_detector(frame):
    scores = 0.8, 1.0
    less, whole = (
        Followed(found("7", box(0, 0, 30, 40), score=score), alphabet(), frame, 0).track() for score in scores
    )
    assert less.fused.confidence == pytest.approx(whole.fused.confidence * 0.8**LONE_POWER)


def test_match_by_place_then_by_text(frame):
    one = followed(frame, "4711", box(100, 100, 120, 40))
    two = followed(frame, "2285", box(300, 100, 120, 40))
    seen = [found("2205", box(310, 102, 110, 40)), found("4711", box(90, 98, 130, 40))]
    assert match([one, two], seen, 1) == {0: 1, 1: 0}
    assert match([one, two], [found("2285", box(80, 250, 120, 40))], 1) == {0: 1}, "it moved far"
    assert match([one, two], [found("228", box(80, 250, 90, 40))], 1) == {0: 1}, "and leaves the picture"
    assert match([one, two], [found("9999", box(80, 250, 120, 40))], 1) == {}
    other = Number(name="other")
    assert match([one], [found("4711", box(100, 100, 120, 40), other)], 1) == {}
    assert match([], seen, 1) == match([one], [], 1) == {}


def test_a_part_of_a_plate_is_not_read(frame):
    gate = followed(frame, "84711", number=PLATE)
    assert not gate.take(frame, box(500, 100, 99, 40), place("8471"))
    assert not gate.read


def test_another_size_of_frames_moves_it_along(frame):
    track = followed(frame)
    track.velocity = np.float32([4, 2])
    track.resize(np.float32([0.5, 2]))
    assert track.expected(1).tolist() == (box(50, 200, 60, 80) + np.float32([2, 4])).tolist()


def test_pictures_are_upright_and_not_too_large(frame):
    frame[:] = 0
    frame[200:240, 100:300, 2] = 255
    standing = np.ascontiguousarray(np.rot90(frame))
    quad = np.float32([[200, 500], [200, 300], [240, 300], [240, 500]])
    assert (straightened(standing, quad)[..., 2] > 250).mean() > 0.95
    assert straightened(standing, quad).shape[:2] == (40, 200)
    assert max(straightened(np.zeros((900, 3000, 3), np.uint8), box(0, 0, 2900, 800)).shape) == BEST_PX


def test_what_touches_the_edge_may_be_cut_off(frame):
    assert is_cut(box(500, 100, 99, 40), frame)
    assert is_cut(box(3, 100, 99, 40), frame)
    assert not is_cut(box(60, 60, 99, 40), frame)
