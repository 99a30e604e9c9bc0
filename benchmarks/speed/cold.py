"""The process that is timed from its start to a contender's first readings: it imports nothing else."""

from __future__ import annotations

import os
import struct
import sys
from pathlib import Path

import msgspec

from ...runtime.geometry.files import read_photo
from ..contenders import Options, opener


def main(name: str, options: str, photo: str, connection: str) -> None:
    """Open a contender, read a photo's file, and say so to the process that started this one."""
    contender = opener(name)(name, msgspec.json.decode(options, type=Options))
    contender.read(read_photo(Path(photo)).frame)
    os.write(int(connection), struct.pack("!i2s", 2, b"{}"))  # as multiprocessing.Connection, which takes its time
    os._exit(0)  # what libraries do when a process ends is not timed, and may take seconds


if __name__ == "__main__":
    main(*sys.argv[1:])
