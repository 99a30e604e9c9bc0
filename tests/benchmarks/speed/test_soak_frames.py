import numpy as np
import pytest

from edgereader.benchmarks.speed.soak_frames import BROKEN, CONTENTS, CYCLE, SAMPLES, SIZES, Shots
from edgereader.runtime.errors import ImageError
from edgereader.runtime.geometry.images import as_bgr


@pytest.fixture(scope="module")
def shots():
    return Shots(7, LIMITS)


LIMITS = 0.005, 0.2
"""A twentieth of the real sizes."""


def pictures(cycle):
    return [shot for shot in cycle if not shot.broken and not shot.sample]


def test_a_cycle_holds_frames_of_every_size_and_layout(shots):
    seen = [(each.frame.shape, each.frame.dtype) for each in pictures(shots.cycle(0))]
    megapixels = sorted(shape[0] * shape[1] / 1e6 for shape, _ in seen)
    assert len(seen) == SIZES
    assert 0.0045 < megapixels[0] < 0.0065
    assert 0.16 < megapixels[-1] < 0.205
    assert {len(shape) == 3 and shape[2] for shape, _ in seen} == {False, 3, 4}
    assert len({"landscape" if shape[1] > shape[0] else "portrait" for shape, _ in seen}) == 2


def test_cycles_differ_but_hold_the_same_mix(shots):
    cycles = [[each.frame.shape for each in pictures(shots.cycle(number))] for number in (0, 1)]
    assert cycles[0] != cycles[1]
    pixels = [sorted(shape[0] * shape[1] for shape in cycle) for cycle in cycles]
    assert np.abs(np.log(np.divide(*pixels))).max() < np.log(40) / SIZES * 1.1
    layouts = [sorted(len(shape) for shape in cycle) for cycle in cycles]
    assert layouts[0] == layouts[1]


def test_the_same_cycle_is_the_same_again(shots):
    sums = [[int(each.frame.sum()) for each in pictures(made.cycle(3))] for made in (shots, Shots(7, LIMITS))]
    assert sums[0] == sums[1]
    assert sums[0] != [int(each.frame.sum()) for each in pictures(Shots(8, LIMITS).cycle(3))]


def test_frames_lie_in_buffers_that_are_made_once(shots):
    buffers = shots._colour, shots._other
    for number in range(3):
        for shot in pictures(shots.cycle(number)):
            assert any(np.shares_memory(shot.frame, buffer) for buffer in buffers)
            assert shot.frame.flags.c_contiguous
    assert shots._colour is buffers[0]
    assert shots._other is buffers[1]


def test_every_broken_frame_is_refused_and_every_other_is_a_picture(shots):
    broken = 0
    for number in range(10):
        cycle = 0
        for shot in shots.cycle(number):
            cycle += 1
            if shot.broken:
                broken += 1
                with pytest.raises(ImageError):
                    as_bgr(shot.frame)
            else:
                as_bgr(shot.frame)
        assert cycle == CYCLE
    assert broken == 10 * BROKEN


def test_sample_photos_come_unchanged_in_every_cycle(shots):
    first, second = ({each.sample: each.frame.copy() for each in shots.cycle(n) if each.sample} for n in (0, 5))
    assert sorted(first) == sorted(SAMPLES)
    assert all(np.array_equal(first[name], second[name]) for name in SAMPLES)


def test_pages_show_numbers_and_some_frames_nothing(shots):
    page = shots._write(np.random.default_rng(0))
    assert 0.002 < (page.max(axis=2) < 150).mean() < 0.5
    nothing = shots._content(CONTENTS.index("empty"), 1.0, np.random.default_rng(0))
    assert nothing.shape[:2] == (4, 6)
