import time

import cv2
import numpy as np
import pytest

from edgereader.runtime.geometry.heatmaps import find_regions
from edgereader.runtime.geometry.images import smallest_box

from ..craft_reference import reference_boxes

PUBLISHED = {"text_threshold": 0.7, "link_threshold": 0.4, "low_text": 0.4}


def blob(array, x, y, width, height, value=1.0, angle=0.0):
    yy, xx = np.mgrid[: array.shape[0], : array.shape[1]].astype(np.float32)
    u = (xx - x) * np.cos(angle) + (yy - y) * np.sin(angle)
    v = (yy - y) * np.cos(angle) - (xx - x) * np.sin(angle)
    np.maximum(array, value * np.exp(-0.5 * ((u / width) ** 2 + (v / height) ** 2)).astype(np.float32), out=array)


def word(region, affinity, x, y, count, size, angle=0.0):
    step = np.array((np.cos(angle), np.sin(angle))) * size * 1.1
    for i in range(count):
        blob(region, x + i * step[0], y + i * step[1], size * 0.42, size * 0.55, angle=angle)
        if i + 1 < count:
            blob(affinity, x + (i + 0.5) * step[0], y + (i + 0.5) * step[1], size * 0.4, size * 0.4)


def crowded_maps(rng, side=640):
    """Maps with 104 words of 3 to 6 characters."""
    region, affinity = np.zeros((2, side, side), np.float32)
    for row in range(13):
        for column in range(8):
            patch = np.s_[row * 49 : row * 49 + 49, column * 80 : column * 80 + 80]
            start, size, angle = 8 + rng.uniform(0, 4), rng.uniform(9, 11), rng.uniform(-0.2, 0.2)
            word(region[patch], affinity[patch], start, 20, rng.integers(3, 7), size, angle)
    noise = rng.normal(0, 0.02, (2, side, side)).astype(np.float32)
    return np.clip(np.stack((region, affinity)) + noise, 0, 1)


def assert_same_quads(found, expected, tolerance=1.0):
    """At 45° two corners are as near to the top left: the original begins with the one that OpenCV's version does."""
    assert len(found) == len(expected)
    sums = np.sort(expected.sum(axis=2))
    for place in np.flatnonzero(sums[:, 1] - sums[:, 0] < 0.01):
        expected[place] = smallest_box(expected[place])
    distances = np.abs(np.array(found).reshape(-1, 1, 4, 2) - expected[None]).max(axis=(2, 3))
    assert (distances.min(axis=0) <= tolerance).all(), "a box of the original is missing"
    assert (distances.min(axis=1) <= tolerance).all(), "a box is not one of the original's"


@pytest.mark.parametrize("name", ["0.7-0.4-0.4", "0.85-0.5-0.2"])
@pytest.mark.parametrize("index", range(3))
def test_boxes_are_those_of_the_original(shared_golden, index, name):
    boxes = np.load(shared_golden / "boxes.npz")
    region, affinity = (boxes[f"{index}/{kind}"].astype(np.float32) / 255 for kind in ("region", "affinity"))
    text, link, low = map(float, name.split("-"))
    regions = find_regions(region, affinity, text_threshold=text, link_threshold=link, low_text=low)
    assert_same_quads(
        [region.quad for region in regions], boxes["{}/text{}-link{}-low{}/quads".format(index, *name.split("-"))]
    )


@pytest.mark.parametrize("seed", range(5))
def test_boxes_are_those_of_the_plain_reference(seed):
    rng = np.random.default_rng(seed)
    region, affinity = crowded_maps(rng)
    region = cv2.GaussianBlur(region * rng.uniform(0.6, 1, region.shape).astype(np.float32), (5, 5), 0)
    for thresholds in (PUBLISHED, {"text_threshold": 0.5, "link_threshold": 0.2, "low_text": 0.3}):
        expected = reference_boxes(region, affinity, **thresholds)
        assert len(expected) > 20
        assert_same_quads([found.quad for found in find_regions(region, affinity, **thresholds)], expected, 0.01)


@pytest.mark.timed
def test_ten_times_faster_than_the_plain_reference():
    region, affinity = crowded_maps(np.random.default_rng(7))
    assert len(find_regions(region, affinity, **PUBLISHED)) == 104
    ours = min(seconds(find_regions, region, affinity) for _ in range(7))
    plain = min(seconds(reference_boxes, region, affinity) for _ in range(2))
    print(f"find_regions {ours * 1e3:.1f} ms, plain reference {plain * 1e3:.1f} ms, 104 words on 640x640")
    assert ours < plain / 10


