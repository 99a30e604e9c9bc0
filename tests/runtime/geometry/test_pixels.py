import contextlib
import io
import struct
import zlib

import cv2
import numpy as np
import pytest
from PIL import Image, ImageOps

from edgereader.runtime.errors import ImageError
from edgereader.runtime.geometry import headers
from edgereader.runtime.geometry.files import decode_photo

RNG = np.random.default_rng(0)
RGB = Image.fromarray(RNG.integers(0, 256, (6, 9, 3), np.uint8))
RGBA = Image.fromarray(RNG.integers(0, 256, (6, 9, 4), np.uint8))
DEEP = Image.fromarray(RNG.integers(0, 65536, (6, 9)).astype(np.uint16))
SOURCES = {"RGB": RGB, "L": RGB.convert("L"), "1": RGB.convert("1"), "P": RGB.convert("P"), "RGBA": RGBA, "I;16": DEEP}
EXACT = {
    "PNG": {}, "TIFF": {}, "BMP": {}, "PPM": {}, "WEBP": {"lossless": True, "exact": True},
    "AVIF": {"quality": 100, "subsampling": "4:4:4"}, "JPEG": {"quality": 100, "subsampling": "4:4:4"},
}  # fmt: skip
"""Formats, and how Pillow writes them so that both decode the same pixels."""


def written(image, kind, **options):
    stream = io.BytesIO()
    image.save(stream, kind, **EXACT.get(kind, {}), **options)
    return stream.getvalue()


def shown(data):
    """What Pillow shows: turned, 16 bits as 8, over white."""
    image = ImageOps.exif_transpose(Image.open(io.BytesIO(data)))
    if image.mode.startswith("I;16"):
        return np.round(np.asarray(image) / 257).astype(np.uint8)[..., None].repeat(3, axis=2)
    rgba = np.asarray(image.convert("RGBA")).astype(float)
    share = rgba[..., 3:] / 255
    return np.round(rgba[..., 2::-1] * share + 255 * (1 - share)).astype(np.uint8)


def assert_shown(data, expected=None):
    """Exactly these pixels are decoded."""
    expected = shown(data) if expected is None else expected
    frame = decode_photo(data, "x").frame
    assert frame.dtype == np.uint8
    assert np.array_equal(frame, expected)


def exif(orientation):
    found = Image.Exif()
    found[0x0112] = orientation
    return found


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("kind", ["PNG", "TIFF", "WEBP", "AVIF", "JPEG"])
def test_every_orientation_of_every_format(kind, orientation):
    for mode in ("RGB", "L", "RGBA", "P"):
        if not (kind == "JPEG" and mode in {"RGBA", "P"}):
            assert_shown(written(SOURCES[mode], kind, exif=exif(orientation)))


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("compression", [None, "tiff_lzw", "tiff_deflate", "group4"])
def test_tiffs_of_every_orientation_compression_and_depth(compression, orientation):
    for mode in ("1",) if compression == "group4" else SOURCES:
        assert_shown(written(SOURCES[mode], "TIFF", exif=exif(orientation), compression=compression))


def test_a_tiff_of_big_endian_long_orientation():
    data = cv2.imencode(".tiff", np.asarray(RGB))[1].tobytes()
    assert data[:2] == b"II"
    with pytest.raises(StopIteration):
        next(tag for tag in headers.tiff_tags(data) if tag[0] == headers.ORIENTATION and tag[1] != 1)
    rows = [(256, 4, 1, 3), (257, 4, 1, 2), (258, 3, 1, 8 << 16), (259, 3, 1, 1 << 16), (262, 3, 1, 1 << 16),
            (273, 4, 1, 8 + 2 + 12 * 9 + 4), (274, 4, 1, 6), (277, 3, 1, 1 << 16), (279, 4, 1, 6)]  # fmt: skip
    entries = b"".join(struct.pack(">HHII", *row) for row in rows)
    pixels_ = np.array([[10, 20, 30], [40, 50, 60]], np.uint8)
    data = b"MM\0*" + struct.pack(">IH", 8, len(rows)) + entries + bytes(4) + pixels_.tobytes()
    assert_shown(data, np.rot90(pixels_, -1)[..., None].repeat(3, axis=2))


@pytest.mark.parametrize("mode", SOURCES)
@pytest.mark.parametrize("kind", ["PNG", "TIFF", "WEBP", "BMP", "GIF", "AVIF", "PPM"])
def test_every_mode_of_every_format(kind, mode):
    if (kind, mode) not in {("BMP", "I;16"), ("PPM", "P"), ("PPM", "I;16"), ("PPM", "RGBA")}:
        assert_shown(written(SOURCES[mode], kind))


def test_cmyk_and_other_tiffs():
    assert_shown(written(RGB.convert("CMYK"), "TIFF"))
    assert_shown(written(RGB, "TIFF", compression="jpeg"))


@pytest.mark.parametrize("suffix", [".png", ".tiff", ".ppm"])
def test_sixteen_bits_of_colour(suffix):
    deep = RNG.integers(0, 65536, (6, 9, 3)).astype(np.uint16)
    assert_shown(cv2.imencode(suffix, deep)[1].tobytes(), np.round(deep / 257).astype(np.uint8))


@pytest.mark.parametrize("suffix", [".png", ".tiff"])
def test_sixteen_bits_of_colour_and_alpha(suffix):
    deep = RNG.integers(0, 65536, (6, 9, 4)).astype(np.uint16)
    colour, share = np.round(deep[..., :3] / 257), np.round(deep[..., 3:] / 257) / 255
    expected = np.round(colour * share + 255 * (1 - share)).astype(np.uint8)
    assert_shown(cv2.imencode(suffix, deep)[1].tobytes(), expected)


