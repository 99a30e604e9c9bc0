"""The processes of contenders, as the one that measures sees them: asked, answered in time, and ended."""

import os
import selectors
import subprocess
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO, cast

import msgspec

from ..processes import death, end
from .entries import Entry
from .jobs import Answer, Command, Job, Missing

CHILD, COLD = (f"{__package__}.{name}" for name in ("child", "cold"))


class Child:
    """A process that answers each line of JSON with one."""

    def __init__(self, command: Sequence[str], log: Path) -> None:
        """Start it; what its libraries say goes to the log."""
        self._log = log
        with log.open("wb") as said:
            self._process = subprocess.Popen(
                command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=said, start_new_session=True, bufsize=0
            )
        self._heard = b""

    def ask(self, message: Job | Command, timeout_s: float) -> Answer:
        """Say something and wait for the answer; a process that dies, or is late, has none."""
        with suppress(OSError):  # of one that has died; what it said before is heard below
            cast("BinaryIO", self._process.stdin).write(msgspec.json.encode(message) + b"\n")
        try:
            line = self._line(time.monotonic() + timeout_s)
        except TimeoutError:
            return Missing(outcome="failed", reason=f"no answer in {timeout_s:.0f} s")
        if line:
            return understood(line)
        told = self._log.read_text(encoding="utf-8", errors="replace")
        return Missing(outcome="failed", reason=death(self._process.wait(), told))

    def _line(self, until: float) -> bytes:
        """The next line; empty when there will be none.

        Raises:
            TimeoutError: it is not there in time.
        """
        said = cast("BinaryIO", self._process.stdout)
        while b"\n" not in self._heard:
            if not readable(said, until - time.monotonic()):
                raise TimeoutError
            if not (more := os.read(said.fileno(), 1 << 16)):
                return b""
            self._heard += more
        line, _, self._heard = self._heard.partition(b"\n")
        return line

    def close(self) -> None:
        """End it, in whatever it is doing."""
        end(self._process)


def understood(line: bytes) -> Answer:
    """An answer; what is none comes from an interpreter that is none of ours."""
    try:
        answer: Answer = msgspec.json.decode(line, type=Answer)
    except msgspec.DecodeError as exc:
        return Missing(outcome="failed", reason=f"expected a line of JSON, got {line[:80]!r} ({exc})")
    return answer


def start(entry: Entry, log: Path) -> Child:
    """The process of a contender, which waits for its job."""
    return Child([entry.python, "-m", CHILD], log)


def cold_start(entry: Entry, photo: Path, timeout_s: float, log: Path) -> float | str:
    """Seconds from the start of a fresh process to a contender's first readings, or why there were none."""
    options = msgspec.json.encode(entry.options).decode()
    command = [entry.python, "-m", COLD, entry.contender, options, str(photo)]
    with log.open("wb") as said:
        began = time.perf_counter()
        process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=said, start_new_session=True, bufsize=0,
            env={**os.environ, "PYTHONDONTWRITEBYTECODE": ""},  # what is installed is compiled already
        )  # fmt: skip
        try:
            heard = readable(cast("BinaryIO", process.stdout), timeout_s)
            done = heard and os.read(cast("BinaryIO", process.stdout).fileno(), 1)
            took = time.perf_counter() - began
            if heard and not done:
                return death(process.wait(), log.read_text(encoding="utf-8", errors="replace"))
        finally:
            end(process)
    return took if done else f"no reading in {timeout_s:.0f} s after a cold start"


def readable(file: BinaryIO, seconds: float) -> bool:
    """Wait until there is something to read, or the end of the file."""
    with selectors.DefaultSelector() as selector:
        selector.register(file, selectors.EVENT_READ)
        return bool(selector.select(max(0.0, seconds)))
