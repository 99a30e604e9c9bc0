"""Numbers in any place."""

from unittest.mock import ANY

import pytest

from .seen import Camera, a_track, quad_at

SURE, OTHER, DOUBTFUL = a_track("18.4"), a_track("18.9"), a_track("18.4", confidence=0.5)
LOWER = {"of": 2, "quad": quad_at(y=300)}


@pytest.mark.parametrize(
    ("settings", "steps"),
    [
        ({}, [([SURE], 50, ["18.4"]), ([OTHER], 50, ["18.9"]), ([SURE], 50, ["18.4"])]),
        ({}, [([SURE], 5, ANY), ([], 100, []), ([a_track("18.4", of=2, quad=quad_at(x=205))], 5, [])]),
        ({}, [([SURE], 5, ANY), ([], 100, []), ([a_track("18.4", **LOWER)], 5, ["18.4"])]),
        ({}, [([SURE, a_track("2", **LOWER)], 5, ["18.4", "2"]), ([SURE, a_track("3", **LOWER)], 5, ["3"])]),
        ({"unsure_s": 1}, [([DOUBTFUL], 9, []), ([DOUBTFUL], 100, ["18.4?"]), ([SURE], 5, ["18.4"])]),
        ({"unsure_s": 1}, [([SURE], 5, ANY), ([DOUBTFUL], 100, ["18.4?"]), ([SURE], 5, [])]),
        ({"unsure_s": 0}, [([SURE], 5, ANY), *[([a_track("18.9", agreeing=1)], 2, []), ([SURE], 2, [])] * 20]),
        ({"min_frames": 20}, [([SURE], 19, []), ([SURE], 1, ["18.4"])]),
        ({"unsure_s": 0}, [([a_track("18.4", quad=quad_at(x=0))], 50, [])]),
        ({"unsure_s": 1}, [([a_track("18.4", read=False)], 50, []), ([a_track("km", accepted=False)], 50, [])]),
    ],
    ids=[
        "a change is emitted once",
        "the same in the same place on another track is not emitted again",
        "the same in another place is",
        "two places are emitted apart",
        "unsure is emitted once, and sure when it is",
        "what was sure before is not emitted again",
        "a flicker is not emitted",
        "more frames than are fused may be asked for",
        "what the edge may cut off is not emitted",
        "nor what was not read or not asked for",
    ],
)
def test_what_is_emitted(settings, steps):
    wall = Camera("free", **settings)
    for tracks, frames, emitted in steps:
        assert [text + "?" * (not sure) for text, sure in wall.see(*tracks, frames=frames)] == emitted


def test_places_have_a_ceiling():
    wall = Camera("free")
    for number in range(200):
        wall.see(a_track("1", of=number + 1, quad=quad_at(x=3.0 * number, y=3.0 * number, wide=9, high=9)))
    assert len(wall.emitter._kinds["n"]._places) <= 64