@pytest.mark.parametrize("bits", [10, 12])
def test_avifs_of_more_bits(bits):
    ramp = np.linspace(0, 2**bits - 1, 1024).reshape(32, 32, 1).repeat(3, axis=2).astype(np.uint16)
    options = [cv2.IMWRITE_AVIF_QUALITY, 100, cv2.IMWRITE_AVIF_DEPTH, bits]
    assert_shown(cv2.imencode(".avif", ramp, options)[1].tobytes())


def png(bits, kind, rows, *chunks):
    def chunk(name, contents):
        return struct.pack(">I", len(contents)) + name + contents + struct.pack(">I", zlib.crc32(name + contents))

    head = chunk(b"IHDR", struct.pack(">IIBBBBB", 9, 6, bits, kind, 0, 0, 0))
    more = b"".join(chunk(*part) for part in chunks)
    return b"\x89PNG\r\n\x1a\n" + head + more + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


@pytest.mark.parametrize("bits", [1, 2, 4, 8, 16])
def test_the_transparent_grey_of_a_png(bits):
    values = RNG.integers(0, 2**bits, (6, 9))
    lines = (np.packbits([int(bit) for value in line for bit in f"{value:0{bits}b}"]).tobytes() for line in values)
    rows = b"".join(b"\0" + line for line in lines)
    plain = np.round(values * (255 / (2**bits - 1))).astype(np.uint8)
    assert_shown(png(bits, 0, rows), plain[..., None].repeat(3, axis=2))
    plain[values == values[0, 0]] = 255
    key = struct.pack(">H", values[0, 0])
    assert_shown(png(bits, 0, rows, (b"tRNS", key)), plain[..., None].repeat(3, axis=2))


def test_transparent_colours():
    palette = RGB.convert("P", palette=Image.Palette.ADAPTIVE)
    assert_shown(written(palette, "PNG", transparency=3))
    assert_shown(written(palette, "GIF", transparency=3))
    assert_shown(written(RGB, "PNG", transparency=RGB.getpixel((0, 0))))


@pytest.mark.parametrize("kind", ["GIF", "WEBP", "PNG", "TIFF", "AVIF"])
def test_the_first_picture_of_several(kind):
    assert_shown(written(RGB, kind, save_all=True, append_images=[ImageOps.invert(RGB)]))
    if kind in {"WEBP", "PNG", "TIFF"}:
        assert_shown(written(RGB, kind, save_all=True, append_images=[ImageOps.invert(RGB)], exif=exif(6)))


def test_a_first_picture_that_is_smaller_than_its_canvas():
    data = bytearray(written(RGB.convert("P"), "GIF"))
    place = 13 + 3 * 2 ** ((data[10] & 7) + 1)
    while data[place] == 0x21:  # extensions, each of blocks
        place += 2
        while data[place]:
            place += data[place] + 1
        place += 1
    data[6:10], data[place + 1 : place + 5] = struct.pack("<HH", 12, 10), struct.pack("<HH", 2, 3)
    assert_shown(bytes(data))


def test_exif_with_a_prefix_and_exif_that_says_nothing():
    block = b"MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\x06\0\0\0\0\0\0"
    rows = (b"\0" + bytes(9)) * 6
    for contents in (block, b"Exif\0\0" + block):
        assert headers.orientation_of(png(8, 0, rows, (b"eXIf", contents))) == 6
    for contents in (b"", b"MM\0*", block[:-14], block.replace(b"\0\x06", b"\0\x09"), block.replace(b"\x12", b"\x13")):
        assert headers.orientation_of(png(8, 0, rows, (b"eXIf", contents))) == 1


def test_exif_does_not_count_beside_an_avifs_own_turns():
    found = exif(6)
    found[0x010F] = "maker"
    data = written(RGB, "AVIF", exif=found)
    assert headers.orientation_of(data) == 6
    assert headers.orientation_of(data.replace(b"irot", b"free")) == 1


@pytest.mark.parametrize("kind", ["PNG", "TIFF", "WEBP", "AVIF", "JPEG", "GIF", "BMP"])
def test_files_that_are_cut_off_anywhere_are_pictures_or_errors(kind):
    data = written(RGB, kind, **({} if kind in {"GIF", "BMP"} else {"exif": exif(6)}))
    for end in range(len(data)):
        with contextlib.suppress(ImageError):
            assert decode_photo(data[:end], "x").frame.shape in {(9, 6, 3), (6, 9, 3)}


def test_an_avif_is_as_large_as_it_says_before_it_is_decoded():
    data = written(RGB, "AVIF")
    place = data.index(b"ispe") + 8
    huge = data[:place] + struct.pack(">II", 1 << 16, 1 << 16) + data[place + 8 :]
    with pytest.raises(ImageError, match="expected up to 134217728 pixels, got 4294967296"):
        decode_photo(huge, "x")
    with pytest.raises(ImageError, match="got something else"):
        decode_photo(data.replace(b"ispe", b"free"), "x")


@pytest.mark.parametrize(
    ("image", "got"),
    [
        (RGB.convert("F"), "pixels of float32"),
        (RGB.convert("I"), "pixels of int32"),
        (RGBA.convert("LA"), "a TIFF of grey or palette colours with alpha"),
        (RGBA.convert("PA"), "a TIFF of grey or palette colours with alpha"),
    ],
)
def test_tiffs_that_cannot_be_shown_are_errors(image, got):
    with pytest.raises(ImageError, match=f"x: expected a picture, got {got}; convert it to PNG"):
        decode_photo(written(image, "TIFF"), "x")
