"""Picture files → frames. Sizes and truncation are looked at before anything is decoded."""

import glob
import re
import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from .errors import ImageError
from .images import Frame, as_bgr

FORMATS = "JPEG, PNG, WebP, BMP, TIFF, GIF or PNM"
SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".webp", ".bmp", ".tif", ".tiff", ".gif", ".pgm", ".ppm"})
"""File names that a folder is searched for, lower case."""
LARGEST_FRAME_PIXELS = 1 << 25
"""Pictures of more pixels are read at a half, a quarter or an eighth of their size."""
LARGEST_FILE_PIXELS = 1 << 27
"""Pictures of more pixels are refused: most formats must be decoded whole before they can be made smaller."""
LARGEST_FILE_BYTES = 1 << 29
"""Files of more bytes are refused."""
REDUCED = {
    1: cv2.IMREAD_COLOR,
    2: cv2.IMREAD_REDUCED_COLOR_2,
    4: cv2.IMREAD_REDUCED_COLOR_4,
    8: cv2.IMREAD_REDUCED_COLOR_8,
}
"""How much smaller → OpenCV's flag, which saves the memory too for JPEG."""


@dataclass(frozen=True)
class Photo:
    """A picture read from a file."""

    frame: Frame
    """(H, W, 3) uint8 BGR, turned as its EXIF orientation says."""
    shrunk: int
    """1, 2, 4 or 8: file pixels per frame pixel."""


def read_photo(path: Path) -> Photo:
    """Read a picture file.

    Raises:
        ImageError: not a file, not a picture, cut short, or too large.
    """
    try:
        if path.is_file() and (size := path.stat().st_size) > LARGEST_FILE_BYTES:
            raise ImageError(f"{path}: expected at most {LARGEST_FILE_BYTES} bytes, got {size}; make it smaller")
        data = path.read_bytes()
    except OSError as exc:
        raise ImageError(f"{path}: expected a picture, got: {exc.strerror}; check the path") from exc
    return decode_photo(data, str(path))


def decode_photo(data: bytes, name: str, most_pixels: int = LARGEST_FILE_PIXELS) -> Photo:
    """Read a picture from a file's bytes.

    Args:
        data: the file.
        name: what errors call it.
        most_pixels: pictures of more are refused before anything is decoded.

    Raises:
        ImageError: not a picture, cut short, or too large.
    """
    size = _size(data)
    if size is None:
        got = "something else" if data else "an empty file"
        raise ImageError(f"{name}: expected a {FORMATS} picture, got {got}; convert it first")
    pixels = size[0] * size[1]
    if not 0 < pixels <= most_pixels:
        raise ImageError(f"{name}: expected up to {most_pixels} pixels, got {pixels}; make it smaller")
    if _is_cut_short(data):
        raise ImageError(f"{name}: expected a whole picture, got one that is cut short; copy or take it again")
    shrunk = next((each for each in REDUCED if pixels <= LARGEST_FRAME_PIXELS * each**2), 8)
    frame = _decode(data, shrunk)
    if frame is None:
        raise ImageError(f"{name}: expected a picture, got damaged contents; copy or take it again")
    return Photo(frame, shrunk)


def _decode(data: bytes, shrunk: int) -> Frame | None:
    buffer = np.frombuffer(data, np.uint8)
    try:
        if data.startswith(b"\xff\xd8"):
            image = cv2.imdecode(buffer, REDUCED[shrunk])
        else:
            image = cv2.imdecode(buffer, cv2.IMREAD_UNCHANGED)
            if image is not None and shrunk > 1:
                image = cv2.resize(image, None, fx=1 / shrunk, fy=1 / shrunk, interpolation=cv2.INTER_AREA)
    except cv2.error:
        return None
    return None if image is None else as_bgr(image)


def _size(data: bytes) -> tuple[int, int] | None:
    """Width and height from the header, None when this is no picture that can be read."""
    for magic, size in HEADERS:
        if re.match(magic, data, re.DOTALL):
            try:
                return size(data)
            except (struct.error, KeyError):
                return None
    return None


