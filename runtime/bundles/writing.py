"""Files that are there whole or not at all."""

import os
import threading
from pathlib import Path


def write_whole(path: Path, data: bytes | bytearray | memoryview, *, sync: bool = True) -> None:
    """Write a file, with the folders above it, or replace its contents.

    Whatever happens, a crash or with ``sync`` a power cut too, it has the old contents or the new ones.

    Raises:
        OSError: it cannot be written; nothing is left behind.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(f".{path.name}.{os.getpid()}-{threading.get_ident()}")
    try:
        with beside.open("wb") as file:
            file.write(data)
            file.flush()
            if sync:
                os.fsync(file.fileno())
        beside.replace(path)
    finally:
        beside.unlink(missing_ok=True)
