"""What a picture file says before its pixels: its size, which way up it is, how deep it is; pure functions on bytes.

Orientations are those of EXIF's tag 0x0112 (CIPA DC-008, section 4.6.4), 1 to 8. AVIF has its own, `irot` and `imir`
(ISO/IEC 23008-12, sections 6.5.10 and 6.5.12), beside which EXIF's does not count (ISO/IEC 23000-22, section 7.3.6.7).
"""

import re
import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

Box = tuple[bytes, int, int]
"""A part of a file: its four letters, where its contents begin, and where they end."""
WIDTH, HEIGHT, ORIENTATION, SAMPLES, EXTRA_SAMPLES = 256, 257, 274, 277, 338
"""Tags of TIFF."""
TURNS = {(0, 0): 4, (0, 1): 2, (1, None): 8, (1, 0): 5, (1, 1): 7, (2, None): 3, (2, 0): 2, (2, 1): 4, (3, None): 6,
         (3, 0): 7, (3, 1): 5}  # fmt: skip
"""AVIF's quarter turns counter-clockwise, and what is mirrored then (0 = top and bottom, 1 = left and right) →
orientation."""


def is_tiff(data: bytes) -> bool:
    """Return whether a file is a TIFF."""
    return data[:4] in {b"II*\0", b"MM\0*"}


def size_of(data: bytes) -> tuple[int, int] | None:
    """Return the width and height of the stored pixels, None when this is no picture that can be read."""
    for magic, size in HEADERS:
        if re.match(magic, data, re.DOTALL):
            try:
                return size(data)
            except (struct.error, KeyError):
                return None
    return None


def orientation_of(data: bytes) -> int:
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
    except (struct.error, KeyError):
        return 1
    return found if 1 <= found <= 8 else 1


def _exif(data: bytes, spans: Iterator[list[int]]) -> int:
    """Orientation in the first of a file's EXIF blocks, each a small TIFF."""
    for start, end in spans:
        block = data[start:end].removeprefix(b"Exif\0\0")
        return next((value for tag, value, _ in tiff_tags(block) if tag == ORIENTATION), 1) if is_tiff(block) else 1
    return 1


def tiff_tags(data: bytes) -> Iterator[tuple[int, int, int]]:
    """Yield the tag, the value and the place of the value's lower 16 bits, of the numbers that describe a TIFF's first
    picture.

    Raises:
        struct.error: cut short.
        KeyError: a size that is no number of 16 or 32 bits.
    """
    order = "<" if data[:2] == b"II" else ">"
    start = struct.unpack_from(order + "I", data, 4)[0]
    for index in range(struct.unpack_from(order + "H", data, start)[0]):
        place = start + 2 + 12 * index
        tag, kind = struct.unpack_from(order + "HH", data, place)
        if tag in {WIDTH, HEIGHT} or (tag in {ORIENTATION, SAMPLES, EXTRA_SAMPLES} and kind in {3, 4}):
            value = struct.unpack_from(order + {3: "H", 4: "I"}[kind], data, place + 8)[0]
            yield tag, value, place + (10 if kind == 4 and order == ">" else 8)


def jpeg_segments(data: bytes) -> Iterator[tuple[int, int]]:
    """Yield the marker and position of each segment up to the start of the scan."""
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


def _exif_segments(data: bytes) -> Iterator[list[int]]:
    for marker, position in jpeg_segments(data):
        if marker == 0xE1 and data[position + 4 : position + 10] == b"Exif\0\0":
            yield [position + 4, position + 2 + struct.unpack_from(">H", data, position + 2)[0]]


def png_chunks(data: bytes) -> Iterator[Box]:
    """Yield the chunks of a PNG."""
    position = 8
    while position + 8 <= len(data):
        size = struct.unpack_from(">I", data, position)[0]
        yield data[position + 4 : position + 8], position + 8, position + 8 + size
        position += size + 12


def _webp_chunks(data: bytes) -> Iterator[Box]:
    position = 12
    while position + 8 <= len(data):
        size = struct.unpack_from("<I", data, position + 4)[0]
        yield data[position : position + 4], position + 8, position + 8 + size
        position += 8 + size + size % 2


