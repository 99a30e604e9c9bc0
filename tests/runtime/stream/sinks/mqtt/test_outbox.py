import shutil
import sqlite3
import tempfile
import threading
from pathlib import Path

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from edgereader.runtime.errors import SinkError
from edgereader.runtime.stream.sinks.mqtt import outbox as module
from edgereader.runtime.stream.sinks.mqtt.outbox import Outbox


@pytest.fixture
def path(tmp_path):
    return tmp_path / "queue.sqlite"


def taken(outbox: Outbox) -> list[bytes]:
    """Everything that waits, removed."""
    payloads = []
    while (first := outbox.first()) is not None:
        payloads.append(first.payload)
        outbox.remove(first.place)
    return payloads


def crash(path: Path) -> Path:
    """The files as they are now, as a killed process leaves them."""
    copy = Path(tempfile.mkdtemp(dir=path.parent)) / path.name
    for file in path.parent.glob(f"{path.name}*"):
        shutil.copy(file, copy.parent)
    return copy


def fill(outbox: Outbox) -> None:
    """Make the disk full for an outbox, as SQLite meets it."""
    pages = outbox._database.execute("PRAGMA page_count").fetchone()[0]
    outbox._database.execute(f"PRAGMA max_page_count = {pages}")


def empty(outbox: Outbox) -> None:
    outbox._database.execute("PRAGMA max_page_count = 1000000")


def test_a_power_cut_loses_nothing(path):
    """SQLite waits for the disk with each transaction."""
    outbox = Outbox(path, 10)
    assert outbox._database.execute("PRAGMA synchronous").fetchone() == (2,)
    assert outbox._database.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    outbox.close()


def test_the_oldest_go_when_too_many_wait(path, caplog):
    outbox = Outbox(path, 3)
    for number in range(10):
        outbox.add("t", b"%d" % number)
    assert (len(outbox), outbox.dropped) == (3, 7)
    assert taken(outbox) == [b"7", b"8", b"9"]
    assert "too many messages wait" in caplog.messages[0]
    assert "no message waits any more; 7 were given up" in caplog.messages[-1]
    outbox.close()


def test_a_smaller_queue_than_before_gives_up_the_oldest(path):
    outbox = Outbox(path, 10)
    for number in range(10):
        outbox.add("t", b"%d" % number)
    outbox.close()
    outbox = Outbox(path, 4)
    outbox.add("t", b"10")
    assert taken(outbox) == [b"7", b"8", b"9", b"10"]
    outbox.close()


def test_removing_what_was_given_up_meanwhile_removes_nothing_else(path):
    outbox = Outbox(path, 2)
    outbox.add("t", b"a")
    under_way = outbox.first()
    outbox.add("t", b"b")
    outbox.add("t", b"c")
    outbox.remove(under_way.place)
    assert taken(outbox) == [b"b", b"c"]
    outbox.close()


def test_a_full_disk_is_said_once_and_nothing_is_lost_or_moved(path, caplog):
    outbox = Outbox(path, 100_000)
    outbox.add("t", b"0", {"s": b"0"})
    fill(outbox)
    for number in range(1, 40):
        outbox.add("t", b"%d" % number + b" " * 1000, {"s": b"%d" % number})
    assert len(outbox) == 40
    assert [message for message in caplog.messages if "full" in message] == caplog.messages[:1]
    assert outbox.kept["s"] == b"39"
    first = outbox.first()
    outbox.remove(first.place)
    empty(outbox)
    outbox.add("t", b"40")
    assert "can be written again" in caplog.messages[-1]
    again = Outbox(crash(path), 100_000)
    assert [int(payload) for payload in taken(again)] == list(range(1, 41))
    assert again.kept["s"] == b"39"
    again.close()
    outbox.close()


def test_memory_has_a_ceiling_while_the_disk_is_full(path, monkeypatch):
    monkeypatch.setattr(module, "SPARE", 5)
    outbox = Outbox(path, 100_000)
    fill(outbox)
    for number in range(40):
        outbox.add("t", b"%d" % number + b" " * 5000)
    assert len(outbox._spare) == 5
    assert [int(payload) for payload in taken(outbox)][-5:] == [35, 36, 37, 38, 39]
    assert outbox.dropped > 20
    outbox.close()


def test_two_streams_cannot_share_a_queue(path, monkeypatch):
    monkeypatch.setattr("edgereader.runtime.stream.sinks.database.WAIT_S", 0.05)
    outbox = Outbox(path, 2)
    with pytest.raises(SinkError, match="in use; give each stream a path of its own"):
        Outbox(path, 2)
    outbox.close()


def test_threads_may_add_and_remove_at_once(path):
    outbox = Outbox(path, 100_000)
    found = []

    def take():
        while len(found) < 200:
            if (first := outbox.first()) is not None:
                found.append(int(first.payload))
                outbox.remove(first.place)

    thread = threading.Thread(target=take, daemon=True)
    thread.start()
    for number in range(200):
        outbox.add("t", b"%d" % number)
    thread.join(60)
    assert found == list(range(200))
    outbox.close()