def seconds(function, region, affinity):
    start = time.perf_counter()
    function(region, affinity, **PUBLISHED)
    return time.perf_counter() - start


@pytest.mark.parametrize("angle", [0.0, 0.3, -0.5, 1.2])
@pytest.mark.parametrize("count", [1, 2, 5, 8])
def test_one_quad_per_character_in_reading_order(count, angle):
    region, affinity = np.zeros((2, 240, 240), np.float32)
    x, y = 120 - np.array((np.cos(angle), np.sin(angle))) * 11 * (count - 1) / 2
    word(region, affinity, x, y, count, 10, angle)
    (found,) = find_regions(region, affinity, **PUBLISHED)
    assert found.characters.shape == (count, 4, 2)
    assert found.characters.dtype == np.float32
    centres = found.characters.mean(axis=1)
    expected = np.array((x, y)) + np.arange(count)[:, None] * np.array((np.cos(angle), np.sin(angle))) * 11
    assert np.abs(centres - expected).max() < 11 / 3
    assert found.score == pytest.approx(1, abs=0.05)


def test_characters_of_crowded_maps_are_all_found():
    region, affinity = np.zeros((2, 240, 320), np.float32)
    rng = np.random.default_rng(3)
    counts = []
    for row in range(6):
        for column in range(4):
            counts.append(int(rng.integers(1, 7)))
            patch = np.s_[row * 40 : row * 40 + 40, column * 80 : column * 80 + 80]
            word(region[patch], affinity[patch], 10, 20, counts[-1], rng.uniform(7, 11))
    noisy = np.clip(region + rng.normal(0, 0.02, region.shape), 0, 1).astype(np.float32)
    assert sorted(len(region.characters) for region in find_regions(noisy, affinity, **PUBLISHED)) == sorted(counts)


def test_empty_maps_and_nearly_nothing():
    empty = np.zeros((32, 32), np.float32)
    assert find_regions(empty, empty, **PUBLISHED) == []
    speck = empty.copy()
    speck[4:7, 4:7] = 1
    assert find_regions(speck, empty, **PUBLISHED) == [], "nine pixels are noise"
    faint = np.full((32, 32), 0.6, np.float32)
    assert find_regions(faint, empty, **PUBLISHED) == []
    assert find_regions(empty, np.ones((32, 32), np.float32), **PUBLISHED) == [], "links alone are no text"
    assert find_regions(empty, np.ones((32, 32), np.float32), text_threshold=0, link_threshold=0.4, low_text=0.4) == []


def test_empty_rows_and_columns_are_not_searched_and_change_nothing(monkeypatch):
    """Two words far apart, one of them at the maps' corner, are found as each is found alone."""
    words = np.zeros((2, 2, 60, 100), np.float32)
    word(*words[0], 6, 4, 5, 12)
    word(*words[1], 25, 22, 4, 10, 0.3)
    places = (0, 0), (300, 500)
    maps = np.zeros((2, 400, 640), np.float32)
    for (top, left), pair in zip(places, words, strict=True):
        maps[:, top : top + 60, left : left + 100] = pair
    alone = [find_regions(*pair, **PUBLISHED)[0] for pair in words]
    searched, search = [], cv2.connectedComponentsWithStats
    monkeypatch.setattr(
        cv2,
        "connectedComponentsWithStats",
        lambda mask, **named: (searched.append(mask.size), search(mask, **named))[1],
    )
    together = find_regions(*maps, **PUBLISHED)
    assert sum(searched) < maps[0].size / 8
    for found, expected, (top, left) in zip(together, alone, places, strict=True):
        assert np.allclose(found.quad, expected.quad + np.float32((left, top)), atol=1e-3)
        assert np.allclose(found.characters, expected.characters + np.float32((left, top)), atol=1e-3)
        assert found.score == expected.score


def test_a_map_full_of_text_stays_inside():
    (found,) = find_regions(np.ones((40, 60), np.float32), np.zeros((40, 60), np.float32), **PUBLISHED)
    assert found.quad.min() >= -1e-6
    assert (found.quad.max(axis=0) <= (59, 39)).all()
