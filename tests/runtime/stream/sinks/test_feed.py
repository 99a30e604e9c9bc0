import pytest

from edgereader.runtime.errors import SinkError
from edgereader.runtime.stream.sinks.feed import AGAIN_MOST_S, AGAIN_S, Feed
from edgereader.runtime.stream.sinks.journal import Entry, Journal

from ..fakes import Clock
from ..made import START, make_event


class Shelf:
    """A store that takes events, or fails; it may forget what it had."""

    name, trouble = "shelf", ""

    def __init__(self, last_id=0):
        self.last_id, self.got, self.fails, self.tries = last_id, [], None, 0

    def take(self, event, picture):
        self.tries += 1
        if self.fails is not None:
            raise self.fails
        self.got.append((int(event.text), picture))
        self.last_id = event.id


@pytest.fixture
def journal():
    with_memory = Journal(None)
    yield with_memory
    with_memory.close()


def log(journal, *numbers):
    for number in numbers:
        journal.write([Entry(make_event(number), b"%d" % number)], None, {"other": 1})


def test_a_store_gets_each_event_once_and_in_order(journal):
    shelf = Shelf()
    feed = Feed(shelf, journal, Clock())
    for number in range(1, 5):
        log(journal, number)
        feed.pump()
        feed.pump()
    assert shelf.got == [(number, b"%d" % number) for number in range(1, 5)]
    assert feed.has == make_event(4).id
    assert feed.status.trouble == ""


def test_a_new_store_gets_events_from_now_on(journal):
    log(journal, 1, 2)
    shelf = Shelf()
    feed = Feed(shelf, journal, Clock())
    log(journal, 3)
    feed.pump()
    assert [number for number, _ in shelf.got] == [3]


@pytest.mark.parametrize("had", range(5))
def test_a_store_is_brought_up_to_the_log_from_what_it_has(journal, had):
    """By itself, or, where it cannot tell, by what the log knows."""
    log(journal, 1, 2, 3, 4)
    known = make_event(had).id if had else START
    for shelf, positions in ((Shelf(known), {}), (Shelf(), {"shelf": known}), (Shelf(known), {"shelf": START + 10**9})):
        journal.positions = positions
        Feed(shelf, journal, Clock()).pump()
        assert [number for number, _ in shelf.got] == list(range(had + 1, 5))


def test_what_a_store_cannot_take_comes_later_and_it_is_not_asked_too_often(journal, caplog):
    shelf, clock = Shelf(), Clock()
    feed = Feed(shelf, journal, clock)
    shelf.fails = SinkError("no room")
    for number in range(1, 101):
        log(journal, number)
        feed.pump()
        clock.add(1.0)
    assert 100 / AGAIN_MOST_S < shelf.tries < 12
    assert (feed.status.trouble, feed.has) == ("no room; events wait", 0)
    assert feed.status.waiting > 50
    assert caplog.text.count("no room") == 1
    shelf.fails = None
    clock.add(AGAIN_MOST_S + AGAIN_S)
    feed.pump()
    assert [number for number, _ in shelf.got] == list(range(1, 101))
    assert (feed.status.trouble, feed.status.waiting) == ("", 0)
    assert "shelf: takes events again" in caplog.text
    log(journal, 101)
    feed.pump()
    assert shelf.got[-1][0] == 101


def test_the_end_does_not_wait_for_the_next_try(journal):
    shelf, clock = Shelf(), Clock()
    feed = Feed(shelf, journal, clock)
    shelf.fails = OSError("gone")
    log(journal, 1)
    feed.pump()
    shelf.fails = None
    feed.pump()
    assert not shelf.got
    feed.pump(now=True)
    assert [number for number, _ in shelf.got] == [1]


def test_a_store_that_has_events_in_memory_only_does_not_have_them(journal):
    """As a queue does while the disk is full: the log keeps them."""
    shelf = Shelf()
    feed = Feed(shelf, journal, Clock())
    log(journal, 1)
    shelf.take = lambda event, _: shelf.got.append((int(event.text), None))
    feed.pump()
    assert (len(shelf.got), feed.has) == (1, 0)
    shelf.last_id = make_event(1).id
    assert feed.has == make_event(1).id


def test_a_stores_own_trouble_is_its_status(journal):
    shelf = Shelf()
    shelf.trouble = "no connection"
    assert Feed(shelf, journal, Clock()).status.trouble == "no connection"
