import hashlib
from contextlib import nullcontext

import cv2
import numpy as np
import pytest

from edgereader.benchmarks.speed import photos
from edgereader.benchmarks.speed.photos import (
    BROKEN,
    CONTENTS,
    CYCLE,
    FRAME_HW,
    SAMPLES,
    SIZES,
    Photo,
    Shots,
    camera_frames,
    cut_frame,
    decode,
    find,
    map_photos,
    spread,
)
from edgereader.runtime.errors import DatasetError, ImageError
from edgereader.runtime.geometry.images import as_bgr


@pytest.fixture
def folder(tmp_path):
    def make(name, count, labels=None):
        root = tmp_path / name
        root.mkdir()
        for number in range(count):
            picture = np.random.default_rng(number).integers(0, 256, (20 + number, 30, 3), np.uint8)
            cv2.imwrite(str(root / f"{number}.png"), picture)
        if labels is not None:
            (root / "labels.tsv").write_text("".join(f"{line}\n" for line in labels))
        return root

    return make


def test_without_a_folder_the_samples_are_read():
    found = find(())
    assert sorted(photo.path.name for photo in found) == ["bib.jpg", "house.jpg", "meter.jpg"]
    assert {photo.labels for photo in found} == {None}


def test_labels_are_those_of_the_folder(folder):
    root = folder("a", 3, ["0.png\t12", "0.png\t7", "2.png\t"])
    found = {photo.path.name: photo.labels for photo in find([str(root)])}
    assert found == {"0.png": ("12", "7"), "2.png": ()}


def test_folders_alternate_and_a_limit_holds_for_each(folder):
    roots = [str(folder("a", 5)), str(folder("b", 2))]
    found = find(roots, limit=3)
    assert [photo.path.parent.name for photo in found] == ["a", "b", "a", "b", "a"]


def test_every_beginning_is_spread_evenly():
    taken = [int(str(photo.path)) for photo in spread([Photo(str(number)) for number in range(100)], 20)]
    assert sorted(taken) == list(range(0, 100, 5))
    for count in (4, 8, 12):
        halves = [place < 50 for place in taken[:count]]
        assert abs(sum(halves) - count / 2) <= 1
    assert len(spread([Photo("a"), Photo("b")], 7)) == 2


@pytest.mark.parametrize(
    ("make", "message"),
    [(lambda _: None, "got nothing there"), (lambda path: path.write_text("x"), "got a file")],
)
def test_a_folder_that_is_none_is_refused(tmp_path, make, message):
    make(tmp_path / "gone")
    with pytest.raises(DatasetError, match=message):
        find([str(tmp_path / "gone")])


def test_decoded_photos_come_back_as_they_were_unless_they_are_too_many(folder, tmp_path, monkeypatch):
    root = folder("a", 3)
    found = find([str(root)])
    pixels = decode(found, [str(root)], tmp_path / "pixels")
    frames = map_photos(pixels.path, pixels.shapes_hw)
    for photo, frame in zip(found, frames, strict=True):
        assert np.array_equal(frame, cv2.imread(str(photo.path)))
        assert frame.ctypes.data % photos.ALIGNMENT == 0
        assert not frame.flags.writeable
    contents = b"".join(photo.path.read_bytes() for photo in found)
    assert pixels.facts.sha256 == hashlib.sha256(contents).hexdigest()
    assert (pixels.facts.folders, pixels.facts.count) == (["a"], 3)
    assert pixels.facts.megapixels == pytest.approx(30 * 21 / 1e6, abs=1e-3)
    monkeypatch.setattr(photos, "MOST_BYTES", 3000)
    with pytest.raises(DatasetError, match="use --limit"):
        decode(found, [str(root)], tmp_path / "pixels")


@pytest.fixture(scope="module")
def shots():
    return Shots(7, LIMITS)


LIMITS = 0.005, 0.2
"""A twentieth of the real sizes."""


def pictures(cycle):
    return [shot for shot in cycle if not shot.broken and not shot.sample]


def test_a_cycle_holds_frames_of_every_size_and_layout(shots):
    seen = [(shot.frame.shape, shot.frame.dtype) for shot in pictures(shots.cycle(0))]
    megapixels = sorted(shape[0] * shape[1] / 1e6 for shape, _ in seen)
    assert len(seen) == SIZES
    assert 0.0045 < megapixels[0] < 0.0065
    assert 0.16 < megapixels[-1] < 0.205
    assert {len(shape) == 3 and shape[2] for shape, _ in seen} == {False, 3, 4}
    assert len({"landscape" if shape[1] > shape[0] else "portrait" for shape, _ in seen}) == 2


def test_cycles_differ_but_hold_the_same_mix_and_the_samples_unchanged(shots):
    first, second = ({shot.sample: shot.frame.copy() for shot in shots.cycle(n) if shot.sample} for n in (0, 5))
    assert sorted(first) == sorted(SAMPLES)
    assert all(np.array_equal(first[name], second[name]) for name in SAMPLES)
    cycles = [[shot.frame.shape for shot in pictures(shots.cycle(number))] for number in (0, 1)]
    assert cycles[0] != cycles[1]
    pixels = [sorted(shape[0] * shape[1] for shape in cycle) for cycle in cycles]
    assert np.abs(np.log(np.divide(*pixels))).max() < np.log(40) / SIZES * 1.1
    layouts = [sorted(len(shape) for shape in cycle) for cycle in cycles]
    assert layouts[0] == layouts[1]


def test_the_same_cycle_is_the_same_again_in_buffers_that_are_made_once(shots):
    sums = [[int(shot.frame.sum()) for shot in pictures(made.cycle(3))] for made in (shots, Shots(7, LIMITS))]
    assert sums[0] == sums[1]
    assert sums[0] != [int(shot.frame.sum()) for shot in pictures(Shots(8, LIMITS).cycle(3))]
    buffers = shots._colour, shots._other
    for number in range(3):
        for shot in pictures(shots.cycle(number)):
            assert any(np.shares_memory(shot.frame, buffer) for buffer in buffers)
            assert shot.frame.flags.c_contiguous
    assert shots._colour is buffers[0]
    assert shots._other is buffers[1]


def test_every_broken_frame_is_refused_and_every_other_is_a_picture(shots):
    for number in range(10):
        broken = []
        for shot in shots.cycle(number):
            with pytest.raises(ImageError) if shot.broken else nullcontext():
                as_bgr(shot.frame)
            broken.append(shot.broken)
        assert (len(broken), sum(broken)) == (CYCLE, BROKEN)


def test_pages_show_numbers_and_some_frames_nothing(shots):
    page = shots._write(np.random.default_rng(0))
    assert 0.002 < (page.max(axis=2) < 150).mean() < 0.5
    assert shots._content(CONTENTS.index("empty"), 1.0, np.random.default_rng(0)).shape[:2] == (4, 6)


def test_frames_of_a_camera_are_real_always_the_same_and_all_different():
    first, second = camera_frames(), camera_frames()
    assert all(frame.shape == (*FRAME_HW, 3) and frame.dtype == np.uint8 for frame in first)
    assert all(np.array_equal(one, other) for one, other in zip(first, second, strict=True))
    assert len({frame.tobytes() for frame in first}) == len(first) == 9


@pytest.mark.parametrize("hw", [(100, 2000), (2000, 100), (1441, 2559)])
def test_a_photo_of_any_shape_fills_a_frame(hw):
    for zoom in (1.0, 1.3):
        frame = cut_frame(np.full((*hw, 3), 9, np.uint8), zoom)
        assert frame.shape == (*FRAME_HW, 3)
        assert (frame == 9).all()
