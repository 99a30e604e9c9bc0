"""What a picture file says before its pixels: its size, which way up it is, how deep it is; pure functions on bytes.

Orientations are those of EXIF's tag 0x0112 (CIPA DC-008, section 4.6.4), 1 to 8. AVIF has its own, `irot` and `imir`
(ISO/IEC 23008-12, sections 6.5.10 and 6.5.12), beside which EXIF's does not count (ISO/IEC 23000-22, section 7.3.6.7).
"""

import re
import struct
from collections.abc import Callable, Iterator

from .avif import AVIF, Box, Data, frame_sizes, is_avif, read_avif

WIDTH, HEIGHT, BITS, PHOTOMETRIC, ORIENTATION = COLOURS = 256, 257, 258, 262, 274
SAMPLES, ROWS, TILE_WIDTH, TILE_HEIGHT, EXTRA_SAMPLES, SAMPLE_FORMAT = LAYOUT = 277, 278, 322, 323, 338, 339
TIFF_TAGS = {*COLOURS, *LAYOUT}
"""Tags of TIFF whose values are numbers."""
TIFF_TYPES = {1: "B", 3: "H", 4: "I"}
MOST_SAMPLES = 64
"""Numbers of one tag that are looked at: one for each sample of a pixel."""


def is_tiff(data: Data) -> bool:
    """Return whether a file is a TIFF."""
    return data.startswith((b"II*\0", b"MM\0*"))


def size_of(data: Data) -> tuple[int, int] | None:
    """Return the width and height of the stored pixels, None when this is no picture that can be read."""
    for magic, size in HEADERS:
        if re.match(magic, data, re.DOTALL):
            try:
                return size(data)
            except (struct.error, LookupError):
                return None
    return None


def orientation_of(data: Data) -> int:
    """Return how the stored pixels are to be turned, 1..8; 1 = not at all, also where the file says something else."""
    try:
        if data.startswith(b"\x89PNG"):
            found = _exif(data, (span for name, *span in png_chunks(data) if name == b"eXIf"))
        elif data.startswith(b"RIFF"):
            found = _exif(data, (span for name, *span in _webp_chunks(data) if name == b"EXIF"))
        elif data.startswith(b"\xff\xd8"):
            found = _exif(data, (span for span in _exif_segments(data)))
        elif is_tiff(data):
            found = next((value for tag, value, _ in tiff_tags(data) if tag == ORIENTATION), 1)
        else:
            found = read_avif(data).orientation if is_avif(data) else 1
    except (struct.error, LookupError):
        return 1
    return found if 1 <= found <= 8 else 1


def _exif(data: Data, spans: Iterator[list[int]]) -> int:
    """Orientation in the first of a file's EXIF blocks, each a small TIFF."""
    for start, end in spans:
        block = data[start:end].removeprefix(b"Exif\0\0")
        return next((value for tag, value, _ in tiff_tags(block) if tag == ORIENTATION), 1) if is_tiff(block) else 1
    return 1


def tiff_tags(data: Data) -> Iterator[tuple[int, int, int]]:
    """Yield the tag, the greatest value and the place of its lower 16 bits, of the numbers that describe a TIFF's first
    picture.

    Raises:
        struct.error: cut short.
        KeyError: a number of another type than 8, 16 or 32 bits, or very many of them.
    """
    order = "<" if data[:2] == b"II" else ">"
    start = struct.unpack_from(order + "I", data, 4)[0]
    for index in range(struct.unpack_from(order + "H", data, start)[0]):
        place = start + 2 + 12 * index
        tag, kind, count = struct.unpack_from(order + "HHI", data, place)
        if tag not in TIFF_TAGS or (tag == ORIENTATION and kind not in {3, 4}):
            continue
        letter = TIFF_TYPES[kind]
        if count > MOST_SAMPLES:
            raise KeyError(count)
        inline = struct.calcsize(f"={count}{letter}") <= 4
        first = place + 8 if inline else struct.unpack_from(order + "I", data, place + 8)[0]
        value = max(struct.unpack_from(f"{order}{max(count, 1)}{letter}", data, first))
        yield tag, value, place + (10 if kind == 4 and order == ">" else 8)


def tiff_numbers(data: Data) -> dict[int, int]:
    """Return a TIFF's numbers by tag, see `tiff_tags`: of a tag that comes twice, the greater one."""
    numbers: dict[int, int] = {}
    for tag, value, _ in tiff_tags(data):
        numbers[tag] = max(value, numbers.get(tag, 0))
    return numbers


