"""What an AVIF file says before its pixels: sizes, depth, which way up it is; pure functions on bytes.

Its boxes are those of ISO/IEC 14496-12 and 23008-12; the sizes of its frames stand in the sequence headers of AV1
(AV1 Bitstream & Decoding Process Specification, section 5.5), which a decoder believes whatever the boxes say.
"""

import re
import struct
from collections.abc import Iterator
from dataclasses import dataclass, field

Data = bytes | bytearray
"""A file's contents."""
Box = tuple[bytes, int, int]
"""A part of a file: its four letters, where its contents begin, and where they end."""
AVIF = re.compile(rb"....ftypavi[fs]", re.DOTALL)
TURNS = {(0, 0): 4, (0, 1): 2, (1, None): 8, (1, 0): 5, (1, 1): 7, (2, None): 3, (2, 0): 2, (2, 1): 4, (3, None): 6,
         (3, 0): 7, (3, 1): 5}  # fmt: skip
"""Quarter turns counter-clockwise, and what is mirrored then (0 = top and bottom, 1 = left and right) → EXIF's
orientation."""
TRACKS = frozenset({b"moov", b"trak", b"mdia", b"minf"})
"""Boxes around the table of an animation's frames."""
SEQUENCE_HEADER = 1
MOST_PARTS = 256
"""Items of a file, and units of AV1's data in each; no encoder writes more."""


@dataclass
class Avif:
    """What an AVIF file says about its picture."""

    sizes: list[tuple[int, int]] = field(default_factory=list)
    """Widths and heights of its parts, the whole picture among them."""
    bits: int = 8
    """Of a sample: 8, 10 or 12."""
    orientation: int = 1


def is_avif(data: Data) -> bool:
    """Return whether a file is an AVIF, of one picture or several."""
    return AVIF.match(data) is not None


def read_avif(data: Data) -> Avif:
    """Read what an AVIF file says about its picture.

    Raises:
        struct.error: cut short.
    """
    boxes = _meta(data)
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


def frame_sizes(data: Data) -> list[tuple[int, int]]:
    """Return the widths and heights of the frames in AV1's data, which may differ from those of the boxes.

    Raises:
        struct.error: cut short.
        KeyError: laid out in a way that nobody writes: data in pieces, or in very many parts.
    """
    boxes = _meta(data)
    spans = [*_items(data, boxes), *_frames(data, 0, len(data))]
    return [_frame_size(data[start:end]) for span in spans for start, end in _sequence_headers(data, *span)]


def _meta(data: Data) -> dict[bytes, tuple[int, int]]:
    """The boxes of the file, and of its box "meta"."""
    boxes = {name: (start, end) for name, start, end in _boxes(data, 0, len(data))}
    start, end = boxes.get(b"meta", (4, 4))
    return boxes | {name: (first, last) for name, first, last in _boxes(data, start + 4, end)}


def _boxes(data: Data, position: int, end: int) -> Iterator[Box]:
    """The boxes between two places."""
    while position + 8 <= end:
        size, name = struct.unpack_from(">I4s", data, position)
        head = 16 if size == 1 else 8
        size = {0: end - position, 1: 0}.get(size, size) or struct.unpack_from(">Q", data, position + 8)[0]
        if size < head:
            return
        yield name, position + head, min(position + size, end)
        position += size


def _primary(data: Data, pitm: int, ipma: int, count: int) -> list[int]:
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


