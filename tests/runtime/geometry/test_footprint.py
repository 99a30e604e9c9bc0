"""Decoding takes no more memory than a header said, for every format; measured in a process of its own."""

import io
import os
import struct
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from edgereader.runtime.errors import ImageError
from edgereader.runtime.geometry.files import decode_photo, photo_bytes
from edgereader.runtime.geometry.footprint import MOST_SCANS, footprint
from edgereader.runtime.geometry.headers import size_of

SIDE = 2048
SLACK_BYTES = 8 << 20
"""What the first picture of a format takes besides: tables, threads, pages that are not given back."""
MODES = {"grey": 1, "colour": 3, "alpha": 4}
MEASURE = """
import sys
from pathlib import Path
from edgereader.runtime.geometry.files import decode_photo, photo_bytes

def kib(name):
    return int(Path("/proc/self/status").read_text().split(name + ":")[1].split()[0])

for path in sys.argv[1:]:
    data = Path(path).read_bytes()
    needed = photo_bytes(data, path, most_bytes=1 << 40)
    Path("/proc/self/clear_refs").write_text("5")
    before = kib("VmRSS")
    shape = decode_photo(data, path, most_bytes=1 << 40).frame.shape
    print(Path(path).name, needed - len(data), kib("VmHWM") - before << 10, sep="\\t")
"""


def flat(depth, channels, side=SIDE):
    return np.full((side, side, channels), 200 if depth == 8 else 50_000, np.uint8 if depth == 8 else np.uint16)


def turned():
    found = Image.Exif()
    found[0x0112] = 6
    return found


