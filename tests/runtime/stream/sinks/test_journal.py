import json
import shutil

import pytest

from edgereader.runtime.errors import ConfigError, SinkError
from edgereader.runtime.stream.sinks import journal as module
from edgereader.runtime.stream.sinks.history import History
from edgereader.runtime.stream.sinks.journal import MARGIN, Entry, Journal, earlier_state

from ..made import make_event


@pytest.fixture
def path(tmp_path):
    return tmp_path / "gate.state.sqlite"


def write(journal, number, has=0, **entry):
    """Log an event and the state after it, while a sink has those up to another one."""
    had = make_event(has).id if has else 0
    journal.write([Entry(make_event(number), **entry)], {"count": number}, {"sink": had})


def numbers(entries):
    return [int(entry.event.text) for entry in entries]


def killed(path):
    """The file as a killed process leaves it, opened by the next."""
    copy = path.parent / "copy"
    shutil.rmtree(copy, ignore_errors=True)
    copy.mkdir()
    for file in path.parent.glob(f"{path.name}*"):
        shutil.copy(file, copy)
    return Journal(copy / path.name)


def fill(journal):
    """Make the disk full, as SQLite meets it."""
    pages = journal._database.execute("PRAGMA page_count").fetchone()[0]
    journal._database.execute(f"PRAGMA max_page_count = {pages}")


def test_events_and_the_state_after_them_outlive_a_kill_together(path):
    journal = Journal(path)
    assert (journal.state, journal.last_id) == (None, 0)
    for number in range(1, 4):
        write(journal, number, picture=b"jpeg")
        again = killed(path)
        assert (again.state, again.last_id) == ({"count": number}, make_event(number).id)
        assert again.after(0) == [Entry(make_event(n), b"jpeg") for n in range(1, number + 1)]
        again.close()
    journal.close()


def test_a_write_is_whole_or_nothing(path):
    journal = Journal(path)
    write(journal, 1)
    journal._database.execute("CREATE TRIGGER no BEFORE INSERT ON position BEGIN SELECT raise(ABORT, 'cut'); END")
    write(journal, 2)
    assert "cut" in journal.trouble
    again = killed(path)
    assert (again.state, numbers(again.after(0))) == ({"count": 1}, [1])
    again.close()
    journal._database.execute("DROP TRIGGER no")
    write(journal, 3)
    assert numbers(journal.after(0)) == [1, 2, 3]
    journal.close()


def test_the_disk_is_waited_for(path):
    journal = Journal(path)
    assert journal._database.execute("PRAGMA synchronous").fetchone() == (2,)
    assert journal._database.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    journal.close()


def test_what_every_sink_has_goes_but_for_a_margin(path):
    journal = Journal(path)
    for number in range(1, 301):
        write(journal, number, has=max(0, number - 100), picture=b"jpeg")
    assert numbers(journal.after(0, 1000)) == list(range(201, 301))
    assert {entry.picture for entry in journal.after(0, 1000)} == {b"jpeg"}
    write(journal, 301, has=301)
    found = journal.after(0, 1000)
    assert numbers(found) == list(range(302 - MARGIN, 302))
    assert {entry.picture for entry in found} == {None}
    assert journal.lost == 0
    journal.close()


def test_what_waits_for_a_sink_has_a_ceiling_and_is_counted(path, monkeypatch, caplog):
    monkeypatch.setattr(module, "MOST", 20)
    monkeypatch.setattr(module, "MOST_PICTURES", 5)
    journal = Journal(path)
    for number in range(1, 51):
        write(journal, number, picture=b"jpeg")
    found = journal.after(0)
    assert numbers(found) == list(range(31, 51))
    assert [int(entry.event.text) for entry in found if entry.picture] == list(range(46, 51))
    assert journal.lost == 30
    assert caplog.text.count("the oldest are given up") == 1
    assert journal.count(make_event(40).id) == 10
    journal.close()


def test_a_full_disk_is_said_once_and_nothing_is_lost(path, caplog):
    journal = Journal(path)
    write(journal, 1)
    fill(journal)
    for number in range(2, 200):
        write(journal, number, picture=b"x" * 5000)
    assert caplog.text.count("expected to write events, got") == 1
    assert "full" in journal.trouble
    assert journal.waiting > 100
    assert numbers(journal.after(0, 1000)) == list(range(1, 200)), "sinks get them all the same"
    journal._database.execute("PRAGMA max_page_count = 1000000")
    write(journal, 200)
    assert (journal.trouble, journal.waiting) == ("", 0)
    again = killed(path)
    assert numbers(again.after(0, 1000)) == list(range(1, 201))
    assert (again.state, again.lost) == ({"count": 200}, 0)
    again.close()
    journal.close()


def test_memory_has_a_ceiling_while_the_disk_is_full(path, monkeypatch):
    monkeypatch.setattr(module, "MEMORY", 10)
    monkeypatch.setattr(module, "MEMORY_PICTURES", 3)
    journal = Journal(path)
    fill(journal)
    for number in range(1, 100):
        write(journal, number, picture=b"x" * 5000)
    found = [entry for entry in journal.after(0, 1000) if int(entry.event.text) > 80]
    assert numbers(found)[-10:] == list(range(90, 100))
    assert [int(entry.event.text) for entry in found if entry.picture] == [97, 98, 99]
    assert journal.lost > 50
    journal.close()


def test_without_a_path_nothing_is_written(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    journal = Journal(None)
    write(journal, 1)
    assert numbers(journal.after(0)) == [1]
    journal.close()
    assert not list(tmp_path.iterdir())


def test_what_is_not_ours_or_in_use_is_refused(path, tmp_path, monkeypatch):
    monkeypatch.setattr("edgereader.runtime.stream.sinks.database.WAIT_S", 0.05)
    journal = Journal(path)
    with pytest.raises(SinkError, match="the log of a stream for this stream alone, got one in use"):
        Journal(path)
    journal.close()
    History(tmp_path / "h.sqlite", 9, 9).close()
    with pytest.raises(ConfigError, match="expected the log of a stream, got another program's file"):
        Journal(tmp_path / "h.sqlite")


@pytest.mark.parametrize("contents", ["", "{", "[]", '{"teller"', "\x00"])
def test_a_damaged_state_of_an_earlier_version_is_reported_and_begun_anew(tmp_path, caplog, contents):
    (tmp_path / "a.json").write_text(contents)
    assert earlier_state(tmp_path / "a.json") is None
    assert "counters begin anew" in caplog.text


def test_a_state_of_an_earlier_version_is_read(tmp_path, caplog):
    (tmp_path / "a.json").write_text(json.dumps({"teller": {"id": 3, "text": "³"}}))
    assert earlier_state(tmp_path / "a.json") == {"id": 3, "text": "³"}
    assert earlier_state(tmp_path / "none.json") is None
    assert not caplog.text
