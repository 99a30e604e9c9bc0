"""What C libraries write on standard error while they decode: thrown away, where a command keeps its own log elsewhere.

libjpeg, libpng and others have a line for each damaged file, several a second from a damaged camera; what matters of
them is in our own errors. Programs that use EdgeReader as a library keep all they write.
"""

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager


class Silence:
    """Takes descriptor 2 away while a block runs, in any number of threads, once it is allowed to."""

    def __init__(self) -> None:
        self.allowed = False
        """Whether nothing but C libraries writes on descriptor 2."""
        self._lock = threading.Lock()
        self._inside, self._kept = 0, -1

    @contextmanager
    def __call__(self) -> Iterator[None]:
        """Run a block in which what is written on descriptor 2 is lost."""
        if not self.allowed:
            yield
            return
        with self._lock:
            self._inside += 1
            if self._inside == 1:
                self._kept = os.dup(2)
                nowhere = os.open(os.devnull, os.O_WRONLY)
                os.dup2(nowhere, 2)
                os.close(nowhere)
        try:
            yield
        finally:
            with self._lock:
                self._inside -= 1
                if self._inside == 0:
                    os.dup2(self._kept, 2)
                    os.close(self._kept)


silence = Silence()
