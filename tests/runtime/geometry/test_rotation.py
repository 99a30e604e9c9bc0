import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgereader.runtime.geometry.rotation import ambiguous, other_way_up, turned_back, upside_down


def box(width, height, angle=0.0):
    corners = np.array([[0, 0], [width, 0], [width, height], [0, height]], np.float32)
    turn = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
    return (corners @ turn).astype(np.float32)


@pytest.mark.parametrize(
    ("text", "other"),
    [
        ("6", "9"), ("69", "69"), ("88", "88"), ("1961", "1961"), ("11", "11"), ("0", "0"), ("1", "1"), ("86", "98"),
        ("016", "910"), ("0110", "0110"), ("06", "90"), ("1/8", "8/1"), ("11:08", "80:11"),
        ("10", None), ("7", None), ("68.9", None), ("2552", None), ("8-", None), ("-8", None), ("", None), ("a6", None),
    ],
)  # fmt: skip
def test_numbers_that_stand_on_their_heads(text, other):
    assert other_way_up(text) == other


@given(st.text("01689", min_size=1))
def test_twice_upside_down_is_the_text_again(text):
    other = other_way_up(text)
    assert other is None or other_way_up(other) in {text, None}


def test_a_quad_upside_down_starts_at_the_other_end():
    quad = box(40, 100, 0.3)
    assert upside_down(quad)[0].tolist() == quad[2].tolist()
    assert upside_down(quad)[1].tolist() == quad[3].tolist()
    assert (upside_down(upside_down(quad)) == quad).all()


def test_points_of_a_turned_frame_are_mapped_back():
    frame = np.arange(12).reshape(3, 4)
    aside = np.rot90(frame)
    y, x = np.indices(aside.shape)
    back = turned_back(np.stack((x, y), axis=-1), frame.shape[1])
    assert (frame[back[..., 1], back[..., 0]] == aside).all()


def everything(text):
    return True


def test_a_lone_number_that_turns_is_ambiguous():
    for text in ("6", "69", "88", "1961"):
        assert ambiguous([text], [box(40, 20)], everything) == [True]
    assert ambiguous(["7"], [box(40, 20)], everything) == [False]
    assert ambiguous([], [], everything) == []


def test_another_reading_that_runs_the_same_way_tells_the_orientation():
    quads = [box(40, 20), box(60, 20, 0.3)]
    assert ambiguous(["69", "745"], quads, everything) == [False, False]
    assert ambiguous(["69", "88"], quads, everything) == [True, True]
    assert ambiguous(["69", "745"], [box(40, 20), box(60, 20, np.pi / 2)], everything) == [True, False]
    assert ambiguous(["69", "745"], [box(40, 20), box(60, 20, np.pi)], everything) == [True, False]


def test_what_was_not_asked_for_is_no_alternative():
    assert ambiguous(["6"], [box(40, 20)], "6".__eq__) == [False]
    assert ambiguous(["69"], [box(40, 20)], "69".__eq__) == [True]
