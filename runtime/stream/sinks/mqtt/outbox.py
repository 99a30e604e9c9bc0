"""Messages that wait for a broker, on disk and in order; what was taken in survives a crash and a power cut."""

from __future__ import annotations

import secrets
import sqlite3
import threading
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

from ...sources.trouble import Trouble
from ..database import Schema, as_sink_error, open_database, transaction

SPARE = 1000
"""Messages that wait in memory while the disk takes none."""
SCHEMA = Schema(
    what="a queue of MQTT messages",
    application=0x4552_4F42,
    version=1,
    tables="""
        CREATE TABLE IF NOT EXISTS queue (place INTEGER PRIMARY KEY, topic TEXT NOT NULL, payload BLOB NOT NULL);
        CREATE TABLE IF NOT EXISTS kept (topic TEXT PRIMARY KEY, payload BLOB NOT NULL);
        CREATE TABLE IF NOT EXISTS own (key TEXT PRIMARY KEY, value NOT NULL)
    """,
)


@dataclass(frozen=True)
class Waiting:
    """A message."""

    place: int
    """Rises from message to message: the event's id."""
    topic: str
    payload: bytes


class Outbox:
    """A queue in a SQLite file, and what each retained topic says now. Any thread may use it.

    Raises:
        ConfigError: another program's file, or of another version.
        SinkError: the file cannot be opened or made, is damaged, or in use.
    """

    def __init__(self, path: Path, most: int) -> None:
        self.dropped = 0
        """Messages that were given up because more than `most` waited, or the disk took none for too long."""
        self._path, self._most = path, most
        self._lock = threading.Lock()
        self._disk, self._full = Trouble(), Trouble()
        self._spare: deque[Waiting] = deque()
        self._unsaved: dict[str, bytes] = {}
        self._database = open_database(path, SCHEMA, alone=True)
        with as_sink_error("cannot be read", path):
            self._database.execute("PRAGMA synchronous = FULL")
            self._kept: dict[str, bytes] = dict(self._database.execute("SELECT topic, payload FROM kept"))
            count, last = self._database.execute("SELECT count(*), coalesce(max(place), 0) FROM queue").fetchone()
            own = {
                "part": secrets.token_hex(4),
                "last": 0,
                **dict(self._database.execute("SELECT key, value FROM own")),
            }
            self._database.executemany("REPLACE INTO own VALUES (?, ?)", own.items())
        self.part: str = own["part"]
        """Drawn by chance when the file was made, so that no other client of the broker has the same."""
        self._stored, self._last, self._done = int(count), max(int(last), int(own["last"])), 0
        self._last_saved = self._last

    def __len__(self) -> int:
        return self._stored + len(self._spare)

    @property
    def last(self) -> int:
        """The place of the last message that is, or was, safely on disk; 0 = there was none."""
        return self._last_saved

    @property
    def trouble(self) -> str:
        """What is wrong now; "" = nothing."""
        return self._disk.line or self._full.line

    @property
    def kept(self) -> Mapping[str, bytes]:
        """What each retained topic says now."""
        with self._lock:
            return MappingProxyType(dict(self._kept))

    def add(
        self, topic: str, payload: bytes, kept: Mapping[str, bytes] | None = None, place: int | None = None
    ) -> bool:
        """Take a message in, and what retained topics say from now on; both are on disk when this returns.

        While the disk takes nothing, which is said once, the last `SPARE` messages wait in memory.

        Args:
            topic: where it is said.
            payload: what is said.
            kept: retained topic → what it says; b"" = forget the topic.
            place: the message's; None = the next one.

        Returns:
            False where the place is not above the last one's: the message was taken in before.
        """
        with self._lock:
            if place is not None and place <= self._last:
                return False
            self._last = self._last + 1 if place is None else place
            self._spare.append(Waiting(self._last, topic, payload))
            self._keep(kept or {})
            self._save()
            return True

    def keep(self, kept: Mapping[str, bytes]) -> None:
        """Note what retained topics say from now on; b"" = forget the topic."""
        with self._lock:
            self._keep(kept)
            self._save()

    def first(self) -> Waiting | None:
        """Return the message that waits longest, None when none waits."""
        with self._lock:
            try:
                row = self._database.execute(
                    "SELECT place, topic, payload FROM queue WHERE place > ? ORDER BY place LIMIT 1", (self._done,)
                ).fetchone()
            except sqlite3.Error as exc:
                self._disk.say(f"{self._path}: expected to read messages, got: {exc}; check the disk")
                return None
            if row is not None:
                return Waiting(*row)
            return self._spare[0] if self._spare else None

    def remove(self, place: int) -> None:
        """Remove the first message, which the broker has."""
        with self._lock:
            self._done = max(self._done, place)
            if self._spare and self._spare[0].place <= place:
                self._spare.popleft()
            self._save()
            if not len(self):
                self._full.over(f"{self._path}: no message waits any more; {self.dropped} were given up")

    def close(self) -> None:
        """Close the file; what waits stays in it."""
        with self._lock:
            self._save()
            self._database.close()

    def _keep(self, kept: Mapping[str, bytes]) -> None:
        for topic, payload in kept.items():
            self._unsaved[topic] = payload
            self._kept[topic] = payload
            if not payload:
                del self._kept[topic]

    def _save(self) -> None:
        """Bring to disk what changed; what the disk does not take is tried again with the next change."""
        try:
            with transaction(self._database):
                rows = [(message.place, message.topic, message.payload) for message in self._spare]
                self._database.executemany("INSERT INTO queue VALUES (?, ?, ?)", rows)
                self._database.executemany("REPLACE INTO kept VALUES (?, ?)", self._unsaved.items())
                self._database.execute("DELETE FROM kept WHERE payload = x''")
                if self._last != self._last_saved:
                    self._database.execute("REPLACE INTO own VALUES ('last', ?)", (self._last,))
                removed = self._database.execute("DELETE FROM queue WHERE place <= ?", (self._done,)).rowcount
                over = max(0, self._stored + len(rows) - removed - self._most)
                oldest = "SELECT place FROM queue ORDER BY place LIMIT ?"
                self._database.execute(f"DELETE FROM queue WHERE place IN ({oldest})", (over,))  # noqa: S608 - ours
        except sqlite3.Error as exc:
            self._disk.say(f"{self._path}: expected to write messages, got: {exc}; the last {SPARE} wait in memory")
            over = max(0, len(self._spare) - min(SPARE, self._most))
            for _ in range(over):
                self._spare.popleft()
        else:
            self._stored += len(rows) - removed - over
            self._spare.clear()
            self._last_saved = self._last
            self._unsaved.clear()
            self._disk.over(f"{self._path}: can be written again")
        self._give_up(over)

    def _give_up(self, count: int) -> None:
        if count:
            self.dropped += count
            self._full.say(f"{self._path}: too many messages wait ({len(self)}); the oldest are given up")