def _items(data: Data, boxes: dict[bytes, tuple[int, int]]) -> Iterator[tuple[int, int]]:
    """Where each item of the box "iloc" begins and ends (ISO/IEC 14496-12, section 8.11.3)."""
    if b"iloc" not in boxes:
        return
    position = boxes[b"iloc"][0]
    version, sizes = struct.unpack_from(">B3xH", data, position)
    offset_size, length_size, base_size, index_size = (sizes >> shift & 15 for shift in (12, 8, 4, 0))
    wide = version == 2
    count = struct.unpack_from(">I" if wide else ">H", data, position + 6)[0]
    position += 10 if wide else 8
    if count > MOST_PARTS:
        raise KeyError(count)
    for _ in range(count):
        method = struct.unpack_from(">H", data, position + (4 if wide else 2))[0] & 15 if version else 0
        position += (4 if wide else 2) + (2 if version else 0) + 2
        base = _number(data, position, base_size)
        extents = struct.unpack_from(">H", data, position + base_size)[0]
        if extents > 1:
            raise KeyError(extents)
        position += base_size + 2
        if extents:
            position += index_size if version else 0
            start = base + _number(data, position, offset_size) + (boxes[b"idat"][0] if method == 1 else 0)
            length = _number(data, position + offset_size, length_size)
            yield start, min(start + length if length else len(data), len(data))
            position += offset_size + length_size


def _number(data: Data, position: int, size: int) -> int:
    if position + size > len(data):
        raise struct.error("cut short")
    return int.from_bytes(data[position : position + size], "big")


def _frames(data: Data, position: int, end: int) -> Iterator[tuple[int, int]]:
    """Where the first frame of each of an animation's tracks begins and ends."""
    for name, start, last in _boxes(data, position, end):
        if name in TRACKS:
            yield from _frames(data, start, last)
        elif name == b"stbl":
            table = {inner: place for inner, place, _ in _boxes(data, start, last)}
            wide = b"co64" in table
            first = struct.unpack_from(">Q" if wide else ">I", data, table[b"co64" if wide else b"stco"] + 8)[0]
            size, _, own = struct.unpack_from(">III", data, table[b"stsz"] + 4)
            yield first, min(first + (size or own), len(data))


def _sequence_headers(data: Data, position: int, end: int) -> Iterator[tuple[int, int]]:
    """Where AV1's sequence headers begin and end, in units of which each says its kind and size."""
    for _ in range(MOST_PARTS):
        if position + 2 > end or data[position] & 0x82 != 2:
            return
        kind = data[position] >> 3
        position += 2 if data[position] & 4 else 1
        size = 0
        for shift in range(0, 56, 7):
            byte = _number(data, position, 1)
            size |= (byte & 0x7F) << shift
            position += 1
            if byte < 0x80:
                break
        if kind == SEQUENCE_HEADER:
            yield position, min(position + size, position + 128)
        position += size
    raise KeyError(MOST_PARTS)


class _Bits:
    """Numbers of some bits each, one after another."""

    def __init__(self, data: Data) -> None:
        self._value, self._left = int.from_bytes(data, "big"), 8 * len(data)

    def take(self, count: int) -> int:
        self._left -= count
        if self._left < 0:
            raise struct.error("cut short")
        return self._value >> self._left & (1 << count) - 1


def _frame_size(header: Data) -> tuple[int, int]:
    bits = _Bits(header)
    bits.take(4)
    if bits.take(1):  # reduced_still_picture_header
        bits.take(5)
    else:
        _skip_operating_points(bits)
    wide, high = bits.take(4) + 1, bits.take(4) + 1
    return bits.take(wide) + 1, bits.take(high) + 1


def _skip_operating_points(bits: _Bits) -> None:
    delay = 0
    if bits.take(1):  # timing_info_present_flag
        bits.take(64)
        if bits.take(1):  # a number in uvlc follows
            zeros = 0
            while not bits.take(1):
                zeros += 1
            bits.take(zeros)
        if bits.take(1):  # decoder_model_info_present_flag
            delay = bits.take(5) + 1
            bits.take(42)
    late = bits.take(1)  # initial_display_delay_present_flag
    for _ in range(bits.take(5) + 1):
        bits.take(12)
        if bits.take(5) > 7:
            bits.take(1)
        if delay and bits.take(1):
            bits.take(2 * delay + 1)
        if late and bits.take(1):
            bits.take(4)