def jpeg_segments(data: Data) -> Iterator[tuple[int, int]]:
    """Yield the marker and position of each segment up to the start of the scan; one without a length ends them."""
    position = 2
    while position + 4 <= len(data):
        marker = data[position + 1]
        if data[position] != 0xFF or marker <= 0x01 or 0xD0 <= marker <= 0xD9:
            return
        if marker == 0xFF:
            position += 1
            continue
        yield marker, position
        if marker == 0xDA:
            return
        position += 2 + struct.unpack_from(">H", data, position + 2)[0]


def _exif_segments(data: Data) -> Iterator[list[int]]:
    for marker, position in jpeg_segments(data):
        if marker == 0xE1 and data[position + 4 : position + 10] == b"Exif\0\0":
            yield [position + 4, position + 2 + struct.unpack_from(">H", data, position + 2)[0]]


def png_chunks(data: Data) -> Iterator[Box]:
    """Yield the chunks of a PNG."""
    position = 8
    while position + 8 <= len(data):
        size = struct.unpack_from(">I", data, position)[0]
        yield bytes(data[position + 4 : position + 8]), position + 8, position + 8 + size
        position += size + 12


def _webp_chunks(data: Data) -> Iterator[Box]:
    position = 12
    while position + 8 <= len(data):
        size = struct.unpack_from("<I", data, position + 4)[0]
        yield bytes(data[position : position + 4]), position + 8, position + 8 + size
        position += 8 + size + size % 2


def begins_frame(marker: int) -> bool:
    """Return whether a JPEG's segment says how large its picture is, and how it is coded."""
    return 0xC0 <= marker <= 0xCF and marker not in {0xC4, 0xC8, 0xCC}


def _jpeg_size(data: Data) -> tuple[int, int] | None:
    for marker, position in jpeg_segments(data):
        if begins_frame(marker):
            height, width = struct.unpack_from(">HH", data, position + 5)
            return width, height
    return None


def _png_size(data: Data) -> tuple[int, int]:
    width, height = struct.unpack_from(">II", data, 16)
    return width, height


def _bmp_size(data: Data) -> tuple[int, int]:
    width, height = struct.unpack_from("<ii", data, 18)
    return abs(width), abs(height)


def _gif_size(data: Data) -> tuple[int, int]:
    width, height = struct.unpack_from("<HH", data, 6)
    return width, height


def _pnm_size(data: Data) -> tuple[int, int] | None:
    found = re.match(rb"P[1-6]\s+(?:#[^\n]*\n\s*)*(\d{1,9})\s+(\d{1,9})\s", data[:4096])
    return (int(found[1]), int(found[2])) if found else None


def _webp_size(data: Data) -> tuple[int, int]:
    if data[12:16] == b"VP8X":
        return int.from_bytes(data[24:27], "little") + 1, int.from_bytes(data[27:30], "little") + 1
    if data[12:16] == b"VP8L":
        bits = struct.unpack_from("<I", data, 21)[0]
        return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
    if data[12:16] != b"VP8 ":
        raise KeyError(bytes(data[12:16]))
    width, height = struct.unpack_from("<HH", data, 26)
    return width & 0x3FFF, height & 0x3FFF


def _tiff_size(data: Data) -> tuple[int, int]:
    tags = tiff_numbers(data)
    return tags[WIDTH], tags[HEIGHT]


def _avif_size(data: Data) -> tuple[int, int] | None:
    told, coded = read_avif(data).sizes, frame_sizes(data)
    return max(told + coded, key=lambda size: size[0] * size[1]) if told and coded else None


HEADERS: tuple[tuple[bytes, Callable[[Data], tuple[int, int] | None]], ...] = (
    (rb"\xff\xd8\xff", _jpeg_size),
    (rb"\x89PNG\r\n\x1a\n", _png_size),
    (rb"RIFF....WEBP", _webp_size),
    (rb"BM", _bmp_size),
    (rb"GIF8[79]a", _gif_size),
    (rb"II\*\0|MM\0\*", _tiff_size),
    (rb"P[1-6]\s", _pnm_size),
    (AVIF.pattern, _avif_size),
)
"""First bytes of each format that is read, and what finds its size."""


def is_picture(data: Data) -> bool:
    """Return whether a file begins as a picture of a format that is read."""
    return any(re.match(magic, data, re.DOTALL) for magic, _ in HEADERS)


def is_cut_short(data: Data) -> bool:
    """Return whether a JPEG lacks its end marker after the scan, or a PNG its last chunk."""
    if data.startswith(b"\x89PNG"):
        return b"IEND" not in data
    if not data.startswith(b"\xff\xd8"):
        return False
    scan = next((position for marker, position in jpeg_segments(data) if marker == 0xDA), len(data))
    return data.find(b"\xff\xd9", scan) < 0
