"""Events of the past, in a SQLite file that stays below its size, and a little state that outlives a restart."""

from __future__ import annotations

import sqlite3
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec

from ...errors import SinkError
from ...geometry.images import Frame
from ..numbers.events import Event
from ..sources.trouble import Trouble
from .database import Schema, as_sink_error, open_database

PAGE_BYTES = 4096
BATCH = 64
"""Rows that go at a time when the file is full: a large deletion would make a large write-ahead log."""
CLEAN_EVERY_S = 3600.0
"""Events that are too old go so often."""
SCHEMA = Schema(
    what="a history of events",
    application=0x4552_4849,
    version=1,
    pragmas=(f"page_size = {PAGE_BYTES}", "auto_vacuum = INCREMENTAL"),
    tables="""
        CREATE TABLE event (
            id INTEGER PRIMARY KEY, name TEXT NOT NULL, taken REAL NOT NULL, value REAL, sure INTEGER NOT NULL,
            json BLOB NOT NULL, corrected TEXT
        );
        CREATE INDEX event_name ON event (name, taken, sure, value);
        CREATE TABLE state (key TEXT PRIMARY KEY, json BLOB NOT NULL)
    """,
)


class Past(msgspec.Struct, frozen=True):
    """An event of the past."""

    event: Event
    corrected: str | None = None
    """What a person says that it says."""


class Point(msgspec.Struct, frozen=True, array_like=True):
    """A value to plot."""

    taken_s: float
    """Seconds since 1970."""
    value: float


