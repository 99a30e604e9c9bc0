"""Numbers in any place."""

from ..seen import Camera, a_track, quad_at


def test_a_change_is_emitted_once():
    wall = Camera("free")
    assert wall.see(a_track("18.4"), frames=50) == [("18.4", True)]
    assert wall.see(a_track("18.9"), frames=50) == [("18.9", True)]
    assert wall.see(a_track("18.4"), frames=50) == [("18.4", True)]


def test_the_same_in_the_same_place_on_another_track_is_not_emitted_again():
    wall = Camera("free")
    wall.see(a_track("18.4"), frames=5)
    wall.see(frames=100)
    assert wall.see(a_track("18.4", of=2, quad=quad_at(x=205)), frames=5) == []
    assert wall.see(a_track("18.4", of=3, quad=quad_at(y=300)), frames=5) == [("18.4", True)]


def test_two_places_are_emitted_apart():
    wall = Camera("free")
    tracks = [a_track("1"), a_track("2", of=2, quad=quad_at(y=300))]
    assert wall.see(*tracks, frames=5) == [("1", True), ("2", True)]
    assert wall.see(a_track("1"), a_track("3", of=2, quad=quad_at(y=300)), frames=5) == [("3", True)]


def test_unsure_is_emitted_once_until_it_is_sure_again():
    wall = Camera("free", unsure_s=1)
    assert wall.see(a_track("18.4", confidence=0.5), frames=9) == []
    assert wall.see(a_track("18.4", confidence=0.5), frames=100) == [("18.4", False)]
    assert wall.see(a_track("18.4"), frames=5) == [("18.4", True)]
    assert wall.see(a_track("18.4", confidence=0.5), frames=100) == [("18.4", False)]
    assert wall.see(a_track("18.4"), frames=5) == []


def test_a_flicker_is_not_emitted():
    wall = Camera("free", unsure_s=0)
    wall.see(a_track("18.4"), frames=5)
    for _ in range(20):
        assert wall.see(a_track("18.9", agreeing=1), frames=2) == []
        assert wall.see(a_track("18.4"), frames=2) == []


def test_more_frames_than_are_fused_may_be_asked_for():
    wall = Camera("free", min_frames=20)
    assert wall.see(a_track("18.4"), frames=19) == []
    assert wall.see(a_track("18.4")) == [("18.4", True)]


def test_what_the_edge_may_cut_off_is_not_emitted():
    assert Camera("free", unsure_s=0).see(a_track("18.4", quad=quad_at(x=0)), frames=50) == []


def test_what_was_not_read_or_not_asked_for_is_not_emitted():
    wall = Camera("free", unsure_s=1)
    assert wall.see(a_track("18.4", read=False), frames=50) == []
    assert wall.see(a_track("km", accepted=False), frames=50) == []


def test_places_have_a_ceiling():
    wall = Camera("free")
    for number in range(200):
        wall.see(a_track("1", of=number + 1, quad=quad_at(x=3.0 * number, y=3.0 * number, wide=9, high=9)))
    assert len(wall.emitter._kinds["n"]._places) <= 64