def _jpeg_size(data: bytes) -> tuple[int, int] | None:
    for marker, position in jpeg_segments(data):
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
    tags: dict[int, int] = {}
    for tag, value, _ in tiff_tags(data):
        tags[tag] = max(value, tags.get(tag, 0))  # of a tag that comes twice, a decoder may take the first
    return tags[WIDTH], tags[HEIGHT]


@dataclass
class Avif:
    """What an AVIF file says about its picture."""

    sizes: list[tuple[int, int]] = field(default_factory=list)
    """Widths and heights of its parts, the whole picture among them."""
    bits: int = 8
    """Of a sample: 8, 10 or 12."""
    orientation: int = 1


def is_avif(data: bytes) -> bool:
    """Return whether a file is an AVIF, of one picture or several."""
    return AVIF.match(data) is not None


def read_avif(data: bytes) -> Avif:
    """Read what an AVIF file says about its picture.

    Raises:
        struct.error: cut short.
    """
    boxes = {name: (start, end) for name, start, end in _boxes(data, 0, len(data))}
    start, end = boxes.get(b"meta", (4, 4))
    boxes |= {name: (first, last) for name, first, last in _boxes(data, start + 4, end)}
    parts = {name: (first, last) for name, first, last in _boxes(data, *boxes.get(b"iprp", (0, 0)))}
    properties = list(_boxes(data, *parts.get(b"ipco", (0, 0))))
    found = Avif([struct.unpack_from(">II", data, place + 4) for name, place, _ in properties if name == b"ispe"])
    depths = [data[place + 2] for name, place, _ in properties if name == b"av1C" and place + 2 < len(data)]
    found.bits = max((12 if depth & 0x20 else 10 if depth & 0x40 else 8 for depth in depths), default=8)
    if b"pitm" in boxes and b"ipma" in parts:
        own = (properties[index - 1] for index in _primary(data, boxes[b"pitm"][0], parts[b"ipma"][0], len(properties)))
        turns = {name: data[place] for name, place, last in own if place < last <= len(data)}
        mirrored = turns[b"imir"] & 1 if b"imir" in turns else None
        found.orientation = TURNS.get((turns.get(b"irot", 0) & 3, mirrored), 1)
    return found


def _boxes(data: bytes, position: int, end: int) -> Iterator[Box]:
    """The boxes between two places of a file of ISO/IEC 14496-12."""
    while position + 8 <= end:
        size, name = struct.unpack_from(">I4s", data, position)
        head = 16 if size == 1 else 8
        size = {0: end - position, 1: 0}.get(size, size) or struct.unpack_from(">Q", data, position + 8)[0]
        if size < head:
            return
        yield name, position + head, min(position + size, end)
        position += size


def _primary(data: bytes, pitm: int, ipma: int, count: int) -> list[int]:
    """Numbers, from 1 to ``count``, of the properties of the picture that is shown."""
    shown = struct.unpack_from(">I" if any(data[pitm : pitm + 1]) else ">H", data, pitm + 4)[0]
    version, flags = struct.unpack_from(">B2xB", data, ipma)
    wide = flags & 1
    position = ipma + 8
    for _ in range(struct.unpack_from(">I", data, ipma + 4)[0]):
        item = struct.unpack_from(">I" if version else ">H", data, position)[0]
        position += 4 if version else 2
        amount = struct.unpack_from(">B", data, position)[0]
        numbers = struct.unpack_from(f">{amount}{'H' if wide else 'B'}", data, position + 1)
        if item == shown:
            return [number for entry in numbers if 0 < (number := entry & (0x7FFF if wide else 0x7F)) <= count]
        position += 1 + amount * (2 if wide else 1)
    return []


def _avif_size(data: bytes) -> tuple[int, int] | None:
    return max(read_avif(data).sizes, key=lambda size: size[0] * size[1], default=None)


AVIF = re.compile(rb"....ftypavi[fs]", re.DOTALL)
HEADERS: tuple[tuple[bytes, Callable[[bytes], tuple[int, int] | None]], ...] = (
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


def is_cut_short(data: bytes) -> bool:
    """Return whether a JPEG lacks its end marker after the scan, or a PNG its last chunk."""
    if data.startswith(b"\x89PNG"):
        return b"IEND" not in data
    if not data.startswith(b"\xff\xd8"):
        return False
    scan = next((position for marker, position in jpeg_segments(data) if marker == 0xDA), len(data))
    return data.find(b"\xff\xd9", scan) < 0
