"""How much memory a picture takes while it is decoded, from its header: what bounds it before it is decoded."""

import re
import struct

from .avif import Data, is_avif, read_avif
from .headers import (
    BITS,
    HEIGHT,
    PHOTOMETRIC,
    ROWS,
    SAMPLE_FORMAT,
    SAMPLES,
    TILE_HEIGHT,
    TILE_WIDTH,
    WIDTH,
    begins_frame,
    is_tiff,
    jpeg_segments,
    orientation_of,
    png_chunks,
    tiff_numbers,
)

MOST_SCANS = 64
"""Passes over a JPEG's picture, of which a small file may hide thousands; cameras make 1, the web 10 or so."""
MOST_SCANNED_PIXELS = 1 << 31
"""Of all a JPEG's passes together: what is decoded in some seconds."""
FRAME_BYTES = 3
"""Of a pixel of a frame."""
COPIES = 2
"""OpenCV 5 copies what it has decoded, and turning a frame copies it."""
BAND_BYTES = 4 << 20
"""What rows of a picture take that are converted together."""
UNSIGNED = {1, 4}
"""TIFF's sample formats: whole numbers from 0 on, or of no known kind."""
MOST_BITS = 16
PLAIN, PALETTE = {0, 1, 2}, 3
"""TIFF's colours: grey or red, green and blue as they are, which libtiff need not translate; and by number."""
WHOLE = 1 << 31
"""A TIFF's strip of so many rows, or more, is the whole picture."""
AVIF_BYTES, AVIF_ALPHA_BYTES = 24, 40
"""Of a pixel while libavif decodes it, without and with alpha, as measured: planes, their borders, copies of them."""
PNG_CHANNELS = {0: 1, 2: 3, 3: 4, 4: 4, 6: 4}
"""PNG's colour types → channels that OpenCV makes of them, at most."""


def footprint(data: Data, size: tuple[int, int], shrunk: int = 1) -> int:
    """Return how many bytes `decode_pixels` takes at most, besides the file.

    Args:
        data: the file, of a known format.
        size: its width and height.
        shrunk: 1, 2, 4 or 8: so many times smaller it is to become.

    Raises:
        ValueError: what is in the file in place of pixels that can be used.
    """
    try:
        pixels = size[0] * size[1]
        small = -(-size[0] // shrunk) * -(-size[1] // shrunk)
        if data.startswith(b"\xff\xd8"):
            return max(FRAME_BYTES * small + _jpeg_coefficients(data, pixels), COPIES * FRAME_BYTES * small)
        raw, beside = _of_a_pixel(data)
        block = _tiff_block(data, raw) if is_tiff(data) else 0
    except (struct.error, LookupError) as exc:
        raise ValueError("a header that is damaged") from exc
    stages = (
        (raw + beside) * pixels + block,
        COPIES * raw * pixels,
        raw * pixels + (raw * small if shrunk > 1 else 0),
        raw * small + FRAME_BYTES * small,
        COPIES * FRAME_BYTES * small if orientation_of(data) > 1 else 0,
    )
    return max(stages) + BAND_BYTES


def _jpeg_coefficients(data: Data, pixels: int) -> int:
    """Bytes that a JPEG of several scans is collected in, 2 for each sample; 0 for one that is decoded as it comes."""
    scans = data.count(b"\xff\xda")
    most = min(MOST_SCANS, max(MOST_SCANNED_PIXELS // pixels, 1))
    if scans > most:
        raise ValueError(f"a JPEG of {scans} scans over {pixels} pixels, where at most {most} are read")
    kind, start = next((marker, place) for marker, place in jpeg_segments(data) if begins_frame(marker))
    bits, components = struct.unpack_from(">B4xB", data, start + 4)
    if bits != 8:
        raise ValueError(f"a JPEG of {bits} bits a sample")
    scan = next((place for marker, place in jpeg_segments(data) if marker == 0xDA), None)
    at_once = struct.unpack_from(">B", data, scan + 4)[0] if scan is not None else 0
    if kind not in {0xC2, 0xCA} and at_once == components:
        return 0
    factors = [divmod(data[start + 11 + 3 * at], 16) for at in range(components)]
    largest = max(wide for wide, _ in factors) * max(high for _, high in factors)
    return 2 * pixels * sum(wide * high for wide, high in factors) // max(largest, 1)


def _of_a_pixel(data: Data) -> tuple[int, int]:
    """Bytes of a pixel as OpenCV gives it, and of what is beside it meanwhile."""
    if data.startswith(b"\x89PNG"):
        bits, colour = struct.unpack_from(">BB", data, 24)
        names = {name for name, _, _ in png_chunks(data)}
        channels = 4 if b"tRNS" in names else PNG_CHANNELS[colour]
        return channels * _depth(bits), 3 * 4 * _depth(bits) if b"acTL" in names else 0
    if data.startswith(b"RIFF"):
        animated = data[12:16] == b"VP8X" and data[20] & 2
        return 4, 12 if animated else 4
    if data.startswith(b"BM"):
        return 4 if struct.unpack_from("<H", data, 28)[0] == 32 else 3, 0
    if data.startswith(b"GIF8"):
        return 4, 5
    if is_avif(data):
        raw = 4 * _depth(read_avif(data).bits)
        return raw, (AVIF_ALPHA_BYTES if b"auxC" in data or data[8:12] == b"avis" else AVIF_BYTES) - raw
    return _of_tiff(data) if is_tiff(data) else _of_pnm(data), 0


def _of_tiff(data: Data) -> int:
    numbers = tiff_numbers(data)
    bits, samples = numbers.get(BITS, 1), numbers.get(SAMPLES, 1)
    if numbers.get(SAMPLE_FORMAT, 1) not in UNSIGNED or bits > MOST_BITS:
        raise ValueError(f"a TIFF of {bits} bits a sample, or of signed or broken numbers")
    if samples not in {1, 3, 4}:
        raise ValueError(f"a TIFF of {samples} samples a pixel, such as grey with alpha")
    return (3 if numbers.get(PHOTOMETRIC, PALETTE) == PALETTE else samples) * _depth(bits)


def _of_pnm(data: Data) -> int:
    found = re.match(rb"P([1-6])\s+(?:#[^\n]*\n\s*)*\d+\s+\d+\s+(?:#[^\n]*\n\s*)*(\d{1,9})?(?!\d)", data[:4096])
    kind, most = (int(found[1]), int(found[2] or 0)) if found else (6, 0)
    return (3 if kind in {3, 6} else 1) * (1 if kind in {1, 4} or 0 < most <= 255 else 2)


def _depth(bits: int) -> int:
    return 1 if bits <= 8 else 2


def _tiff_block(data: Data, raw: int) -> int:
    """Bytes of the strip or tile that a TIFF is decoded by, which may be larger than the picture."""
    numbers = tiff_numbers(data)
    rows = numbers.get(ROWS, WHOLE)
    wide = numbers.get(TILE_WIDTH, numbers[WIDTH])
    high = numbers.get(TILE_HEIGHT, numbers[HEIGHT] if rows == 0 or rows >= WHOLE - 1 else rows)
    copies = 1 if numbers.get(PHOTOMETRIC, PALETTE) in PLAIN else 2
    return copies * max(raw, 4) * wide * high
