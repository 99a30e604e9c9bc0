"""Events as lines of JSON, to a file or to standard output."""

from __future__ import annotations

import errno
import os
import stat
import sys
from collections import deque
from collections.abc import Callable
from pathlib import Path

import msgspec

from ...errors import SinkError
from ...geometry.images import Frame
from ..numbers.events import Event, Sink
from ..settings import JsonLines
from ..sources.trouble import Trouble

WAITING = 1000
"""Lines that wait in memory while a file takes none; the oldest go first."""
START = b'{"id":'
"""What each line begins with."""


def open_jsonl(settings: JsonLines) -> Sink:
    """Open a file, or standard output for "-".

    Raises:
        SinkError: the file cannot be written.
    """
    return StandardOutput() if settings.path == "-" else LogFile(settings)


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
    tail = os.pread(file, 1 << 16, max(0, size - (1 << 16))).rpartition(b"\n")[2]
    if not tail:
        return
    try:
        msgspec.json.decode(tail)
    except msgspec.DecodeError:
        if tail.startswith(START):
            os.ftruncate(file, size - len(tail))
            return
    os.write(file, b"\n")


class LogFile:
    """Events to a file: whole lines only; FILE becomes FILE.1, that one FILE.2, when it is large.

    While the file cannot be written, which is said once, the last `WAITING` lines wait in memory.

    Raises:
        SinkError: the file cannot be written.
    """

    def __init__(self, settings: JsonLines) -> None:
        self._path, self._keep = Path(settings.path), settings.keep
        self._most_bytes = int(settings.rotate_mb * 1e6)
        self._waiting: deque[bytes] = deque()
        self._lost = 0
        self._trouble = Trouble()
        self._file = -1
        try:
            self._open()
        except OSError as exc:
            got = exc.strerror or exc
            raise SinkError(f"{self._path}: expected a file for events, got: {got}; check its path and owner") from exc

    def send(self, event: Event, crop: Frame | None) -> None:  # noqa: ARG002 - a sink takes both
        """Write a line, and those that wait."""
        self._waiting.append(_line(event))
        self._flush()

    def close(self, seconds: float) -> None:  # noqa: ARG002 - one more try takes no time
        """Try once more to write what waits, and close."""
        self._flush()
        if self._waiting or self._lost:
            self._trouble.say(f"{self._path}: {len(self._waiting) + self._lost} events could not be written")
        self._shut()

    def _flush(self) -> None:
        try:
            while self._waiting:
                self._write(self._waiting[0])
                self._waiting.popleft()
        except OSError as exc:
            self._trouble.say(f"{self._path}: expected to write events, got: {exc.strerror}; tried again with the next")
            self._shut()
            while len(self._waiting) > WAITING:
                self._waiting.popleft()
                self._lost += 1
        else:
            self._trouble.over(f"{self._path}: can be written again; {self._lost} events were lost")
            self._lost = 0

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

    def _rotate(self) -> None:
        def name(number: int) -> Path:
            return self._path.with_name(f"{self._path.name}.{number}") if number else self._path

        self._shut()
        if not self._keep:
            self._path.unlink()
        for number in reversed(range(self._keep)):
            if name(number).exists():
                name(number).replace(name(number + 1))
        self._open()
