"""What a plan of TensorRT for RTX 1.7.1 says of itself, read from its bytes: an engine loads only where there is a GPU.

The layout is documented nowhere. It was found by comparing plans that differ in one thing: a header with version and
targets, then records that begin with a tag (16 bits from 0x8000 on, and 1) and end with the tag's complement. Only the
records of inputs and outputs, and of the profile, are looked for; any other layout fails.
"""

from __future__ import annotations

import re
import struct
from dataclasses import dataclass

VERSION = "1.7.1.116"
"""The version whose plans are read here."""
TARGETS = {1: "sm75", 2: "sm80", 4: "sm86", 8: "sm89", 16: "sm120", 32: "sm121"}
"""Bit of the header -> GPU."""
TYPES = {0: "FLOAT", 1: "HALF", 5: "UINT8", 8: "INT64"}
"""Element type, as trt.DataType numbers them."""

BYTES, INT, PLACE, LONG, SHAPE, STRING, CHARACTERS = 0x8003, 0x8007, 0x8006, 0x8009, 0x8059, 0x8013, 0x800C
LAYOUT, TYPE, SIDE, TENSOR, NAMED, OWNER = 0x801C, 0x800D, 0x8028, 0x8043, 0x8041, 0x8016
LIST, PROFILES, SHAPES_OF_ONE = b"\x01\x80", 0x8039, 0x8037


def begin(*tags):
    """The first bytes of records within each other."""
    return b"".join(struct.pack("<HH", tag, 1) for tag in tags)


def end(tag):
    """The last bytes of a record."""
    return struct.pack("<H", ~tag & 0xFFFF)


@dataclass(frozen=True)
class PlanBytes:
    """What was found."""

    version: str
    targets: tuple[str, ...]
    tensors: dict[str, tuple[str, str, tuple[int, ...]]]
    """Name -> "INPUT" or "OUTPUT", element type, shape with -1 where it is open."""
    profile: dict[str, list[tuple[int, ...]]]
    """Input -> min, opt, max; also where they are one."""


class Reader:
    """Reads on from one place."""

    def __init__(self, contents, place):
        self.contents, self.place = contents, place

    def expect(self, *parts):
        """Pass over these bytes, which must be there."""
        for part in parts:
            got = self.contents[self.place : self.place + len(part)]
            assert got == part, f"another layout at {self.place}: expected {part.hex()}, got {got.hex()}"
            self.place += len(part)

    def take(self, kind):
        """Numbers, as `struct` names their types."""
        found = struct.unpack_from(f"<{kind}", self.contents, self.place)
        self.place += struct.calcsize(f"<{kind}")
        return found

    def int(self):
        self.expect(begin(INT))
        return int(self.take("i")[0])

    def string(self):
        self.expect(begin(STRING))
        (length,) = self.take("Q")
        self.expect(LIST, begin(CHARACTERS), struct.pack("<Q", length))
        return bytes(self.take(f"{length}s")[0]).decode()

    def shape(self):
        """Sizes; what is below 0 is an expression."""
        axes, sizes = self.int(), ()
        if axes >= 0:
            self.expect(LIST, begin(LONG), struct.pack("<Q", axes))
            sizes = self.take(f"{axes}q")
        self.expect(end(SHAPE))
        return sizes


def read_plan(contents):
    """Read a plan; fails when it has another layout."""
    assert contents[:4] == contents[28:32] == b"vtrt", "not a plan of TensorRT for RTX"
    version, (bits,) = ".".join(map(str, contents[24:28])), struct.unpack_from("<I", contents, 32)
    targets = tuple(name for bit, name in TARGETS.items() if bits & bit)
    head = re.escape(begin(TENSOR, OWNER, INT) + bytes(4) + begin(NAMED, STRING))
    tensors = [read_tensor(Reader(contents, match.end() - 4)) for match in re.finditer(head, contents)]
    shapes = read_profile(contents, len(tensors))
    profile = {name: shapes[place] for place, name, (side, *_) in tensors if side == "INPUT"}
    return PlanBytes(version, targets, {name: each for _, name, each in tensors}, profile)


def read_tensor(reader):
    """Number in the profile, name, and what it is."""
    name = reader.string()
    reader.expect(begin(LAYOUT, BYTES), b"\0", begin(TYPE))
    kind = reader.int()
    reader.expect(begin(BYTES), b"\0", LIST, begin(LONG), struct.pack("<Q", 8))
    reader.take("8q")  # strides
    reader.int()
    reader.expect(end(LAYOUT), begin(SHAPE))
    shape = tuple(max(size, -1) for size in reader.shape())
    reader.expect(begin(0x8015))
    reader.int()
    reader.expect(begin(SIDE))
    side = ("INPUT", "OUTPUT")[reader.int()]
    reader.expect(begin(PLACE))
    return int(reader.take("i")[0]), name, (side, TYPES[kind], shape)


def read_profile(contents, tensors):
    """Min, opt and max of each input and output, by their numbers; outputs have none."""
    head = LIST + begin(PROFILES) + struct.pack("<Q", 1) + LIST + begin(SHAPES_OF_ONE) + struct.pack("<Q", tensors)
    assert contents.count(head) == 1, "expected one profile of all inputs and outputs"
    reader, found = Reader(contents, contents.index(head) + len(head)), []
    for _ in range(tensors):
        reader.expect(LIST, begin(SHAPE), struct.pack("<Q", 3))
        found.append([reader.shape() for _ in range(3)])
        reader.expect(end(SHAPES_OF_ONE))
    return found
