"""Buffers that are lent: a session is shared, and whoever reads has a binding alone for as long as that takes."""

import threading
from collections.abc import Callable, Hashable, Iterator
from contextlib import contextmanager
from typing import Generic, TypeVar

from .base import Binding

Key = TypeVar("Key", bound=Hashable)
MAX_BINDINGS = 8
"""Bindings that are kept unused; one of another size takes the place of the one unused for longest."""


class Lender(Generic[Key]):
    """Lends bindings, and keeps those that come back for the next one who asks; safe to share between threads.

    As many are made as are used at once, by threads or in turn by one; nothing is kept for a thread that has ended.
    """

    def __init__(self, make: Callable[[Key], Binding], most: int = MAX_BINDINGS) -> None:
        """Lend what ``make`` makes for a key, and keep at most so many that nobody uses, the last used ones."""
        self._make, self._most = make, most
        self._lock = threading.Lock()
        self.idle: list[tuple[Key, Binding]] = []
        """Bindings that nobody uses, the last used one at the end."""

    def take(self, key: Key) -> Binding:
        """Return a binding that is the caller's alone until `give_back`, or until it is forgotten.

        Raises:
            BackendError: see `Session.bind`.
        """
        with self._lock:
            for place in range(len(self.idle) - 1, -1, -1):
                if self.idle[place][0] == key:
                    return self.idle.pop(place)[1]
            unused = self._beyond(self._most - 1)
        unused.clear()  # before, as the old and the new need not fit into memory together
        return self._make(key)

    def give_back(self, key: Key, binding: Binding) -> None:
        """Take back what `take` gave, when its outputs have been read."""
        binding.release()
        with self._lock:
            self.idle.append((key, binding))
            unused = self._beyond(self._most)
        unused.clear()

    def _beyond(self, most: int) -> list[tuple[Key, Binding]]:
        """Take out what is beyond so many, unused for longest."""
        count = max(len(self.idle) - most, 0)
        unused, self.idle[:count] = self.idle[:count], []
        return unused

    @contextmanager
    def lent(self, key: Key) -> Iterator[Binding]:
        """Lend a binding for as long as the context; one in which something failed is not lent again."""
        binding = self.take(key)
        yield binding
        self.give_back(key, binding)
