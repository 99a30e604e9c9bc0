import numpy as np
import pytest

from edgereader.benchmarks.contenders import Found
from edgereader.benchmarks.contenders.tesseract_sweep import VARIANTS, eroded_and_dilated, sweep, thresholded


def test_every_variant_is_black_and_white_and_no_two_are_alike():
    noise = np.random.default_rng(1).integers(0, 256, (40, 60, 3), np.uint8)
    variants = list(thresholded(noise))
    variants += eroded_and_dilated(variants[0])
    assert len(variants) == VARIANTS
    assert len({variant.tobytes() for variant in variants}) == VARIANTS
    assert all(variant.shape == noise.shape[:2] and set(np.unique(variant)) <= {0, 255} for variant in variants)


def test_erosion_thins_and_dilation_thickens_what_is_white(crop):
    variant = next(iter(thresholded(crop)))
    whites = [int((picture == 255).sum()) for picture in eroded_and_dilated(variant)]
    assert whites[4] < whites[2] < whites[0] < (variant == 255).sum() < whites[1] < whites[3] < whites[5]


@pytest.mark.parametrize("best", [0, 7, VARIANTS - 1])
def test_the_most_confident_variant_wins(crop, best):
    seen = []

    def read(variant):
        seen.append(variant)
        sure = 0.9 if len(seen) - 1 == best else 0.3
        return [Found(str(len(seen) - 1), sure), Found("x", 0.1)]

    assert sweep(crop, read)[0].text == str(best)
    assert len(seen) == VARIANTS


def test_two_numbers_outweigh_one_that_is_a_little_surer(crop):
    readings = iter([[Found("1", 0.9)], [Found("1", 0.6), Found("2", 0.6)], *([[]] * VARIANTS)])
    assert [reading.text for reading in sweep(crop, lambda _: next(readings))] == ["1", "2"]


def test_nothing_is_found_where_no_variant_shows_anything(crop):
    assert sweep(crop, lambda _: []) == []


def test_morphology_starts_from_the_best_threshold(crop):
    variants = list(thresholded(crop))
    seen = []

    def read(variant):
        seen.append(variant)
        return [Found("1", 0.8)] if len(seen) == 4 else []

    sweep(crop, read)
    assert all((a == b).all() for a, b in zip(seen[len(variants) :], eroded_and_dilated(variants[3]), strict=True))
