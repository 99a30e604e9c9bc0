"""Events of the past, in a SQLite file that stays below its size."""

from __future__ import annotations

import sqlite3
import threading
from itertools import takewhile
from pathlib import Path
from typing import Any

import msgspec

from ...text.values import DECIMALS, Notation
from ..numbers.events import Event
from .database import Schema, as_sink_error, open_database

PAGE_BYTES = 4096
BATCH = 64
"""Rows that go at a time when the file is full: a large deletion would make a large write-ahead log."""
AGREE = 8
"""The clock is believed that so many events in a row agree upon."""
OLD_AT_ONCE = 8
"""Events that are too old go with each new one, at most: a clock that is ahead for a while takes no more than these."""
SET_S = 1_577_836_800.0
"""Events with a time before 2020 come from a clock that was not set yet."""
SCHEMA = Schema(
    what="a history of events",
    application=0x4552_4849,
    version=1,
    pragmas=(f"page_size = {PAGE_BYTES}", "auto_vacuum = INCREMENTAL"),
    tables="""
        CREATE TABLE IF NOT EXISTS event (
            id INTEGER PRIMARY KEY, name TEXT NOT NULL, taken REAL NOT NULL, value REAL, sure INTEGER NOT NULL,
            json BLOB NOT NULL, corrected TEXT
        );
        CREATE INDEX IF NOT EXISTS event_name ON event (name, taken, sure, value);
        CREATE TABLE IF NOT EXISTS state (key TEXT PRIMARY KEY, json BLOB NOT NULL)
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
    """The history: one thread adds events, any may read and correct.

    Args:
        path: the file; made when it is not there.
        days: how long events stay, by their own times: see `_forget_old`.
        max_mb: the file and its write-ahead log stay below; the oldest events go.

    Raises:
        ConfigError: another program's file, or of another version.
        SinkError: the file cannot be opened, or is damaged.
    """

    name, trouble = "history", ""

    def __init__(self, path: Path, days: float, max_mb: float) -> None:
        self._path, self._days = path, days
        pages = int(max_mb * 1e6) // PAGE_BYTES
        log_pages = min(pages // 8, 1000)
        self._most_pages = pages - 2 * log_pages - 16
        self._writing, self._reading = threading.Lock(), threading.Lock()
        self._writer = open_database(path, SCHEMA)
        with as_sink_error("cannot be opened", path):
            self._writer.execute("PRAGMA synchronous = NORMAL")
            self._writer.execute(f"PRAGMA wal_autocheckpoint = {log_pages}")
            self._writer.execute(f"PRAGMA journal_size_limit = {log_pages * PAGE_BYTES}")
            self._reader = sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True, check_same_thread=False)
            self._shrink()
        self.last_id = int(self._read("SELECT coalesce(max(id), 0) FROM event", {})[0][0])
        """The highest id, 0 when there is no event."""

    def take(self, event: Event, picture: bytes | None = None) -> None:  # noqa: ARG002 - a store takes both
        """Add an event, unless it is there.

        Raises:
            SinkError: the disk is full or broken.
        """
        row = (event.id, event.name, event.taken_s, event.value, event.sure, msgspec.json.encode(event))
        with self._writing, as_sink_error("cannot be written", self._path):
            self._forget_old()
            self._make_room()
            self._writer.execute("INSERT OR IGNORE INTO event VALUES (?, ?, ?, ?, ?, ?, NULL)", row)
        self.last_id = max(self.last_id, event.id)

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
            value = corrected_value(msgspec.json.decode(row[0], type=Event), text)
            self._make_room()
            change = "UPDATE event SET corrected = ?, value = ?, sure = 1 WHERE id = ?"
            return self._writer.execute(change, (text, value, event_id)).rowcount > 0

    def get_state(self, key: str) -> Any:
        """Return what an earlier version kept under a key, as JSON has it; None = nothing."""
        rows = self._read("SELECT json FROM state WHERE key = :key", {"key": key})
        return msgspec.json.decode(rows[0][0]) if rows else None

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

    def _forget_old(self) -> None:
        """Let a few events go that are too old, by the clock that the last ``AGREE`` events agree upon.

        The clock of now is not asked: a device may start with any. An event that is ahead of the newest one, or of a
        clock that was not set, says nothing: it goes with the first later one that is too old.
        """
        last = self._writer.execute("SELECT taken FROM event ORDER BY id DESC LIMIT ?", (AGREE,)).fetchall()
        if len(last) < AGREE:
            return
        oldest = "SELECT id, taken FROM event WHERE taken BETWEEN ? AND ? ORDER BY id LIMIT ?"
        found = self._writer.execute(oldest, (SET_S, *last[0], OLD_AT_ONCE)).fetchall()
        before = min(taken for (taken,) in last) - self._days * 86400
        if old := list(takewhile(lambda row: row[1] < before, found)):
            self._forget("WHERE id <= ?", (old[-1][0], OLD_AT_ONCE))

    def _forget(self, where: str, asked: tuple[float, ...]) -> bool:
        oldest = f"SELECT id FROM event {where} ORDER BY id LIMIT ?"  # noqa: S608 - our own words
        return self._writer.execute(f"DELETE FROM event WHERE id IN ({oldest})", asked).rowcount > 0  # noqa: S608

    def _shrink(self) -> None:
        """Make a file smaller that was larger under an earlier configuration."""
        self._make_room()
        while self._writer.execute("PRAGMA page_count").fetchone()[0] > self._most_pages:
            self._writer.execute(f"PRAGMA incremental_vacuum({BATCH})").fetchall()
        self._writer.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()


def is_number(text: str) -> bool:
    """Return whether a text is a number as the reader reads them, in one notation or another."""
    return any(Notation(decimal).value_of(text) is not None for decimal in DECIMALS)


def corrected_value(event: Event, text: str) -> float | None:
    """Return a corrected text as a number, with its point where the event's has it; None = it is no number."""
    if event.value is None:
        return None
    notations = [Notation(decimal) for decimal in DECIMALS]
    notation = next((found for found in notations if found.value_of(event.text) == event.value), notations[0])
    was, now, parts = notation.value_of(event.text), notation.value_of(text), notation.parts(text)
    if now is None or parts is None or parts[2] or not was:
        return now
    return round(now * (event.value / was), 9)
