import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgereader.runtime.text.alignment import UNMATCHED, align, match
from edgereader.runtime.text.decoding import Text

QUAD = np.array([[100, 50], [200, 50], [200, 70], [100, 70]], np.float32)


def read(letters, positions, dropped=()):
    return Text(letters, 0.9, tuple(0.9 + index / 100 for index in range(len(letters))), True, positions, dropped)


def seen(*spans, quad=QUAD):
    """The detector's characters between these shares of the quad."""
    along = np.array(spans, np.float32).reshape(-1, 2, 1)
    top, bottom = quad[0] + along * (quad[1] - quad[0]), quad[3] + along * (quad[2] - quad[3])
    return np.concatenate((top, bottom[:, ::-1]), axis=1)


def edges(found):
    """Left and right edge of each character, as shares of the quad."""
    return [((character.quad[0, 0] - 100) / 100, (character.quad[1, 0] - 100) / 100) for character in found.characters]


def test_as_many_as_were_seen_get_the_detectors_quads():
    peaks = seen((0, 0.3), (0.3, 0.7), (0.7, 1))
    found = align(read("417", (0.1, 0.4, 0.8)), QUAD, peaks)
    assert [character.text for character in found.characters] == list("417")
    assert [character.confidence for character in found.characters] == [0.9, 0.91, 0.92]
    for character, peak in zip(found.characters, peaks, strict=True):
        assert character.quad.dtype == np.float32
        assert np.abs(character.quad - peak).max() < 0.01
    assert (found.peaks, found.agrees) == (3, True)


def test_the_detectors_order_does_not_matter():
    peaks = seen((0.7, 1), (0, 0.3), (0.3, 0.7))
    assert edges(align(read("417", (0.1, 0.4, 0.8)), QUAD, peaks))[0] == pytest.approx((0, 0.3), abs=1e-3)


def test_a_point_that_was_not_seen_is_no_disagreement():
    found = align(read("41.7", (0.1, 0.4, 0.6, 0.8)), QUAD, seen((0, 0.25), (0.25, 0.6), (0.6, 1)))
    assert (found.peaks, found.agrees) == (3, True)
    spans = edges(found)
    assert spans[0] == pytest.approx((0, 0.25), abs=1e-3)
    assert all(one[1] == pytest.approx(other[0]) for one, other in itertools.pairwise(spans))
    low, high = spans[2]
    assert 0.4 < low < high < 0.8
    assert high - low < min(spans[1][1] - spans[1][0], spans[3][1] - spans[3][0]), "a point is narrow"


def test_a_point_that_was_seen_is_none_either():
    peaks = seen((0, 0.25), (0.25, 0.5), (0.5, 0.6), (0.6, 1))
    found = align(read("41.7", (0.1, 0.4, 0.55, 0.8)), QUAD, peaks)
    assert (found.peaks, found.agrees) == (4, True)
    assert edges(found)[2] == pytest.approx((0.5, 0.6), abs=1e-3)


def test_one_digit_too_many_and_one_too_few_disagree():
    more = align(read("417", (0.15, 0.5, 0.85)), QUAD, seen((0, 0.35), (0.35, 1)))
    assert (more.peaks, more.agrees) == (2, False)
    spans = edges(more)
    assert spans[0] == pytest.approx((0, 0.35), abs=0.1)
    assert spans[1][1] == pytest.approx(0.67, abs=0.15), "two share one peak half and half"
    fewer = align(read("41", (0.15, 0.85)), QUAD, seen((0, 0.33), (0.33, 0.66), (0.66, 1)))
    assert (fewer.peaks, fewer.agrees) == (3, False)
    assert not align(read("41", (0.2, 0.7)), QUAD, seen()).agrees


