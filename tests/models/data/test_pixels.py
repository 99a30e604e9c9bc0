"""Training decodes files as the runtime does, which has its own decoder of them, and hostile ones are errors."""

import contextlib
import io
import struct
import zlib

import cv2
import numpy as np
import pytest
from PIL import Image, ImageOps

from edgereader.models.data.pixels import decode_pixels
from edgereader.runtime.geometry.files import decode_photo

RNG = np.random.default_rng(0)
RGB = Image.fromarray(RNG.integers(0, 256, (6, 9, 3), np.uint8))
RGBA = Image.fromarray(RNG.integers(0, 256, (6, 9, 4), np.uint8))
DEEP = Image.fromarray(RNG.integers(0, 65536, (6, 9)).astype(np.uint16))
SOURCES = {"RGB": RGB, "L": RGB.convert("L"), "1": RGB.convert("1"), "P": RGB.convert("P"), "RGBA": RGBA, "I;16": DEEP}
EXACT = {
    "WEBP": {"lossless": True, "exact": True}, "AVIF": {"quality": 100, "subsampling": "4:4:4"},
    "JPEG": {"quality": 100, "subsampling": "4:4:4"},
}  # fmt: skip
"""Formats, and how Pillow writes them so that every decoder gives the same pixels."""
UNWRITABLE = {("BMP", "I;16"), ("PPM", "P"), ("PPM", "I;16"), ("PPM", "RGBA"), ("JPEG", "RGBA"), ("JPEG", "P"),
              ("JPEG", "I;16")}  # fmt: skip


def written(image, kind, **options):
    stream = io.BytesIO()
    image.save(stream, kind, **EXACT.get(kind, {}), **options)
    return stream.getvalue()


def exif(orientation):
    found = Image.Exif()
    found[0x0112] = orientation
    return found


def assert_same(data, tolerance=0):
    ours, theirs = decode_pixels(data), decode_photo(data, "x").frame
    assert ours.dtype == np.uint8
    assert ours.shape == theirs.shape
    assert np.abs(ours.astype(int) - theirs).max() <= tolerance


@pytest.mark.parametrize("kind", ["PNG", "TIFF", "WEBP", "AVIF", "JPEG", "BMP", "GIF", "PPM"])
def test_every_mode_and_orientation_of_every_format(kind):
    turned = kind in {"PNG", "TIFF", "WEBP", "AVIF", "JPEG"}
    for mode, image in SOURCES.items():
        for orientation in range(1, 9) if turned and mode != "I;16" else (1,):
            if (kind, mode) not in UNWRITABLE:
                options = {"exif": exif(orientation)} if orientation > 1 else {}
                assert_same(written(image, kind, **options))


@pytest.mark.parametrize("compression", ["tiff_lzw", "tiff_deflate", "group4", "jpeg"])
def test_compressed_tiffs(compression):
    for mode in {"group4": ("1",), "jpeg": ("RGB", "L")}.get(compression, SOURCES):
        assert_same(written(SOURCES[mode], "TIFF", exif=exif(6), compression=compression))
    assert_same(written(RGB.convert("CMYK"), "TIFF"))


@pytest.mark.parametrize(("suffix", "channels"), [(".png", 3), (".png", 4), (".tiff", 3), (".ppm", 3)])
def test_sixteen_bits_of_colour(suffix, channels):
    """Pillow cuts their lower 8 bits off, of colour and of alpha, where the runtime rounds."""
    deep = RNG.integers(0, 65536, (6, 9, channels)).astype(np.uint16)
    assert_same(cv2.imencode(suffix, deep)[1].tobytes(), tolerance=channels - 2)


@pytest.mark.parametrize("bits", [10, 12])
def test_avifs_of_more_bits(bits):
    ramp = np.linspace(0, 2**bits - 1, 1024).reshape(32, 32, 1).repeat(3, axis=2).astype(np.uint16)
    options = [cv2.IMWRITE_AVIF_QUALITY, 100, cv2.IMWRITE_AVIF_DEPTH, bits]
    assert_same(cv2.imencode(".avif", ramp, options)[1].tobytes(), tolerance=1)


@pytest.mark.parametrize("bits", [1, 2, 4, 8, 16])
def test_the_transparent_grey_of_a_png(bits):
    def chunk(name, contents):
        return struct.pack(">I", len(contents)) + name + contents + struct.pack(">I", zlib.crc32(name + contents))

    values = RNG.integers(0, 2**bits, (6, 9))
    lines = (np.packbits([int(bit) for value in line for bit in f"{value:0{bits}b}"]).tobytes() for line in values)
    head = chunk(b"IHDR", struct.pack(">IIBBBBB", 9, 6, bits, 0, 0, 0, 0))
    body = chunk(b"IDAT", zlib.compress(b"".join(b"\0" + line for line in lines))) + chunk(b"IEND", b"")
    key = chunk(b"tRNS", struct.pack(">H", values[0, 0]))
    assert_same(b"\x89PNG\r\n\x1a\n" + head + body)
    assert_same(b"\x89PNG\r\n\x1a\n" + head + key + body)
    assert (decode_pixels(b"\x89PNG\r\n\x1a\n" + head + key + body)[0, 0] == 255).all()


def test_transparent_colours_and_the_first_picture_of_several():
    palette = RGB.convert("P", palette=Image.Palette.ADAPTIVE)
    assert_same(written(palette, "PNG", transparency=3))
    assert_same(written(palette, "GIF", transparency=3))
    assert_same(written(RGB, "PNG", transparency=RGB.getpixel((0, 0))))
    for kind in ("GIF", "WEBP", "PNG", "TIFF"):
        assert_same(written(RGB, kind, save_all=True, append_images=[ImageOps.invert(RGB)]))


@pytest.mark.parametrize("kind", ["PNG", "TIFF", "WEBP", "AVIF", "JPEG", "GIF", "BMP"])
def test_files_that_are_cut_off_anywhere_are_pictures_or_errors(kind):
    data = written(RGB, kind, **({} if kind in {"GIF", "BMP"} else {"exif": exif(6)}))
    for end in range(len(data)):
        with contextlib.suppress(ValueError):
            assert decode_pixels(data[:end]).shape in {(9, 6, 3), (6, 9, 3)}


def test_a_picture_is_as_large_as_it_says_before_it_is_decoded():
    huge = bytearray(written(RGBA, "PNG"))
    huge[16:24] = struct.pack(">II", 1 << 16, 1 << 16)
    huge[29:33] = struct.pack(">I", zlib.crc32(huge[12:29]))
    with pytest.raises(ValueError, match="DecompressionBombError"):
        decode_pixels(bytes(huge))


@pytest.mark.parametrize("mode", ["F", "I"])
def test_numbers_that_are_no_colours_are_errors(mode, monkeypatch):
    data = written(RGB.convert(mode), "TIFF")
    monkeypatch.setattr("PIL.TiffImagePlugin.TiffImageFile.load", None)  # nothing is decoded
    with pytest.raises(ValueError, match=r"pixels of (float32|int32)"):
        decode_pixels(data)