class History:
    """The history; a sink too. One thread adds events, any may read and correct.

    Args:
        path: the file; made when it is not there.
        days: how long events stay.
        max_mb: the file and its write-ahead log stay below; the oldest events go.
        now: seconds since 1970.

    Raises:
        SinkError: the file cannot be opened, is damaged, another program's or of another version.
    """

    def __init__(self, path: Path, days: float, max_mb: float, now: Callable[[], float] = time.time) -> None:
        self._path, self._days, self._now = path, days, now
        pages = int(max_mb * 1e6) // PAGE_BYTES
        log_pages = min(pages // 8, 1000)
        self._most_pages = pages - 2 * log_pages - 16
        self._trouble = Trouble()
        self._lost = 0
        self._cleaned_s = float("-inf")
        self._writing, self._reading = threading.Lock(), threading.Lock()
        self._writer = open_database(path, SCHEMA)
        with as_sink_error("cannot be opened", path):
            self._writer.execute("PRAGMA synchronous = NORMAL")
            self._writer.execute(f"PRAGMA wal_autocheckpoint = {log_pages}")
            self._writer.execute(f"PRAGMA journal_size_limit = {log_pages * PAGE_BYTES}")
            self._reader = sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True, check_same_thread=False)
            self._clean()
            self._shrink()

    def add(self, event: Event) -> None:
        """Add an event.

        Raises:
            SinkError: the disk is full or broken.
        """
        row = (event.id, event.name, event.taken_s, event.value, event.sure, msgspec.json.encode(event))
        with self._writing, as_sink_error("cannot be written", self._path):
            if self._now() - self._cleaned_s > CLEAN_EVERY_S:
                self._clean()
            self._make_room()
            self._writer.execute("INSERT INTO event VALUES (?, ?, ?, ?, ?, ?, NULL)", row)

    def latest(self, n: int, name: str | None = None) -> list[Past]:
        """Return the last n events, of one number or of all, the newest first."""
        where = "" if name is None else "WHERE name = :name"
        order = "id" if name is None else "taken DESC, id"
        return self._events(f"{where} ORDER BY {order} DESC LIMIT :n", {"n": n, "name": name})

    def since(self, after: int, n: int = 1000) -> list[Past]:
        """Return the first n events after an id, the oldest first."""
        return self._events("WHERE id > :after ORDER BY id LIMIT :n", {"n": n, "after": after})

    def series(self, name: str, from_s: float, points: int = 500) -> list[Point]:
        """Return sure values of a number since a time (seconds since 1970), the oldest first, for a plot.

        Of more than ``points`` values, the lowest and the highest in each of ``points // 2`` equal times stay.
        """
        what = "FROM event WHERE name = :name AND taken >= :from_s AND sure AND value IS NOT NULL"
        asked = {"name": name, "from_s": from_s}
        count, first, last = self._read(f"SELECT count(*), min(taken), max(taken) {what}", asked)[0]
        if count <= points:
            return [Point(*row) for row in self._read(f"SELECT taken, value {what} ORDER BY taken, id", asked)]
        asked |= {"first": first, "width": max((last - first) / max(1, points // 2 - 1), 1e-6)}
        group = "GROUP BY CAST((taken - :first) / :width AS INTEGER)"
        ends = [self._read(f"SELECT taken, {end}(value) {what} {group}", asked) for end in ("min", "max")]
        return [Point(*row) for row in sorted({*ends[0], *ends[1]})]

    def correct(self, event_id: int, text: str) -> bool:
        """Note what a person says that an event says; False when there is no such event.

        Raises:
            SinkError: the disk is full or broken.
        """
        with self._writing, as_sink_error("cannot be written", self._path):
            row = self._writer.execute("SELECT json FROM event WHERE id = ?", (event_id,)).fetchone()
            if row is None:
                return False
            value = _value(msgspec.json.decode(row[0], type=Event), text)
            self._make_room()
            change = "UPDATE event SET corrected = ?, value = ?, sure = 1 WHERE id = ?"
            return self._writer.execute(change, (text, value, event_id)).rowcount > 0

    @property
    def last_id(self) -> int:
        """The highest id, 0 when there is no event."""
        return int(self._read("SELECT coalesce(max(id), 0) FROM event", {})[0][0])

    def get_state(self, key: str) -> Any:
        """Return what was kept under a key, as JSON has it; None = nothing."""
        rows = self._read("SELECT json FROM state WHERE key = :key", {"key": key})
        return msgspec.json.decode(rows[0][0]) if rows else None

    def set_state(self, key: str, value: Any) -> None:
        """Keep something that JSON can hold.

        Raises:
            SinkError: the disk is full or broken.
        """
        with self._writing, as_sink_error("cannot be written", self._path):
            self._writer.execute("REPLACE INTO state VALUES (?, ?)", (key, msgspec.json.encode(value)))

    def send(self, event: Event, crop: Frame | None) -> None:  # noqa: ARG002 - a sink takes both
        """Add an event; what cannot be added is lost, which is said once."""
        try:
            self.add(event)
        except SinkError as exc:
            self._lost += 1
            self._trouble.say(str(exc))
        else:
            self._trouble.over(f"{self._path}: can be written again; {self._lost} events are not in the history")
            self._lost = 0

    def close(self, seconds: float = 0.0) -> None:  # noqa: ARG002 - nothing waits
        """Close the file."""
        with self._writing, self._reading:
            self._reader.close()
            self._writer.close()

    def _read(self, query: str, asked: dict[str, Any]) -> list[tuple[Any, ...]]:
        with self._reading, as_sink_error("cannot be read", self._path):
            return self._reader.execute(query, asked).fetchall()

    def _events(self, what: str, asked: dict[str, Any]) -> list[Past]:
        rows = self._read(f"SELECT json, corrected FROM event {what}", asked)  # noqa: S608 - our own words
        return [Past(msgspec.json.decode(json, type=Event), corrected) for json, corrected in rows]

    def _used_pages(self) -> int:
        (pages,) = self._writer.execute("PRAGMA page_count").fetchone()
        (free,) = self._writer.execute("PRAGMA freelist_count").fetchone()
        return int(pages - free)

    def _make_room(self) -> None:
        """Let the oldest events go while the file is as large as it may be; new ones take their pages."""
        while self._used_pages() >= self._most_pages and self._forget("", (BATCH,)):
            pass

    def _clean(self) -> None:
        """Let events go that are too old."""
        self._cleaned_s = self._now()
        before = (self._now() - self._days * 86400) * 1e6
        while self._forget("WHERE id < ?", (before, BATCH)):
            pass

    def _forget(self, where: str, asked: tuple[float, ...]) -> bool:
        oldest = f"SELECT id FROM event {where} ORDER BY id LIMIT ?"  # noqa: S608 - our own words
        return self._writer.execute(f"DELETE FROM event WHERE id IN ({oldest})", asked).rowcount > 0  # noqa: S608

    def _shrink(self) -> None:
        """Make a file smaller that was larger under an earlier configuration."""
        self._make_room()
        while self._writer.execute("PRAGMA page_count").fetchone()[0] > self._most_pages:
            self._writer.execute(f"PRAGMA incremental_vacuum({BATCH})").fetchall()
        self._writer.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()


def _value(event: Event, text: str) -> float | None:
    """Return a corrected text as a number, with its point where the event's has it."""
    try:
        was, now = float(event.text), float(text)
    except ValueError:
        return None
    if event.value is None or "." in text:
        return None if event.value is None else now
    return round(now * (event.value / was if was else 1.0), 9)
