from itertools import pairwise

import numpy as np
import pytest

from edgereader.benchmarks.speed.growth_photos import MEGAPIXELS, NUMBERS, PAGE_HW, crops, page, sized, without_text


@pytest.mark.parametrize("megapixels", [MEGAPIXELS[0], 1.0, MEGAPIXELS[-1]])
def test_a_photo_has_the_size_that_was_asked_for(megapixels):
    frame = sized(megapixels)
    assert frame.dtype == np.uint8
    assert frame.shape[0] * frame.shape[1] / 1e6 == pytest.approx(megapixels, rel=0.01)
    assert frame.shape[1] / frame.shape[0] == pytest.approx(16 / 9, rel=0.01)


def ink(picture):
    return (picture < 128).all(axis=2)


def test_a_page_keeps_what_is_on_it_when_more_comes():
    pages = [page(numbers) for numbers in (0, 10, 20, NUMBERS[-1])]
    assert [each.shape for each in pages] == [(*PAGE_HW, 3)] * 4
    assert not ink(pages[0]).any()
    for fewer, more in pairwise(pages):
        assert (ink(more) >= ink(fewer)).all()
    assert ink(pages[2]).sum() == pytest.approx(2 * ink(pages[1]).sum(), rel=0.3)
    assert ink(pages[3]).sum() == pytest.approx(15 * ink(pages[2]).sum(), rel=0.1)


def test_crops_are_as_many_as_asked_for():
    assert [len(crops(count)) for count in (1, 64)] == [1, 64]


def test_photos_without_text_differ():
    deviations = [float(each.std()) for each in without_text()]
    assert deviations[0] == 0
    assert len(set(deviations)) == len(deviations) == 3
    assert all(each.shape == (*PAGE_HW, 3) and each.dtype == np.uint8 for each in without_text())