def test_letters_that_were_dropped_take_their_peaks_with_them():
    peaks = seen((0, 0.2), (0.2, 0.4), (0.4, 0.6), (0.6, 0.8), (0.8, 1))
    behind = align(read("417", (0.1, 0.3, 0.5), (0.7, 0.9)), QUAD, peaks)
    assert (behind.peaks, behind.agrees) == (3, True)
    assert edges(behind)[-1] == pytest.approx((0.4, 0.6), abs=1e-3)
    before = align(read("417", (0.5, 0.7, 0.9), (0.1, 0.3)), QUAD, peaks)
    assert (before.peaks, before.agrees) == (3, True)
    assert edges(before)[0] == pytest.approx((0.4, 0.6), abs=1e-3)
    unseen = align(read("417", (0.1, 0.4, 0.7), (0.9,)), QUAD, seen((0, 0.25), (0.25, 0.55), (0.55, 0.85)))
    assert (unseen.peaks, unseen.agrees) == (3, True)


def test_a_text_that_is_written_early_is_moved_to_its_peaks():
    peaks = seen((0, 0.25), (0.25, 0.5), (0.5, 0.75), (0.75, 1))
    found = align(read("41.73", (0.03, 0.28, 0.42, 0.53, 0.78)), QUAD, peaks)
    low, high = edges(found)[2]
    assert (low + high) / 2 == pytest.approx(0.5, abs=0.04)


def test_quads_follow_a_slanted_quad():
    quad = np.array([[10, 10], [90, 50], [80, 70], [0, 30]], np.float32)
    found = align(read("41", (0.2, 0.7)), quad, seen((0, 0.5), (0.5, 1), quad=quad))
    middle = (quad[0] + quad[1]) / 2
    assert found.characters[0].quad[1] == pytest.approx(middle, abs=0.01)
    assert found.characters[1].quad[1:3] == pytest.approx(quad[1:3], abs=0.01)


def test_nothing_was_read():
    assert align(read("", ()), QUAD, seen()).characters == ()
    assert not align(read("", ()), QUAD, seen((0, 1))).agrees


places = st.lists(st.integers(-20, 120), max_size=5, unique=True).map(
    lambda some: sorted(place / 100 for place in some)
)


@given(places, places, st.data())
def test_quads_are_in_order_and_inside_whatever_was_read(positions, cuts, data):
    spans = list(itertools.pairwise(sorted({0.0, 1.0, *(cut for cut in cuts if 0 <= cut <= 1)})))
    letters = "".join(data.draw(st.sampled_from("17.")) for _ in positions)
    found = align(read(letters, tuple(positions)), QUAD, seen(*spans))
    assert len(found.characters) == len(letters)
    flat = [edge for span in edges(found) for edge in span]
    assert flat == sorted(flat)
    assert all(-1e-4 <= edge <= 1.0001 for edge in flat)
    assert all(high > low for low, high in edges(found))


@given(places, places, st.data())
def test_no_other_match_is_cheaper(middles, peaks, data):
    silent = [data.draw(st.booleans()) for _ in middles]
    silent = [True] * len(silent) if len(middles) == len(peaks) and not any(silent) else silent
    partners = match(middles, peaks, silent)
    assert cost(partners, middles, peaks, silent) <= cheapest(middles, peaks, silent) + 1e-6


def cost(partners, middles, peaks, silent):
    pitch = 1 / max(len(middles), len(peaks), 1)
    matched = [partner for partner in partners if partner is not None]
    assert matched == sorted(set(matched))
    total = UNMATCHED * (len(peaks) - len(matched))
    for middle, partner, quiet in zip(middles, partners, silent, strict=True):
        total += abs(middle - peaks[partner]) / pitch if partner is not None else 0 if quiet else UNMATCHED
    return total


def cheapest(middles, peaks, silent):
    every = []
    for count in range(min(len(middles), len(peaks)) + 1):
        for these in itertools.combinations(range(len(middles)), count):
            for those in itertools.combinations(range(len(peaks)), count):
                partners = [None] * len(middles)
                for one, other in zip(these, those, strict=True):
                    partners[one] = other
                every.append(cost(partners, middles, peaks, silent))
    return min(every)
