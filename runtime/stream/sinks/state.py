"""What a stream must still know after a restart: the state of its counters, saved rarely and whole."""

import logging
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec

from ...bundles.writing import write_whole
from ..numbers.emitter import Emitter
from ..sources.trouble import Trouble
from .history import History

LOG = logging.getLogger("edgereader")
SAVE_S = 300.0
"""The state is saved so often, if it changed, and at the end."""
KEY = "teller"
"""The name in files of state, of versions that called the emitter so."""


class StateFile:
    """Values in a small JSON file."""

    def __init__(self, path: Path) -> None:
        """Read the file if it is there; one that is damaged is logged and begun anew."""
        self._path = path
        self._values: dict[str, Any] = {}
        try:
            self._values = msgspec.json.decode(path.read_bytes(), type=dict[str, Any])
        except FileNotFoundError:
            pass
        except (OSError, msgspec.MsgspecError) as exc:
            LOG.warning("%s: expected the state of a stream, got: %s; counters begin anew", path, exc)

    def get_state(self, key: str) -> Any:
        """Return the value; None when there is none."""
        return self._values.get(key)

    def set_state(self, key: str, value: Any) -> None:
        """Keep a value.

        Raises:
            OSError: the file cannot be written.
        """
        self._values[key] = value
        write_whole(self._path, msgspec.json.encode(self._values))


class Keeper:
    """Brings an emitter's state over a restart."""

    def __init__(
        self, emitter: Emitter, store: StateFile | History, clock: Callable[[], float] = time.monotonic
    ) -> None:
        """Give the emitter back the state that was saved."""
        self._emitter, self._store, self._clock = emitter, store, clock
        self._trouble = Trouble()
        self._saved = store.get_state(KEY)
        if self._saved is not None:
            emitter.restore(self._saved)
        self._next_s = clock() + SAVE_S

    def save(self, *, now: bool = False) -> None:
        """Save the state if it changed, and if it is time or it must be now; a full disk is logged once."""
        if not now and self._clock() < self._next_s:
            return
        self._next_s = self._clock() + SAVE_S
        state = self._emitter.state
        if state == self._saved:
            return
        try:
            self._store.set_state(KEY, state)
            self._saved = state
        except OSError as exc:
            self._trouble.say(f"state of the counters: cannot be saved: {exc}")
        else:
            self._trouble.over("state of the counters: saved again")
