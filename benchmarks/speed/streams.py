"""A reader for each thread of a process, or one for all of them."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor

from ...runtime.geometry.images import Frame
from ..contenders import Contender


class Streams:
    """One reader or more, which may be the same; with one, all is done in the thread that asks."""

    def __init__(self, readers: Sequence[Contender]) -> None:
        self.readers = readers
        self._threads = ThreadPoolExecutor(len(readers))

    def read_all(self, frames: Iterable[Frame]) -> None:
        """Read photos, every reader the next one when it has time."""
        if len(self.readers) == 1:
            _exhaust(self.readers[0], iter(frames))
            return
        shared = Shared(frames)
        for done in [self._threads.submit(_exhaust, reader, shared) for reader in self.readers]:
            done.result()


class Shared:
    """An iterator that several threads take from."""

    def __init__(self, frames: Iterable[Frame]) -> None:
        self._frames, self._lock = iter(frames), threading.Lock()

    def __iter__(self) -> Iterator[Frame]:
        return self

    def __next__(self) -> Frame:
        with self._lock:
            return next(self._frames)


def _exhaust(reader: Contender, frames: Iterator[Frame]) -> None:
    for _ in reader.read_many(frames):
        pass
