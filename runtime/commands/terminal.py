"""What a command finds around it: standard streams that are closed, full or read by nobody, and signals that end it."""

import ctypes
import io
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from types import FrameType
from typing import Any

from ..silence import silence

ENDING = ("SIGTERM", "SIGHUP")
M_MMAP_THRESHOLD, M_ARENA_MAX = -3, -8
"""Of glibc's malloc.h."""
OWN_PAGES_BYTES = 1 << 17
"""Memory of so many bytes is to go back to the system when it is freed."""
ARENAS = 2
"""Heaps that threads share: glibc gives each thread one of its own, up to 8 for each core, and each keeps some."""


class Heedless(io.FileIO):
    """A descriptor on which what cannot be written is lost: a log that is full or closed changes no exit code."""

    def write(self, data: Any, /) -> int:
        """Write bytes as far as that is possible; return how many they are."""
        try:
            return super().write(data) or 0
        except OSError:
            return len(data)


def prepare_streams() -> None:
    """Put /dev/null where a standard stream is closed, so that no file takes its place; let standard error fail without
    harm, and keep it apart from what C libraries write; print what an encoding lacks as its code.

    Streams that a program put in their place stay.
    """
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # which takes the lowest number that is free
    if sys.stdin is None:
        sys.stdin = io.TextIOWrapper(io.FileIO(0, closefd=False), "utf-8")
    if sys.stdout is None:
        sys.stdout = io.TextIOWrapper(io.FileIO(1, "w", closefd=False), "utf-8")
    elif sys.stdout is sys.__stdout__ and isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")
    if sys.stderr is None or sys.stderr is sys.__stderr__:
        encoding = "utf-8" if sys.stderr is None else sys.stderr.encoding
        raw: Any = Heedless(os.dup(2), "w")
        sys.stderr = io.TextIOWrapper(raw, encoding, "backslashreplace", write_through=True)
        silence.allowed = True


def give_up_output() -> None:
    """Throw away what is still to be written on standard output, as the last try to write it would fail again."""
    if sys.stdout is sys.__stdout__:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)


def give_memory_back() -> None:
    """Let the C library return large pieces of memory to the system when they are freed, which glibc learns not to do,
    and make few heaps.

    With another C library, nothing happens.
    """
    with suppress(OSError, AttributeError):
        ctypes.CDLL(None).mallopt(M_MMAP_THRESHOLD, OWN_PAGES_BYTES)
        ctypes.CDLL(None).mallopt(M_ARENA_MAX, ARENAS)


@contextmanager
def ended_in_order() -> Iterator[None]:
    """Let SIGTERM and SIGHUP raise SystemExit(128 + N) in the main thread, so that no file stays half written and the
    last words are said; a second one ends the process at once. What is ignored, as under nohup, stays so.
    """

    def end(number: int, _frame: FrameType | None) -> None:
        signal.signal(number, signal.SIG_DFL)
        raise SystemExit(128 + number)

    with catching(end, *(getattr(signal, name) for name in ENDING if hasattr(signal, name))):
        yield


@contextmanager
def catching(handler: Callable[[int, FrameType | None], object], *numbers: int) -> Iterator[None]:
    """Have signals call a handler while the block runs in the main thread; what is ignored, as by a shell in the
    background or under nohup, stays so.
    """
    before: dict[int, Any] = {}
    if threading.current_thread() is threading.main_thread():
        before = {
            number: signal.signal(number, handler) for number in numbers if signal.getsignal(number) != signal.SIG_IGN
        }
    try:
        yield
    finally:
        for number, former in before.items():
            signal.signal(number, former)
