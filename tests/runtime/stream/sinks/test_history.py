import threading
import time

import pytest

from edgereader.runtime.errors import SinkError
from edgereader.runtime.stream.sinks.history import History, Past, Point

from ..fakes import Clock
from ..made import SECOND, START, make_event

NOW = START / SECOND
DAY = 86400


@pytest.fixture
def path(tmp_path):
    return tmp_path / "history.sqlite"


@pytest.fixture
def open_history(path):
    """Open histories; they are closed at the end."""
    made = []

    def make(days=30.0, max_mb=10.0, clock=None):
        made.append(History(path, days, max_mb, clock or Clock(NOW)))
        return made[-1]

    yield make
    for history in made:
        history.close()


def total(path) -> int:
    """Bytes of the file and its write-ahead log."""
    return sum(file.stat().st_size for file in path.parent.glob(f"{path.name}*"))


def ids(past) -> list[int]:
    return [(row.event.id - START) // SECOND for row in past]


def test_events_come_back_as_they_were_the_newest_first(open_history):
    history = open_history()
    for number in range(5):
        history.add(make_event(number))
    history.add(make_event(5, name="gate", kind="plate", text="B-XY 12", value=None))
    assert ids(history.latest(3)) == [5, 4, 3]
    assert ids(history.latest(2, "water")) == [4, 3]
    assert ids(history.latest(2, "nobody")) == []
    assert history.latest(1, "water") == [Past(make_event(4))]


def test_events_since_an_id_come_the_oldest_first(open_history):
    history = open_history()
    assert history.last_id == 0
    for number in range(5):
        history.add(make_event(number))
    history.close()
    history = open_history()
    assert history.last_id == make_event(4).id
    assert ids(history.since(make_event(1).id)) == [2, 3, 4]
    assert ids(history.since(0, 2)) == [0, 1]
    assert history.since(history.last_id) == []


@pytest.mark.parametrize(
    ("text", "value", "corrected", "plotted"),
    [
        ("0012345", 12.345, "0012346", [12.346]),
        ("12.5", 12.5, "13.5", [13.5]),
        ("0", 0.0, "5", [5.0]),
        ("5", 5.0, "B 5", []),
        ("00718", 71.8, "00716", [71.6]),
    ],
)
def test_a_correction_is_kept_beside_what_was_read_and_moves_the_plot(open_history, text, value, corrected, plotted):
    history = open_history()
    event = make_event(1, text=text, value=value, sure=False)
    history.add(event)
    assert history.correct(event.id, corrected)
    assert not history.correct(7, "1")
    assert history.latest(1) == [Past(event, corrected)]
    assert [point.value for point in history.series("water", 0)] == plotted


def test_a_short_series_is_whole_and_has_only_what_is_sure_and_a_number(open_history):
    history = open_history()
    history.add(make_event(0))
    history.add(make_event(1, sure=False))
    history.add(make_event(2, value=None))
    history.add(make_event(3, name="other"))
    history.add(make_event(4))
    assert history.series("water", 0) == [Point(NOW, 0.0), Point(NOW + 4, 4.0)]
    assert history.series("water", NOW + 1) == [Point(NOW + 4, 4.0)]
    assert history.series("nobody", 0) == []


def test_a_long_series_is_thinned_and_keeps_its_peaks_and_ends(open_history):
    history = open_history()
    for number in range(1000):
        history.add(make_event(number, value={500: 9e6, 700: -5.0}.get(number, float(number))))
    points = history.series("water", 0, 100)
    assert 50 <= len(points) <= 100
    assert points == sorted(points, key=lambda point: point.taken_s)
    assert {9e6, -5.0, 0.0, 999.0} <= {point.value for point in points}


def test_a_series_at_one_instant_is_thinned_too(open_history):
    history = open_history()
    for number in range(50):
        history.add(make_event(number, at=make_event(0).at))
    assert {point.value for point in history.series("water", 0, 10)} == {0.0, 49.0}


def test_events_that_are_too_old_go_at_the_start_and_later(open_history):
    clock = Clock(NOW)
    history = open_history(days=1, clock=clock)
    for number in range(300):
        history.add(make_event(number))
    clock.add(DAY + 100)
    history.add(make_event(1000))
    assert ids(history.since(0)) == [*range(100, 300), 1000]
    history.close()
    clock.add(150)
    assert ids(open_history(days=1, clock=clock).since(0)) == [*range(250, 300), 1000]


def test_the_file_and_its_log_stay_below_their_size_and_the_oldest_go(open_history, path):
    history = open_history(max_mb=1)
    most = 0
    for number in range(3000):
        history.add(make_event(number))
        most = max(most, total(path))
        if number % 100 == 0:
            history.series("water", 0)
    assert 600_000 < most < 1_000_000
    kept = ids(history.since(0, 10_000))
    assert kept == list(range(kept[0], 3000))
    assert 1000 < len(kept) < 2500


def test_a_file_that_became_too_large_shrinks(open_history, path):
    history = open_history(max_mb=10)
    for number in range(3000):
        history.add(make_event(number))
    history.close()
    before = path.stat().st_size
    history = open_history(max_mb=1)
    assert total(path) < 1_000_000 < before
    assert ids(history.latest(1)) == [2999]
    assert history._writer.execute("PRAGMA integrity_check").fetchone() == ("ok",)


def test_a_full_disk_is_said_once_and_counted(open_history, caplog):
    history = open_history()
    history.add(make_event(0))
    history._writer.execute(f"PRAGMA max_page_count = {history._writer.execute('PRAGMA page_count').fetchone()[0]}")
    for number in range(1, 60):
        history.send(make_event(number), None)
    with pytest.raises(
        SinkError, match=r"history\.sqlite: cannot be written: database or disk is full; check the disk"
    ):
        history.add(make_event(99))
    assert len(caplog.messages) == 1
    lost = 60 - len(history.latest(100))
    history._writer.execute("PRAGMA max_page_count = 100000")
    history.send(make_event(60), None)
    assert f"can be written again; {lost} events are not in the history" in caplog.messages[1]


def test_a_day_without_milliseconds_or_in_another_zone(open_history):
    history = open_history()
    history.add(make_event(1, at="2023-11-14T22:13:21Z"))
    history.add(make_event(2, at="2023-11-14T23:13:22.000+01:00"))
    assert [point.taken_s for point in history.series("water", 0)] == [NOW + 1, NOW + 2]


def test_readers_and_corrections_of_other_threads_see_whole_events_while_one_adds(open_history):
    history = open_history(max_mb=1)
    stop, wrong = threading.Event(), []

    def read():
        while not stop.is_set():
            found = ids(history.latest(50))
            history.series("water", 0, 20)
            if found:
                history.correct(found[0] * SECOND + START, "1")
            if found != sorted(found, reverse=True):
                wrong.append(found)

    threads = [threading.Thread(target=read, daemon=True) for _ in range(4)]
    for thread in threads:
        thread.start()
    until = time.monotonic() + 2
    number = 0
    while time.monotonic() < until:
        history.add(make_event(number))
        number += 1
    stop.set()
    for thread in threads:
        thread.join(20)
        assert not thread.is_alive()
    assert not wrong
    assert history.last_id == make_event(number - 1).id
    assert number > 50


def test_reading_after_closing_is_an_error_of_ours(open_history):
    history = open_history()
    history.close()
    with pytest.raises(SinkError, match="cannot be read"):
        history.latest(1)