def pictures():
    """Name → file, of many kinds, all of one colour."""
    for depth in (8, 16):
        for mode, channels in MODES.items():
            for suffix in (".png", ".tiff", ".ppm", ".bmp", ".webp"):
                if (suffix, channels) not in {(".ppm", 1), (".ppm", 4)} and (
                    depth == 8 or suffix not in {".bmp", ".webp"}
                ):
                    yield f"{mode} of {depth}{suffix}", cv2.imencode(suffix, flat(depth, channels))[1].tobytes()
    yield "jpeg.jpg", cv2.imencode(".jpg", flat(8, 3))[1].tobytes()
    rgb = Image.new("RGB", (SIDE, SIDE), (200, 100, 50))
    small = Image.new("RGBA", (SIDE // 2, SIDE // 2), (200, 100, 50, 99))
    saved = {
        "turned.jpg": (rgb, {"exif": turned()}),
        "progressive.jpg": (rgb, {"progressive": True, "subsampling": 0}),
        "progressive of 4.jpg": (rgb.convert("CMYK"), {"progressive": True}),
        "turned.png": (rgb.convert("RGBA"), {"exif": turned()}),
        "palette.png": (rgb.convert("P"), {"transparency": 0}),
        "animation.png": (small, {"save_all": True, "append_images": [small]}),
        "palette.gif": (rgb.convert("P"), {}),
        "lossless.webp": (rgb.convert("RGBA"), {"lossless": True}),
        "animation.webp": (small, {"save_all": True, "append_images": [small.rotate(9)]}),
        "palette.tiff": (rgb.convert("P"), {"compression": "tiff_deflate"}),
        "lzw.tiff": (rgb, {"compression": "tiff_lzw"}),
        "of 4 colours.tiff": (rgb.convert("CMYK"), {}),
        "bits.tiff": (rgb.convert("1"), {"compression": "group4"}),
        "alpha.avif": (small, {"speed": 10}),
        "444.avif": (small.convert("RGB"), {"speed": 10, "subsampling": "4:4:4"}),
        "420.avif": (small.convert("RGB"), {"speed": 10, "subsampling": "4:2:0"}),
    }
    for name, (image, options) in saved.items():
        stream = io.BytesIO()
        image.save(stream, name.rpartition(".")[2].replace("jpg", "jpeg"), **options)
        yield name, stream.getvalue()
    deep = [cv2.IMWRITE_AVIF_SPEED, 10, cv2.IMWRITE_AVIF_DEPTH, 12]
    yield "12 bits.avif", cv2.imencode(".avif", flat(16, 4, SIDE // 2) // 16, deep)[1].tobytes()


def test_no_picture_takes_more_than_its_header_says(tmp_path):
    if not Path("/proc/self/clear_refs").exists():
        pytest.skip("needs Linux's /proc/self/clear_refs, which forgets the greatest memory")
    for name, data in pictures():
        (tmp_path / name).write_bytes(data)
    paths = sorted(map(str, tmp_path.iterdir()))
    environment = {**os.environ, "MALLOC_MMAP_THRESHOLD_": "65536"}  # what is freed goes back at once
    command = [sys.executable, "-c", MEASURE, *paths]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    rows = [line.split("\t") for line in done.stdout.splitlines()]
    assert len(rows) == len(paths)
    print(done.stdout)
    assert not [row for row in rows if int(row[2]) > int(row[1]) + SLACK_BYTES]


def encoded(image, kind, **options):
    stream = io.BytesIO()
    image.save(stream, kind, **options)
    return stream.getvalue()


GREY = Image.new("L", (64, 48), 99)
UNFIT = {
    "float32": (encoded(GREY.convert("F"), "TIFF"), "32 bits a sample"),
    "int32": (encoded(GREY.convert("I"), "TIFF"), "32 bits a sample"),
    "float64, packed": (
        cv2.imencode(".tiff", np.zeros((8, 8), np.float64), (cv2.IMWRITE_TIFF_COMPRESSION, 8))[1].tobytes(),
        "64 bits a sample",
    ),
    "float32, three colours": (cv2.imencode(".tiff", np.zeros((8, 8, 3), np.float32))[1].tobytes(), "32 bits a sample"),
    "int8": (cv2.imencode(".tiff", np.zeros((8, 8), np.int8))[1].tobytes(), "signed or broken numbers"),
    "int16": (cv2.imencode(".tiff", np.zeros((8, 8, 3), np.int16))[1].tobytes(), "signed or broken numbers"),
    "grey and alpha": (encoded(GREY.convert("LA"), "TIFF"), "2 samples a pixel"),
    "palette and alpha": (encoded(GREY.convert("PA"), "TIFF"), "2 samples a pixel"),
    "12 bits of a jpeg": (
        encoded(GREY, "JPEG").replace(b"\xff\xc0\0\x0b\x08", b"\xff\xc0\0\x0b\x0c"),
        "12 bits a sample",
    ),
}


@pytest.mark.parametrize("name", UNFIT)
def test_what_cannot_be_used_is_refused_before_it_is_decoded(name, monkeypatch):
    monkeypatch.delattr(cv2, "imdecode")
    data, words = UNFIT[name]
    with pytest.raises(ImageError, match=f"x: expected a picture, got a .*{words}.*; convert it to PNG"):
        decode_photo(data, "x")


def png_says(size, bits, colour):
    return b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR" + struct.pack(">IIBBBBB", *size, bits, colour, 0, 0, 0) + bytes(4) + b"IEND"


def tiff_says(**tags):
    numbers = {"wide": 256, "high": 257, "bits": 258, "samples": 277, "rows": 278, "tile_wide": 322, "tile_high": 323}
    rows = b"".join(struct.pack("<HHII", numbers[name], 4, 1, value) for name, value in tags.items())
    return b"II*\0" + struct.pack("<IH", 8, len(tags)) + rows + bytes(64)


def jpeg_says(size, start=b"\xff\xc0", sampling=(0x22, 0x11, 0x11), at_once=3):
    parts = b"".join(bytes((1 + at, factors, 0)) for at, factors in enumerate(sampling))
    frame = start + struct.pack(">HBHHB", 8 + len(parts), 8, *size[::-1], len(sampling)) + parts
    return b"\xff\xd8" + frame + b"\xff\xda" + struct.pack(">HB", 12, at_once) + bytes(9) + b"\xff\xd9"


LARGE = {
    "png of 16 bits": png_says((8000, 8000), 16, 6),
    "tiff of 16 bits": tiff_says(wide=8000, high=8000, bits=16, samples=4),
    "tiff of one huge tile": tiff_says(wide=64, high=64, bits=8, samples=3, tile_wide=16384, tile_high=16384),
    "tiff of one huge strip": tiff_says(wide=4096, high=64, bits=8, samples=3, rows=100_000),
    "progressive jpeg": jpeg_says((11_000, 11_000), b"\xff\xc2", (0x11, 0x11, 0x11)),
    "jpeg of a scan for each colour": jpeg_says((11_000, 11_000), sampling=(0x11, 0x11, 0x11), at_once=1),
    "jpeg of four colours": jpeg_says((11_000, 11_000), b"\xff\xca", (0x11,) * 4),
    "gif": b"GIF89a" + struct.pack("<HH", 9000, 9000) + bytes(9),
    "webp": b"RIFF\0\0\0\0WEBPVP8L\0\0\0\0/" + struct.pack("<I", 9999 | 9999 << 14) + bytes(20),
    "pnm of 16 bits": b"P6 9000 9000 65535\n",
    "bmp": b"BM" + bytes(16) + struct.pack("<iiHH", 9000, -9000, 1, 32) + bytes(99),
}


@pytest.mark.parametrize("name", LARGE)
def test_what_takes_too_much_memory_is_refused_before_it_is_decoded(name, monkeypatch):
    monkeypatch.delattr(cv2, "imdecode")
    with pytest.raises(ImageError, match="expected up to 335544320 bytes of memory to decode it, got"):
        decode_photo(LARGE[name], "x")


def test_usual_large_pictures_are_no_trouble():
    for data in (
        jpeg_says((12_000, 9000)),
        jpeg_says((6000, 5000), b"\xff\xc2"),
        png_says((12_000, 9000), 8, 0),
        png_says((8000, 6000), 8, 2),
        tiff_says(wide=6000, high=4000, bits=8, samples=3, rows=0xFFFFFFFF),
    ):
        assert photo_bytes(data, "x") < 320 << 20
    assert photo_bytes(jpeg_says((6500, 4923)), "x", most_bytes=6 * 32_000_000), "the largest one that a service takes"


def scans(data, count):
    return data[:-2] + b"\xff\xda\x00\x08\x01\x01\0\0\x3f\0" * count + data[-2:]


def test_a_jpeg_of_endless_scans(monkeypatch):
    whole = encoded(GREY, "JPEG", progressive=True)
    decode_photo(whole, "x")
    own = whole.count(b"\xff\xda")
    assert footprint(scans(whole, MOST_SCANS - own), size_of(whole))
    monkeypatch.delattr(cv2, "imdecode")
    with pytest.raises(ImageError, match=f"got a JPEG of {MOST_SCANS + 1} scans over 3072 pixels, where at most"):
        decode_photo(scans(whole, MOST_SCANS + 1 - own), "x")
    large = jpeg_says((8000, 8000), b"\xff\xc2")
    decoded = footprint(scans(large, 31), size_of(large))
    assert decoded == footprint(large, size_of(large)), "the bytes are the same, the time is not"
    with pytest.raises(ImageError, match="got a JPEG of 34 scans over 64000000 pixels, where at most 33 are read"):
        decode_photo(scans(large, 33), "x")


@pytest.mark.parametrize("hidden", [b"\xff\x01", b"\xff\xd0", b"\xff\x00"])
def test_a_marker_without_a_length_hides_no_size(hidden):
    """libjpeg goes on right behind it, where a reader of lengths would jump over a much larger frame."""
    small, large = jpeg_says((16, 16)), jpeg_says((32_000, 32_000))
    data = b"\xff\xd8" + hidden + struct.pack(">H", len(large) - 2)[:2] + large[2:-2] + small[2:]
    with pytest.raises(ImageError, match="got something else"):
        decode_photo(data, "x")
