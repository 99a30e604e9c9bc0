import struct
import subprocess
import sys

import cv2
import numpy as np
import pytest
from PIL import Image

from edgereader.runtime.errors import ImageError
from edgereader.runtime.geometry.files import SUFFIXES, decode_photo, find_photos, read_photo

PHOTO = cv2.GaussianBlur(np.random.default_rng(0).integers(0, 256, (60, 90, 3), dtype=np.uint8), (15, 15), 0)
RGB = Image.fromarray(np.ascontiguousarray(PHOTO[..., ::-1]))


def saved(path, image=RGB, **options):
    image.save(path, **options)
    return path


@pytest.mark.parametrize("options", [{}, {"progressive": True}, {"subsampling": 0}, {"quality": 30}])
@pytest.mark.parametrize("mode", ["RGB", "CMYK"])
def test_jpeg(tmp_path, mode, options):
    frame = read_photo(saved(tmp_path / "a.jpg", RGB.convert(mode), **options)).frame
    assert np.abs(frame.astype(int) - PHOTO).mean() < 6


@pytest.mark.parametrize("size", [(1, 1), (5000, 1), (1, 5000)])
@pytest.mark.parametrize("suffix", ["jpg", "png"])
def test_extreme_sizes(tmp_path, size, suffix):
    photo = read_photo(saved(tmp_path / f"a.{suffix}", Image.new("RGB", size, (10, 20, 30))))
    assert (photo.frame.shape, photo.shrunk) == ((size[1], size[0], 3), 1)


@pytest.mark.parametrize("suffix", ["jpg", "png"])
def test_huge_photos_are_read_smaller_in_bounded_memory(tmp_path, suffix):
    path = tmp_path / f"huge.{suffix}"
    saved(path, Image.new("L", (12_000, 9_000), 128))
    limit = 700 << 20
    program = (  # VmHWM, because ru_maxrss of a child starts at its parent's
        "from pathlib import Path; from edgereader.runtime.geometry.files import read_photo\n"
        f"photo = read_photo(Path({str(path)!r}))\n"
        "peak_kib = Path('/proc/self/status').read_text().split('VmHWM:')[1].split()[0]\n"
        "print(*photo.frame.shape, photo.shrunk, int(peak_kib) << 10)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    height, width, channels, shrunk, peak = map(int, done.stdout.split())
    print(f"12,000 x 9,000 {suffix}: peak {peak >> 20} MiB")
    assert (height, width, channels, shrunk) == (4500, 6000, 3, 2)
    assert peak < limit


def jpeg_bytes(**options):
    import io

    stream = io.BytesIO()
    RGB.save(stream, "JPEG", **options)
    return stream.getvalue()


def png_bytes():
    return cv2.imencode(".png", PHOTO)[1].tobytes()


BROKEN = {
    "truncated.jpg": jpeg_bytes()[:-200],
    "truncated by one byte.jpg": jpeg_bytes()[:-1],
    "header only.jpg": jpeg_bytes()[:150],
    "magic only.jpg": b"\xff\xd8\xff",
    "truncated.png": png_bytes()[:-500],
    "header only.png": png_bytes()[:20],
    "zeros in the middle.png": png_bytes()[:60] + bytes(1000) + png_bytes()[-12:],
    "text.jpg": b"I am a text file.\n" * 40,
    "empty.jpg": b"",
    "random.png": bytes(range(256)) * 8,
    "bomb.png": png_bytes()[:16] + (1 << 17).to_bytes(4, "big") * 2 + png_bytes()[24:],
    "nothing.png": png_bytes()[:16] + bytes(8) + png_bytes()[24:],
    "bomb.bmp": b"BM" + bytes(16) + (1 << 20).to_bytes(4, "little") * 2 + bytes(100),
    "short.tiff": b"II*\0\x08\0\0\0\x01\0",
    "short.webp": b"RIFF\x10\0\0\0WEBPVP8 ",
    "words.ppm": b"P6 many many",
    "html.jpg": b"<!doctype html><title>404</title>",
}


@pytest.mark.parametrize("name", BROKEN)
def test_broken_files_are_one_clear_error(tmp_path, name):
    (tmp_path / name).write_bytes(BROKEN[name])
    with pytest.raises(ImageError) as caught:
        read_photo(tmp_path / name)
    message = str(caught.value)
    assert name in message
    assert "\n" not in message
    assert "expected" in message
    assert "got" in message
    assert ";" in message


def test_a_thumbnail_does_not_hide_that_a_jpeg_is_cut_short():
    thumbnail = jpeg_bytes(quality=5)
    segment = b"\xff\xe1" + (len(thumbnail) + 2).to_bytes(2, "big") + thumbnail
    whole = jpeg_bytes()
    decode_photo(whole[:2] + segment + whole[2:], "whole")
    with pytest.raises(ImageError, match="cut short"):
        decode_photo((whole[:2] + segment + whole[2:])[:-300], "short")


def test_fewer_pixels_than_usual():
    data = cv2.imencode(".png", np.zeros((20, 30, 3), np.uint8))[1].tobytes()
    assert decode_photo(data, "x", 600).frame.shape == (20, 30, 3)
    with pytest.raises(ImageError, match="expected up to 599 pixels, got 600"):
        decode_photo(data, "x", 599)


def tiff_of(*entries):
    rows = b"".join(struct.pack("<HHII", *entry) for entry in entries)
    return b"II*\0" + struct.pack("<IH", 8, len(entries)) + rows + bytes(400)


def test_a_tiff_that_says_its_size_twice_is_as_large_as_it_says_at_most():
    sizes = [(tag, 4, 1, value) for value in (40_000, 10) for tag in (256, 257)]
    for entries in (sizes, sizes[::-1]):
        with pytest.raises(ImageError, match="got 1600000000"):
            decode_photo(tiff_of(*entries), "x")


def test_a_tiff_whose_size_lies_elsewhere_in_the_file():
    with pytest.raises(ImageError, match="got something else"):
        decode_photo(tiff_of((256, 16, 1, 100), (257, 16, 1, 100)), "x")


def test_folders_missing_files_and_unreadable_names(tmp_path):
    for path in (tmp_path, tmp_path / "none.jpg", tmp_path / "a" / "b.jpg"):
        with pytest.raises(ImageError, match="expected a picture, got"):
            read_photo(path)


def test_paths_become_files(tmp_path):
    for name in ("b.jpg", "a.PNG", "notes.txt", "deep/c.webp"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(b"x")
    names = [path.relative_to(tmp_path).as_posix() for path in find_photos(str(tmp_path))]
    assert names == ["a.PNG", "b.jpg", "deep/c.webp"]
    assert find_photos(str(tmp_path / "*.jpg")) == [tmp_path / "b.jpg"]
    assert find_photos(str(tmp_path / "**" / "*.webp")) == [tmp_path / "deep" / "c.webp"]
    assert find_photos(str(tmp_path / "notes.txt")) == [tmp_path / "notes.txt"], "what is named is tried"
    assert ".jpg" in SUFFIXES


def test_a_name_with_brackets_is_a_file(tmp_path):
    (tmp_path / "photo[1].jpg").write_bytes(b"x")
    assert find_photos(str(tmp_path / "photo[1].jpg")) == [tmp_path / "photo[1].jpg"]


def test_folders_and_globs_without_pictures(tmp_path):
    for path in (str(tmp_path), str(tmp_path / "*.jpg")):
        with pytest.raises(ImageError, match="got none"):
            find_photos(path)