class Queue(RuleBasedStateMachine):
    """Random adds, removals, crashes, full disks against a list."""

    def __init__(self):
        super().__init__()
        self.folder = tempfile.TemporaryDirectory()
        self.path = Path(self.folder.name) / "queue.sqlite"
        self.outbox = Outbox(self.path, 6)
        self.waiting, self.kept, self.full = [], {}, False

    @precondition(lambda self: not self.full or len(self.waiting) < 6)
    @rule(payload=st.binary(min_size=1, max_size=9000), value=st.binary(min_size=0, max_size=5))
    def add(self, payload, value):
        self.outbox.add("t", payload, {"s": value})
        self.kept = {"s": value} if value else {}
        self.waiting = [*self.waiting, payload][-6:]

    @precondition(lambda self: self.waiting)
    @rule()
    def remove(self):
        first = self.outbox.first()
        assert first.payload == self.waiting.pop(0)
        self.outbox.remove(first.place)

    @precondition(lambda self: not self.full)
    @rule()
    def crash(self):
        copy = crash(self.path)
        self.outbox.close()
        self.path = copy
        self.outbox = Outbox(copy, 6)

    @rule()
    def close_and_open(self):
        empty(self.outbox)
        self.outbox.close()
        self.outbox = Outbox(self.path, 6)
        self.full = False

    @precondition(lambda self: not self.full and len(self.waiting) < 3)
    @rule()
    def fill(self):
        fill(self.outbox)
        self.full = True

    @precondition(lambda self: self.full)
    @rule()
    def empty(self):
        empty(self.outbox)
        self.outbox.keep({})
        self.full = False

    @invariant()
    def says_what_is_true(self):
        first = self.outbox.first()
        assert (first and first.payload) == (self.waiting[0] if self.waiting else None)
        assert self.full or len(self.outbox) == len(self.waiting)
        assert dict(self.outbox.kept) == self.kept

    def teardown(self):
        empty(self.outbox)
        assert taken(self.outbox) == self.waiting
        self.outbox.close()
        self.folder.cleanup()


TestQueue = Queue.TestCase
TestQueue.settings = settings(max_examples=25, stateful_step_count=25, deadline=None)


OLD = """
    CREATE TABLE queue (place INTEGER PRIMARY KEY, topic TEXT NOT NULL, payload BLOB NOT NULL);
    CREATE TABLE kept (topic TEXT PRIMARY KEY, payload BLOB NOT NULL);
    INSERT INTO queue VALUES (7, 't', x'61'), (8, 't', x'62');
    INSERT INTO kept VALUES ('s', x'62');
    PRAGMA application_id = 1163022146;
    PRAGMA user_version = 1;
"""
"""A queue as the version before wrote it."""


def test_a_queue_of_an_earlier_version_is_taken_over(path):
    old = sqlite3.connect(path)
    old.executescript(OLD)
    old.close()
    outbox = Outbox(path, 10)
    assert (dict(outbox.kept), outbox.last) == ({"s": b"b"}, 8)
    assert outbox.add("t", b"c", place=1000)
    assert taken(outbox) == [b"a", b"b", b"c"]
    outbox.close()


def test_the_last_place_outlives_its_message_and_nothing_below_it_is_taken_in(path):
    outbox = Outbox(path, 10)
    for place in (5, 9):
        assert outbox.add("t", b"%d" % place, {"s": b"%d" % place}, place)
    assert taken(outbox) == [b"5", b"9"]
    for again in (outbox, crash(path)):
        opened = again if isinstance(again, Outbox) else Outbox(again, 10)
        assert opened.last == 9
        for place in (5, 8, 9):
            assert not opened.add("t", b"again", {"s": b"again"}, place)
        assert (opened.first(), opened.kept["s"]) == (None, b"9")
        assert opened.add("t", b"10", place=10)
        opened.close()


def test_what_waits_in_memory_is_not_yet_the_last(path):
    outbox = Outbox(path, 100)
    outbox.add("t", b"1", place=1)
    fill(outbox)
    for place in range(2, 30):
        outbox.add("t", b"x" * 5000, place=place)
    assert outbox.last < 29
    assert "expected to write messages" in outbox.trouble
    assert not outbox.add("t", b"again", place=29)
    empty(outbox)
    outbox.add("t", b"30", place=30)
    assert (outbox.last, outbox.trouble) == (30, "")
    outbox.close()


def test_each_queue_has_a_part_of_its_own_that_stays(path, tmp_path):
    parts = []
    for place in (path, path, tmp_path / "other.sqlite"):
        outbox = Outbox(place, 10)
        parts.append(outbox.part)
        outbox.close()
    assert parts[0] == parts[1] != parts[2]
    assert all(len(part) == 8 for part in parts)
