"""Hostile pictures, made anew from a seed: none of them crashes a decoder, most ask for more than they should get."""

import io
import random
import struct
import zlib
from functools import cache

import cv2
import numpy as np
from PIL import Image

LARGE = 8000, 4000
"""Width and height: as many pixels as a service takes unless told otherwise."""
SUFFIXES = ".jpg", ".png", ".webp", ".bmp", ".tiff", ".gif", ".ppm", ".avif"
"""One of each format that OpenCV writes."""


def zipped(count):
    """So many zeros, deflated, without ever holding them."""
    packer, block = zlib.compressobj(1), bytes(1 << 20)
    parts = [packer.compress(block) for _ in range(count >> 20)]
    return b"".join([*parts, packer.compress(bytes(count & (1 << 20) - 1)), packer.flush()])


@cache
def tiff(size, bits, samples, kind=1, tile=None):
    """A deflated TIFF of zeros, in one strip or tile; `kind` of its numbers: 1 whole, 2 signed, 3 broken."""
    wide, high = tile or size
    data = zipped(wide * high * samples * bits // 8)
    place = 8 + len(data)
    several = samples > 2
    rows = [(256, 4, 1, size[0]), (257, 4, 1, size[1]), (258, 3, samples, place if several else bits), (259, 3, 1, 8),
            (262, 3, 1, 2 if several else 1), (277, 3, 1, samples)]  # fmt: skip
    rows += [(338, 3, 1, 2)] if samples == 4 else []
    rows += [(339, 3, samples, place + 8 if several else kind)]
    names = {322: wide, 323: high, 324: 8, 325: len(data)} if tile else {273: 8, 278: high, 279: len(data)}
    rows += [(tag, 4, 1, value) for tag, value in names.items()]
    lists = struct.pack("<4H4H", *[bits] * 4, *[kind] * 4)
    entries = b"".join(struct.pack("<HHII", *row) for row in sorted(rows))
    head = b"II*\0" + struct.pack("<I", place + len(lists))
    return head + data + lists + struct.pack("<H", len(rows)) + entries + bytes(4)


@cache
def png(size, bits, colour):
    """A PNG of zeros, of a colour type: 0 grey, 2 colour, 3 palette, 4 grey and alpha, 6 colour and alpha."""

    def chunk(name, contents):
        return struct.pack(">I", len(contents)) + name + contents + struct.pack(">I", zlib.crc32(name + contents))

    channels = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}[colour]
    head = chunk(b"IHDR", struct.pack(">IIBBBBB", *size, bits, colour, 0, 0, 0))
    palette = chunk(b"PLTE", bytes(768)) if colour == 3 else b""
    rows = zipped(size[1] * (1 + size[0] * channels * bits // 8))
    return b"\x89PNG\r\n\x1a\n" + head + palette + chunk(b"IDAT", rows) + chunk(b"IEND", b"")


def saved(image, kind, **options):
    stream = io.BytesIO()
    image.save(stream, kind, **options)
    return stream.getvalue()


def jpeg(size, scans=0, **options):
    """A JPEG whose frame claims to be larger than its data; `scans` empty ones are put behind."""
    mode = options.pop("mode", "RGB")
    data = saved(Image.new("RGB", (64, 64), (90, 99, 120)).convert(mode), "JPEG", **options)
    start = next(data.find(b"\xff" + bytes([kind])) for kind in (0xC0, 0xC2) if b"\xff" + bytes([kind]) in data)
    data = data[: start + 5] + struct.pack(">HH", *size[::-1]) + data[start + 9 :]
    return data[:-2] + b"\xff\xda\x00\x08\x01\x01\0\0\x3f\0" * scans + data[-2:]


@cache
def avif(told, size):
    data = saved(Image.new("RGB", size, (90, 99, 120)), "AVIF", speed=10)
    return data.replace(b"ispe" + bytes(4) + struct.pack(">II", *size), b"ispe" + bytes(4) + struct.pack(">II", *told))


def bitmap(size):
    """A BMP of run lengths that ends at once."""
    head = struct.pack("<IiiHHIIiiII", 40, *size, 1, 8, 1, 2, 0, 0, 256, 256)
    return b"BM" + struct.pack("<IHHI", 1024 + 56, 0, 0, 1024 + 54) + head + bytes(1024) + b"\0\1"


def greedy(size=LARGE):
    """Name → file, of those that ask for memory or time; `size`: how large most of them are."""
    small = Image.new("RGB", (64, 64), (90, 99, 120))
    tiffs = (64, 4, 3), (32, 3, 3), (32, 1, 1), (16, 3, 2), (16, 4, 1), (8, 4, 1), (8, 3, 1), (8, 1, 1)
    pngs = (16, 6), (16, 2), (8, 6), (16, 0), (8, 2), (8, 3), (8, 0)
    wide, high = size
    black = np.zeros((high // 2, wide // 2, 3), np.uint8)
    made = {f"tiff {each}": tiff(size, *each) for each in tiffs} | {f"png {each}": png(size, *each) for each in pngs}
    return made | {
        "tile": tiff((64, 64), 8, 3, tile=(wide, wide)),
        "beyond": png((64, 64), 8, 0)[:16] + b"\0\2\0\0" * 2 + png((64, 64), 8, 0)[24:],
        "jpeg": jpeg(size),
        "jpeg, turned": jpeg(size, exif=turned()),
        "progressive jpeg": jpeg(size, progressive=True),
        "progressive jpeg, whole colours": jpeg(size, progressive=True, subsampling=0),
        "progressive jpeg of four colours": jpeg(size, progressive=True, mode="CMYK"),
        "jpeg of scans": jpeg(size, progressive=True, scans=40),
        "jpeg of thousands of scans": jpeg(size, progressive=True, scans=5000),
        "jpeg beyond": jpeg((65_000, 65_000)),
        "gif": b"GIF89a" + struct.pack("<HH", *size) + saved(small.convert("P"), "GIF")[10:],
        "bmp": bitmap(size),
        "webp": cv2.imencode(".webp", black, (cv2.IMWRITE_WEBP_QUALITY, 101))[1].tobytes(),
        "webp beyond": b"RIFF\x20\0\0\0WEBPVP8X" + bytes(8) + b"\xff" * 6 + bytes(30),
        "pnm": b"P6 %d %d 255\n" % size + bytes(1000),
        "pnm of 16 bits": b"P5 %d %d 65535\n" % size + bytes(1000),
        "avif that hides its size": avif((16, 16), (wide // 2, high)),
        "avif beyond": avif((1 << 16, 1 << 16), (64, 64)),
    }


def noise():
    return cv2.GaussianBlur(np.random.default_rng(0).integers(0, 255, (480, 640, 3), np.uint8), (9, 9), 0)


def turned():
    found = Image.Exif()
    found[0x0112] = 6
    return found


def hostile(count, seed=0, size=LARGE):
    """Return so many files: the greedy ones again and again, and damaged ones between them."""
    rng = random.Random(seed)
    greed = list(greedy(size).values())
    picture = noise()
    plain = [cv2.imencode(suffix, picture)[1].tobytes() for suffix in SUFFIXES]
    files = []
    for number in range(count):
        data = bytearray(greed[number // 2 % len(greed)] if number % 2 else rng.choice(plain))
        if number % 2 == 0:
            for _ in range(rng.randrange(6)):
                data[rng.randrange(len(data))] = rng.randrange(256)
            data = data[: rng.choice([len(data), rng.randrange(len(data))])]
        files.append(bytes(data))
    return files
