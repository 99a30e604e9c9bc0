import contextlib
import io
import struct
import subprocess
import sys
import traceback
import zlib

import cv2
import numpy as np
import pytest
from PIL import Image, ImageOps

from edgereader.runtime.errors import ImageError
from edgereader.runtime.geometry import avif, headers, pixels
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


def test_a_large_picture_is_converted_in_bands(monkeypatch):
    """Row by row the same as all at once."""
    alpha, deep = np.asarray(RGBA), RNG.integers(0, 65536, (6, 9, 4)).astype(np.uint16)
    kinds = [alpha, deep, alpha[..., 0], deep[..., 0], alpha[..., :1], deep[..., :3]]
    whole = [pixels.by_bands(np.ascontiguousarray(image), pixels.flattened) for image in kinds]
    monkeypatch.setattr(pixels, "BAND_BYTES", 1)
    for image, expected in zip(kinds, whole, strict=True):
        assert np.array_equal(pixels.by_bands(np.ascontiguousarray(image), pixels.flattened), expected)


def arrays_of(error):
    """What numpy arrays an error keeps alive, with all errors that led to it."""
    seen, waiting = [], [error]
    while waiting:
        exc = waiting.pop()
        waiting += [each for each in (exc.__cause__, exc.__context__) if each is not None]
        frames = [frame for frame, _ in traceback.walk_tb(exc.__traceback__) if frame.f_globals["__name__"] != __name__]
        seen += [value for frame in frames for value in frame.f_locals.values() if isinstance(value, np.ndarray)]
    return seen


def test_an_error_holds_no_pixels(monkeypatch):
    """They would stay in memory as long as the error: in a log, a traceback or a cycle of references."""
    data = written(RGB, "PNG")
    wrong = np.zeros((6, 9, 3), np.float64)
    monkeypatch.setattr(cv2, "imdecode", lambda *_: wrong)
    held = sys.getrefcount(wrong)
    with pytest.raises(ImageError, match="pixels of float64") as caught:
        decode_photo(data, "x")
    assert not arrays_of(caught.value)
    assert sys.getrefcount(wrong) == held, "freed at once, with no help of the garbage collector"


@pytest.mark.parametrize("said", ["in the decoder", "by a decoder that only fails", "while it is turned"])
def test_too_little_memory_is_no_damage(monkeypatch, said):
    data = written(RGBA, "PNG", exif=exif(6))

    def decode(*_):
        if said == "in the decoder":
            exc = cv2.error("(-4:Insufficient memory) Failed to allocate 108 bytes")
            exc.code = cv2.Error.StsNoMem
            raise exc
        return None if said.startswith("by") else np.zeros((6, 9, 4), np.uint8)

    def none(*_):
        raise MemoryError

    monkeypatch.setattr(cv2, "imdecode", decode)
    monkeypatch.setattr(pixels.np, "empty", none)
    monkeypatch.setattr(pixels, "turned", none)
    with pytest.raises(ImageError, match=r"x: expected [0-9]+ bytes of free memory to decode it, got less"):
        decode_photo(data, "x")


def test_a_real_limit_on_memory_is_told(tmp_path):
    """Under a limit of the shell, a picture that is whole and too large for it is not called damaged."""
    cv2.imwrite(str(tmp_path / "a.png"), np.zeros((3000, 3000), np.uint8))
    program = (
        "import resource, sys; from pathlib import Path; import cv2\n"
        "from edgereader.runtime.geometry.files import read_photo\n"
        "now = int(Path('/proc/self/statm').read_text().split()[0]) * resource.getpagesize()\n"
        "resource.setrlimit(resource.RLIMIT_AS, (now + (20 << 20),) * 2)\n"
        "try:\n    read_photo(Path(sys.argv[1]))\nexcept ValueError as exc:\n    print(exc)"
    )
    command = [sys.executable, "-c", program, str(tmp_path / "a.png")]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert "bytes of free memory to decode it, got less" in done.stdout


@pytest.mark.parametrize("size", [(600, 500), (2000, 16)])
def test_an_avif_is_as_large_as_its_frames(size):
    """A small picture by its boxes, whose frames are larger: a decoder makes the frames first."""
    for options in ({}, {"save_all": True, "append_images": [Image.new("RGB", size, 9)]}):
        data = written(Image.new("RGB", size), "AVIF", speed=10, **options)
        assert size in avif.frame_sizes(data)
        assert headers.size_of(data) == size
        lied = data.replace(
            b"ispe" + bytes(4) + struct.pack(">II", *size), b"ispe" + bytes(4) + struct.pack(">II", 16, 16)
        )
        assert headers.read_avif(lied).sizes == [(16, 16)]
        assert headers.size_of(lied) == size
        with pytest.raises(ImageError, match=f"expected up to 10000 pixels, got {size[0] * size[1]}"):
            decode_photo(lied, "x", most_pixels=10_000)


def test_av1_with_times_and_several_operating_points():
    """As the specification lays it out, section 5.5.1, bit by bit."""
    levels = {5: "", 9: "1"}
    points = "".join(f"{0:012b}{level:05b}{tier}1" + "0" * 21 + "10101" for level, tier in levels.items())
    times = "1" + "0" * 64 + "1" + "00010" + "10" + "1" + f"{9:05b}" + "0" * 42
    bits = "000" + "0" + "0" + times + "1" + f"{1:05b}" + points + f"{10:04b}{9:04b}" + f"{1919:011b}{1023:010b}"
    header = int(bits.ljust(400, "0"), 2).to_bytes(50, "big")
    assert avif._frame_size(header) == (1920, 1024)
