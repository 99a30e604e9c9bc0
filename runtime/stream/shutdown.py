"""How a stream is stopped from outside, by signals or after a time; and with which exit code a start fails."""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

import click

from ..commands.terminal import catching
from ..errors import (
    TRY_AGAIN,
    AlphabetError,
    BackendUnavailable,
    BundleError,
    ConfigError,
    DatasetError,
    EdgeReaderError,
    one_line,
)

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
WRONG_WORDS = (AlphabetError, BackendUnavailable, BundleError, ConfigError, DatasetError)
"""What fails again until somebody changes the command or the configuration: exit code 2."""


@contextmanager
def may_pass() -> Iterator[None]:
    """Exit with ``TRY_AGAIN`` for errors that may pass; those of wrong words are raised."""
    try:
        yield
    except (BrokenPipeError, *WRONG_WORDS):
        raise
    except (EdgeReaderError, OSError, MemoryError) as exc:
        click.echo(f"error: {one_line(exc) or type(exc).__name__}", err=True)
        sys.exit(TRY_AGAIN)


class Stopping:
    """While it is open, the first signal stops a stream and the second one ends the process at once."""

    def __init__(self) -> None:
        self._asked = False
        self._stop: Callable[[], None] | None = None
        self._timer: threading.Timer | None = None
        self._caught = catching(self._signalled, *SIGNALS)

    def __enter__(self) -> Stopping:  # noqa: PYI034 - typing.Self is of Python 3.11
        self._caught.__enter__()
        return self

    def __exit__(self, *_: object) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._caught.__exit__(None, None, None)

    def stops(self, stop: Callable[[], None], seconds: float | None = None) -> None:
        """Say what stops the stream: called once, perhaps at once; by a signal, or after so many seconds.

        A signal's handler calls it, between any two lines of the main thread: it must take no lock.
        """
        self._stop = stop
        if self._asked:
            stop()
        if seconds is not None:
            self._timer = threading.Timer(seconds, stop)
            self._timer.name, self._timer.daemon = "edgereader-seconds", True
            self._timer.start()

    def _signalled(self, number: int, _frame: FrameType | None) -> None:
        if self._asked:
            os._exit(128 + number)
        self._asked = True
        if self._stop is not None:
            self._stop()
