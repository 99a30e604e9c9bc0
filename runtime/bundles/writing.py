"""Files, and lines at their ends, that are there whole or not at all."""

import errno
import os
import threading
from pathlib import Path


def write_whole(
    path: Path, data: bytes | bytearray | memoryview, *, sync: bool = True, mode: int | None = None
) -> None:
    """Write a file, with the folders above it, or replace its contents.

    Whatever happens, a crash or with ``sync`` a power cut too, it has the old contents or the new ones.

    Args:
        mode: who may read and write it; None = as the process makes files.

    Raises:
        OSError: it cannot be written; nothing is left behind.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(f".{path.name}.{os.getpid()}-{threading.get_ident()}")
    try:
        with beside.open("wb") as file:
            if mode is not None:
                os.fchmod(file.fileno(), mode)
            file.write(data)
            file.flush()
            if sync:
                os.fsync(file.fileno())
        beside.replace(path)
    finally:
        beside.unlink(missing_ok=True)


def append_whole(path: Path, data: bytes) -> int:
    """Write at the end of a file, which is made if need be, all of this or nothing; return the file's size before.

    Raises:
        OSError: it cannot be written, as on a full disk.
    """
    with path.open("ab", buffering=0) as file:
        size = file.seek(0, os.SEEK_END)
        try:
            number = 0 if file.write(data) == len(data) else errno.ENOSPC
        except OSError as exc:
            number = exc.errno or errno.EIO
        if number:
            file.truncate(size)
            raise OSError(number, os.strerror(number), str(path))
    return size
