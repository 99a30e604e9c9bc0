"""Events as lines of JSON, to a file or to standard output."""

from __future__ import annotations

import contextlib
import errno
import os
import stat
import sys
from collections.abc import Callable
from pathlib import Path

import msgspec

from ...errors import SinkError
from ...geometry.images import Frame
from ..numbers.events import Event
from ..settings import JsonLines
from ..sources.trouble import Trouble

START = b'{"id":'
"""What each line begins with."""
TAIL = 1 << 16
"""Bytes at a file's end in which the last line is looked for."""


def _line(event: Event) -> bytes:
    return msgspec.json.encode(event) + b"\n"


class StandardOutput:
    """Events to standard output, each at once.

    When nobody reads any more, `send` raises BrokenPipeError: the stream should end then, without complaint. A reader
    that pauses holds the stream up, and frames are dropped meanwhile. Anything else, such as a full disk, is said once.
    """

    def __init__(self, line: Callable[[Event], bytes] = _line) -> None:
        """Make a line of an event by ``line``."""
        self._line = line
        self._trouble = Trouble()

    def send(self, event: Event, crop: Frame | None) -> None:  # noqa: ARG002 - a sink takes both
        """Write a line.

        Raises:
            BrokenPipeError: nobody reads any more.
        """
        try:
            sys.stdout.buffer.write(self._line(event))
            sys.stdout.buffer.flush()
        except BrokenPipeError:
            _nowhere()
            raise
        except OSError as exc:
            self._trouble.say(f"standard output: expected to write events, got: {exc.strerror}; some are lost")
        else:
            self._trouble.over("standard output: can be written again")

    def close(self, seconds: float) -> None:
        """Do nothing, as nothing waits."""


def _nowhere() -> None:
    """Point standard output nowhere: Python would complain at its end about what cannot be written."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, sys.stdout.fileno())
    os.close(nowhere)


def _mend(file: int) -> None:
    """End the last line of a file, or cut it off: a power cut may have left half a line.

    Raises:
        OSError: no regular file.
    """
    status = os.fstat(file)
    if not stat.S_ISREG(status.st_mode):
        raise OSError(errno.EINVAL, "no regular file")
    size = status.st_size
    tail = os.pread(file, TAIL, max(0, size - TAIL)).rpartition(b"\n")[2]
    if not tail:
        return
    try:
        msgspec.json.decode(tail)
    except msgspec.DecodeError:
        if tail.startswith(START):
            os.ftruncate(file, size - len(tail))
            return
    os.write(file, b"\n")


class _Numbered(msgspec.Struct):
    id: int


def _last_id(path: Path) -> int:
    """Return the id of the last event in a file; 0 where there is none."""
    with contextlib.suppress(OSError), path.open("rb") as file:
        file.seek(-min(path.stat().st_size, TAIL), os.SEEK_END)
        for line in reversed(file.read().splitlines()):
            with contextlib.suppress(msgspec.MsgspecError):
                return msgspec.json.decode(line, type=_Numbered).id
    return 0


class LogFile:
    """Events to a file: whole lines only; FILE becomes FILE.1, that one FILE.2, when it is large.

    Raises:
        SinkError: the file cannot be written.
    """

    trouble = ""

    def __init__(self, settings: JsonLines) -> None:
        self.name = f"jsonl {settings.path}"
        self._path, self._keep = Path(settings.path), settings.keep
        self._most_bytes = int(settings.rotate_mb * 1e6)
        self._file = -1
        try:
            self._open()
        except OSError as exc:
            got = exc.strerror or exc
            raise SinkError(f"{self._path}: expected a file for events, got: {got}; check its path and owner") from exc
        self.last_id = _last_id(self._path) or _last_id(self._numbered(1))
        """That of the last line; 0 = there is none."""

    def take(self, event: Event, picture: bytes | None = None) -> None:  # noqa: ARG002 - a store takes both
        """Write a line, unless it is there.

        Raises:
            SinkError: the file cannot be written now.
        """
        if event.id <= self.last_id:
            return
        try:
            self._write(_line(event))
        except OSError as exc:
            self._shut()
            got = exc.strerror or exc
            raise SinkError(f"{self._path}: expected to write events, got: {got}; check the disk and the path") from exc
        self.last_id = event.id

    def close(self, seconds: float = 0.0) -> None:  # noqa: ARG002 - nothing waits here
        """Close the file."""
        self._shut()

    def _write(self, line: bytes) -> None:
        """Write a whole line or nothing."""
        if self._file < 0 or not self._is_there():
            self._open()
        size = os.fstat(self._file).st_size
        if size and size + len(line) > self._most_bytes:
            self._rotate()
            size = 0
        if os.write(self._file, line) < len(line):
            os.ftruncate(self._file, size)
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    def _is_there(self) -> bool:
        """Return whether the open file is still the one at its path: it may have been moved or deleted."""
        try:
            return os.path.samestat(self._path.stat(), os.fstat(self._file))
        except FileNotFoundError:
            return False

    def _open(self) -> None:
        self._shut()
        file = os.open(self._path, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC | os.O_NONBLOCK, 0o644)
        try:
            _mend(file)
        except OSError:
            os.close(file)
            raise
        self._file = file

    def _shut(self) -> None:
        if self._file >= 0:
            os.close(self._file)
            self._file = -1

    def _numbered(self, number: int) -> Path:
        return self._path.with_name(f"{self._path.name}.{number}") if number else self._path

    def _rotate(self) -> None:
        self._shut()
        if not self._keep:
            self._path.unlink()
        for number in reversed(range(self._keep)):
            if self._numbered(number).exists():
                self._numbered(number).replace(self._numbered(number + 1))
        self._open()
