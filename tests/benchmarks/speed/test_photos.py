import hashlib

import cv2
import numpy as np
import pytest

from edgereader.benchmarks.speed import photos
from edgereader.benchmarks.speed.photos import Photo, decode, find, map_photos, spread
from edgereader.runtime.errors import DatasetError, ImageError


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


def test_a_limit_beyond_the_folder_takes_all():
    assert len(spread([Photo("a"), Photo("b")], 7)) == 2


@pytest.mark.parametrize(
    ("make", "message"),
    [(lambda _: None, "got nothing there"), (lambda path: path.write_text("x"), "got a file")],
)
def test_a_folder_that_is_none_is_refused(tmp_path, make, message):
    make(tmp_path / "gone")
    with pytest.raises(DatasetError, match=message):
        find([str(tmp_path / "gone")])


def test_a_folder_without_pictures_is_refused(tmp_path):
    with pytest.raises(ImageError, match="expected pictures"):
        find([str(tmp_path)])


def test_labels_without_images_are_refused(folder):
    with pytest.raises(DatasetError, match="an image for every label"):
        find([str(folder("a", 1, ["0.png\t12", "1.png\t13"]))])


def test_decoded_photos_come_back_as_they_were(folder, tmp_path):
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


def test_a_photo_that_cannot_be_read_is_an_error(folder, tmp_path):
    root = folder("a", 2)
    (root / "1.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    with pytest.raises(ImageError, match=r"1\.png"):
        decode(find([str(root)]), [str(root)], tmp_path / "pixels")


def test_more_than_fits_in_memory_is_refused(folder, tmp_path, monkeypatch):
    monkeypatch.setattr(photos, "MOST_BYTES", 3000)
    root = folder("a", 3)
    with pytest.raises(DatasetError, match="use --limit"):
        decode(find([str(root)]), [str(root)], tmp_path / "pixels")
