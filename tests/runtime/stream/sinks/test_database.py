import sqlite3
import stat
from dataclasses import replace

import pytest

from edgereader.runtime.errors import ConfigError, SinkError
from edgereader.runtime.stream.sinks.database import Schema, open_database, transaction

SCHEMA = Schema(what="a shelf", application=7, version=3, tables="CREATE TABLE IF NOT EXISTS book (title TEXT)")


@pytest.fixture
def path(tmp_path):
    return tmp_path / "shelf.sqlite"


def test_a_new_file_is_made_and_found_again(path):
    database = open_database(path, SCHEMA)
    database.execute("INSERT INTO book VALUES ('Emil')")
    assert database.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    database.close()
    again = open_database(path, SCHEMA)
    assert again.execute("SELECT title FROM book").fetchall() == [("Emil",)]
    again.close()


def test_only_its_owner_may_read_it(path):
    open_database(path, SCHEMA).close()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_transaction_is_whole_or_nothing(path):
    database = open_database(path, SCHEMA)
    with pytest.raises(sqlite3.OperationalError), transaction(database):
        database.execute("INSERT INTO book VALUES ('Emil')")
        database.execute("INSERT INTO nothing VALUES (1)")
    assert database.execute("SELECT count(*) FROM book").fetchone() == (0,)
    with transaction(database):
        database.execute("INSERT INTO book VALUES ('Emil')")
    assert database.execute("SELECT count(*) FROM book").fetchone() == (1,)
    database.close()


def spoil_text(path):
    path.write_bytes(b"a letter, not a database, and a long one\n" * 100)


def spoil_middle(path):
    whole = bytearray(path.read_bytes())
    whole[4096:] = b"\xa5" * (len(whole) - 4096)
    path.write_bytes(whole)


def spoil_end(path):
    path.write_bytes(path.read_bytes()[:-5000])


@pytest.mark.parametrize("spoil", [spoil_text, spoil_middle, spoil_end])
def test_a_damaged_file_is_refused_and_left_as_it_is(path, spoil):
    database = open_database(path, SCHEMA)
    database.executemany("INSERT INTO book VALUES (?)", [("Emil " * 100,)] * 100)
    database.close()
    spoil(path)
    before = path.read_bytes()
    with pytest.raises(
        SinkError, match=r"shelf\.sqlite: expected a shelf, got a damaged or foreign file; move it away"
    ):
        open_database(path, SCHEMA)
    assert path.read_bytes() == before


def test_a_newer_version_is_refused_and_left_as_it_is(path):
    open_database(path, Schema("a shelf", 7, 4, "CREATE TABLE IF NOT EXISTS book (title TEXT)")).close()
    before = path.read_bytes()
    with pytest.raises(
        ConfigError, match="got version 4, of a newer EdgeReader; update EdgeReader, or put the copy of"
    ):
        open_database(path, SCHEMA)
    assert path.read_bytes() == before


def test_an_older_version_is_taken_over_once(path):
    first = open_database(path, Schema("a shelf", 7, 1, "CREATE TABLE IF NOT EXISTS book (name TEXT)"))
    first.execute("INSERT INTO book VALUES ('Emil')")
    first.close()
    steps = "ALTER TABLE book RENAME COLUMN name TO title; ALTER TABLE book ADD COLUMN pages INTEGER DEFAULT 0", ""
    for _ in range(2):
        now = open_database(path, replace(SCHEMA, upgrades=steps))
        assert now.execute("SELECT title, pages FROM book").fetchall() == [("Emil", 0)]
        assert now.execute("PRAGMA user_version").fetchone() == (3,)
        now.close()


def test_another_programs_file_is_refused_and_left_as_it_is(path):
    other = sqlite3.connect(path)
    other.execute("CREATE TABLE theirs (x)")
    other.close()
    before = path.read_bytes()
    with pytest.raises(ConfigError, match="got another program's file; choose another path"):
        open_database(path, SCHEMA)
    assert path.read_bytes() == before


def test_a_file_in_use_by_another_is_refused(path, monkeypatch):
    monkeypatch.setattr("edgereader.runtime.stream.sinks.database.WAIT_S", 0.05)
    first = open_database(path, SCHEMA, alone=True)
    with pytest.raises(SinkError, match="expected a shelf for this stream alone, got one in use"):
        open_database(path, SCHEMA, alone=True)
    first.close()
    open_database(path, SCHEMA, alone=True).close()


def test_what_cannot_be_a_file_is_refused(path, tmp_path):
    with pytest.raises(SinkError, match="got: Is a directory"):
        open_database(tmp_path, SCHEMA)
    with pytest.raises(SinkError, match="got: No such file or directory"):
        open_database(tmp_path / "nowhere" / "shelf.sqlite", SCHEMA)