def _jpeg_segments(data: bytes) -> Iterator[tuple[int, int]]:
    """Marker and position of each segment up to the start of the scan."""
    position = 2
    while position + 4 <= len(data):
        marker = data[position + 1]
        if data[position] != 0xFF:
            return
        if marker == 0xFF:
            position += 1
            continue
        yield marker, position
        if marker == 0xDA:
            return
        position += 2 + struct.unpack_from(">H", data, position + 2)[0]


def _jpeg_size(data: bytes) -> tuple[int, int] | None:
    for marker, position in _jpeg_segments(data):
        if 0xC0 <= marker <= 0xCF and marker not in {0xC4, 0xC8, 0xCC}:
            height, width = struct.unpack_from(">HH", data, position + 5)
            return width, height
    return None


def _png_size(data: bytes) -> tuple[int, int]:
    width, height = struct.unpack_from(">II", data, 16)
    return width, height


def _bmp_size(data: bytes) -> tuple[int, int]:
    width, height = struct.unpack_from("<ii", data, 18)
    return abs(width), abs(height)


def _gif_size(data: bytes) -> tuple[int, int]:
    width, height = struct.unpack_from("<HH", data, 6)
    return width, height


def _pnm_size(data: bytes) -> tuple[int, int] | None:
    found = re.match(rb"P[1-6]\s+(?:#[^\n]*\n\s*)*(\d{1,9})\s+(\d{1,9})\s", data[:4096])
    return (int(found[1]), int(found[2])) if found else None


def _webp_size(data: bytes) -> tuple[int, int]:
    if data[12:16] == b"VP8X":
        return int.from_bytes(data[24:27], "little") + 1, int.from_bytes(data[27:30], "little") + 1
    if data[12:16] == b"VP8L":
        bits = struct.unpack_from("<I", data, 21)[0]
        return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
    width, height = struct.unpack_from("<HH", data, 26)
    return width & 0x3FFF, height & 0x3FFF


def _tiff_size(data: bytes) -> tuple[int, int]:
    order = "<" if data[:2] == b"II" else ">"
    start = struct.unpack_from(order + "I", data, 4)[0]
    tags: dict[int, int] = {}
    for index in range(struct.unpack_from(order + "H", data, start)[0]):
        tag, kind = struct.unpack_from(order + "HH", data, start + 2 + 12 * index)
        if tag in {256, 257}:
            value = struct.unpack_from(order + {3: "H", 4: "I"}[kind], data, start + 10 + 12 * index)[0]
            tags[tag] = max(value, tags.get(tag, 0))  # of a tag that comes twice, a decoder may take the first
    return tags[256], tags[257]


HEADERS: tuple[tuple[bytes, Callable[[bytes], tuple[int, int] | None]], ...] = (
    (rb"\xff\xd8\xff", _jpeg_size),
    (rb"\x89PNG\r\n\x1a\n", _png_size),
    (rb"RIFF....WEBP", _webp_size),
    (rb"BM", _bmp_size),
    (rb"GIF8[79]a", _gif_size),
    (rb"II\*\0|MM\0\*", _tiff_size),
    (rb"P[1-6]\s", _pnm_size),
)
"""First bytes of each format that is read, and what finds its size."""


def _is_cut_short(data: bytes) -> bool:
    """Whether a JPEG lacks its end marker after the scan, or a PNG its last chunk."""
    if data.startswith(b"\x89PNG"):
        return b"IEND" not in data
    if not data.startswith(b"\xff\xd8"):
        return False
    scan = next((position for marker, position in _jpeg_segments(data) if marker == 0xDA), len(data))
    return data.find(b"\xff\xd9", scan) < 0


def find_photos(path: str) -> list[Path]:
    """Files that a command-line argument means: itself, a folder's pictures (all levels), or a glob's matches.

    Raises:
        ImageError: a folder or glob without pictures.
    """
    if Path(path).is_dir():
        found = [each for each in Path(path).rglob("*") if each.suffix.lower() in SUFFIXES and each.is_file()]
    elif not Path(path).exists() and glob.has_magic(path):
        found = [Path(each) for each in glob.glob(path, recursive=True) if Path(each).is_file()]  # noqa: PTH207
    else:
        return [Path(path)]
    if not found:
        raise ImageError(f"{path}: expected pictures ({', '.join(sorted(SUFFIXES))}), got none; check the path")
    return sorted(found)
