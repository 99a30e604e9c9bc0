"""The log of a stream: what it tells and what it must know after a restart, on disk together; every sink follows it."""

from __future__ import annotations

import logging
import sqlite3
from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from ..numbers.events import Event
from ..sources.trouble import Trouble
from .database import Schema, as_sink_error, open_database, transaction

LOG = logging.getLogger("edgereader")
MOST = 10_000
"""Events that wait for sinks; then the oldest go."""
MOST_PICTURES = 200
"""Pictures that wait with them."""
MARGIN = 64
"""Events that stay although every sink has them: a power cut may take back what a sink had."""
MEMORY, MEMORY_PICTURES = 1000, 50
"""Events and pictures that wait in memory while the disk takes none."""
STATE, LAST, EARLIER = "state", "last", "teller"
"""Keys of what is kept: the emitter's state, the last id; and what versions without a log called the state."""
SCHEMA = Schema(
    what="the log of a stream",
    application=0x4552_4A4F,
    version=1,
    tables="""
        CREATE TABLE IF NOT EXISTS event (id INTEGER PRIMARY KEY, json BLOB NOT NULL);
        CREATE TABLE IF NOT EXISTS picture (id INTEGER PRIMARY KEY, jpeg BLOB NOT NULL);
        CREATE TABLE IF NOT EXISTS kept (key TEXT PRIMARY KEY, json BLOB NOT NULL);
        CREATE TABLE IF NOT EXISTS position (sink TEXT PRIMARY KEY, id INTEGER NOT NULL)
    """,
)


@dataclass(frozen=True)
class Entry:
    """An event as it is logged."""

    event: Event
    picture: bytes | None = None
    """A JPEG file for the evidence; None = none is to be kept, or it was given up."""


class Journal:
    """Events and state in a SQLite file, or in memory; for one thread.

    Args:
        path: the file, made when it is not there; None = nothing outlives the process.

    Raises:
        ConfigError: another program's file, or of another version.
        SinkError: the file cannot be opened, is damaged, or in use.
    """

    def __init__(self, path: Path | None) -> None:
        self.lost = 0
        """Events that were given up because too many waited for a sink, or for the disk."""
        self._path = path
        self._database = open_database(path, SCHEMA, alone=True)
        self._waiting: deque[Entry] = deque()
        self._trouble, self._full = Trouble(), Trouble()
        with self._reading():
            self._database.execute("PRAGMA synchronous = FULL")
            self.positions: dict[str, int] = dict(self._database.execute("SELECT sink, id FROM position"))
            kept = dict(self._database.execute("SELECT key, json FROM kept"))
        self.state: Any = msgspec.json.decode(kept[STATE]) if STATE in kept else None
        """The emitter's, as it was written last; None = none was."""
        self.last_id: int = msgspec.json.decode(kept.get(LAST, b"0"))
        """The highest id that was ever written."""

    @property
    def trouble(self) -> str:
        """What is wrong now; "" = nothing."""
        return self._trouble.line

    @property
    def waiting(self) -> int:
        """Events that wait for the disk."""
        return len(self._waiting)

    def write(self, entries: Iterable[Entry], state: Any, positions: Mapping[str, int]) -> None:
        """Put events on disk, with the state that holds after them and what each sink has: all of it, or nothing.

        What the disk does not take waits in memory, which is said once, and goes with the next call.
        """
        self._waiting.extend(entries)
        self.state, self.positions = state, {**self.positions, **positions}
        self.last_id = max(self.last_id, *(entry.event.id for entry in self._waiting), 0)
        try:
            with transaction(self._database):
                self._write()
                lost = self._drop(min(positions.values(), default=self.last_id))
        except sqlite3.Error as exc:
            self._trouble.say(
                f"{self._path}: expected to write events, got: {exc}; they wait in memory, check the disk"
            )
            self._hold_less()
        else:
            self._waiting.clear()
            self._trouble.over(f"{self._path}: can be written again")
            self._give_up(lost)

    def after(self, position: int, most: int = 100) -> list[Entry]:
        """Return the first entries above an id, the lowest first.

        Raises:
            SinkError: the disk is broken.
        """
        query = "SELECT json, jpeg FROM event LEFT JOIN picture USING (id) WHERE id > ? ORDER BY id LIMIT ?"
        with self._reading():
            rows = self._database.execute(query, (position, most)).fetchall()
        found = [Entry(msgspec.json.decode(json, type=Event), picture) for json, picture in rows]
        return [*found, *(entry for entry in self._waiting if entry.event.id > position)][:most]

    def count(self, position: int) -> int:
        """Return how many entries are above an id.

        Raises:
            SinkError: the disk is broken.
        """
        with self._reading():
            (stored,) = self._database.execute("SELECT count(*) FROM event WHERE id > ?", (position,)).fetchone()
        return int(stored) + sum(entry.event.id > position for entry in self._waiting)

    def close(self) -> None:
        """Close the file."""
        if self._waiting:
            LOG.warning("%s: %d events could not be written", self._path, len(self._waiting))
        self._database.close()

    def _reading(self) -> Any:
        return as_sink_error("cannot be read", self._path or Path(":memory:"))

    def _write(self) -> None:
        run = self._database.executemany
        entries = [(entry.event.id, entry) for entry in self._waiting]
        run(
            "REPLACE INTO event VALUES (?, ?)",
            [(number, msgspec.json.encode(entry.event)) for number, entry in entries],
        )
        run("REPLACE INTO picture VALUES (?, ?)", [(n, entry.picture) for n, entry in entries if entry.picture])
        kept = [(STATE, self.state), (LAST, self.last_id)]
        run("REPLACE INTO kept VALUES (?, ?)", [(key, msgspec.json.encode(value)) for key, value in kept])
        run("REPLACE INTO position VALUES (?, ?)", list(self.positions.items()))

    def _drop(self, had: int) -> int:
        """Drop what every sink has, but for a margin, and what is too much; return how many were too many."""

        def drop(table: str, where: str, *values: int) -> int:
            return self._database.execute(f"DELETE FROM {table} WHERE {where}", values).rowcount  # noqa: S608 - ours

        nth = "(SELECT id FROM {0} ORDER BY id DESC LIMIT 1 OFFSET ?)"
        drop("event", f"id <= ? AND id <= {nth.format('event')}", had, MARGIN)
        lost = drop("event", f"id <= {nth.format('event')}", MOST)
        drop("picture", f"id <= max(?, coalesce({nth.format('picture')}, 0))", had, MOST_PICTURES)
        return lost

    def _hold_less(self) -> None:
        """Keep what waits in memory below its ceilings; the oldest go."""
        over = max(0, len(self._waiting) - MEMORY)
        for _ in range(over):
            self._waiting.popleft()
        for at in range(len(self._waiting) - MEMORY_PICTURES):
            if self._waiting[at].picture is not None:
                self._waiting[at] = Entry(self._waiting[at].event)
        self._give_up(over)

    def _give_up(self, count: int) -> None:
        self.lost += count
        if count:
            self._full.say(f"{self._path or 'events'}: too many wait for a sink; the oldest are given up")


def earlier_state(path: Path) -> Any:
    """Return what a version without a log kept in a small JSON file; None when there is none, or it is damaged."""
    try:
        return msgspec.json.decode(path.read_bytes(), type=dict[str, Any]).get(EARLIER)
    except FileNotFoundError:
        return None
    except (OSError, msgspec.MsgspecError) as exc:
        LOG.warning("%s: expected the state of a stream, got: %s; counters begin anew", path, exc)
        return None
