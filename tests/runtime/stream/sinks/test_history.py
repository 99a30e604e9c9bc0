import threading
import time
from datetime import datetime, timezone

import pytest

from edgereader.runtime.errors import SinkError
from edgereader.runtime.stream.sinks.history import AGREE, OLD_AT_ONCE, History, Past, Point

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

    def make(days=30.0, max_mb=10.0):
        made.append(History(path, days, max_mb))
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
        history.take(make_event(number))
    history.take(make_event(5, name="gate", kind="plate", text="B-XY 12", value=None))
    assert ids(history.latest(3)) == [5, 4, 3]
    assert ids(history.latest(2, "water")) == [4, 3]
    assert ids(history.latest(2, "nobody")) == []
    assert history.latest(1, "water") == [Past(make_event(4))]


def test_an_event_that_is_there_stays_as_it_is(open_history):
    """It comes again after a kill; a person may have corrected it meanwhile."""
    history = open_history()
    history.take(make_event(1))
    assert history.correct(make_event(1).id, "00002")
    history.take(make_event(1))
    assert [past.corrected for past in history.latest(9)] == ["00002"]


def test_events_since_an_id_come_the_oldest_first(open_history):
    history = open_history()
    assert history.last_id == 0
    for number in range(5):
        history.take(make_event(number))
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
        ("1.234", 1.234, "1.235", [1.235]),
        ("1,5", 1.5, "2,5", [2.5]),
        ("12", 12.0, "inf", []),
        ("12", 12.0, "nan", []),
        ("12", 12.0, "1_3", []),
        ("12", 12.0, "1e3", []),
        ("12", 12.0, "١٣", []),
        ("12", 12.0, "１３", []),
    ],
)
def test_a_correction_is_kept_beside_what_was_read_and_moves_the_plot(open_history, text, value, corrected, plotted):
    history = open_history()
    event = make_event(1, text=text, value=value, sure=False)
    history.take(event)
    assert history.correct(event.id, corrected)
    assert not history.correct(7, "1")
    assert history.latest(1) == [Past(event, corrected)]
    assert [point.value for point in history.series("water", 0)] == plotted


def test_a_short_series_is_whole_and_has_only_what_is_sure_and_a_number(open_history):
    history = open_history()
    history.take(make_event(0))
    history.take(make_event(1, sure=False))
    history.take(make_event(2, value=None))
    history.take(make_event(3, name="other"))
    history.take(make_event(4))
    assert history.series("water", 0) == [Point(NOW, 0.0), Point(NOW + 4, 4.0)]
    assert history.series("water", NOW + 1) == [Point(NOW + 4, 4.0)]
    assert history.series("nobody", 0) == []


def test_a_long_series_is_thinned_and_keeps_its_peaks_and_ends(open_history):
    history = open_history()
    for number in range(1000):
        history.take(make_event(number, value={500: 9e6, 700: -5.0}.get(number, float(number))))
    points = history.series("water", 0, 100)
    assert 50 <= len(points) <= 100
    assert points == sorted(points, key=lambda point: point.taken_s)
    assert {9e6, -5.0, 0.0, 999.0} <= {point.value for point in points}


def test_a_series_at_one_instant_is_thinned_too(open_history):
    history = open_history()
    for number in range(50):
        history.take(make_event(number, at=make_event(0).at))
    assert {point.value for point in history.series("water", 0, 10)} == {0.0, 49.0}


def at(second):
    """When an event was taken, as it says itself."""
    return datetime.fromtimestamp(second, timezone.utc).isoformat(timespec="milliseconds")


def test_events_that_are_too_old_go_a_few_with_each_new_one_and_not_at_the_start(open_history):
    history = open_history(days=1)
    for number in range(300):
        history.take(make_event(number))
    history.close()
    history = open_history(days=1)
    assert len(history.latest(1000)) == 300
    later = [make_event(number, at=at(NOW + DAY + 100 + number)) for number in range(1000, 1000 + AGREE)]
    for event in later:
        history.take(event)
    assert len(history.latest(1000)) == 300 + AGREE, "before so many events agree, nothing goes"
    history.close()
    history = open_history(days=1)
    assert len(history.latest(1000)) == 300 + AGREE, "nothing goes at the start"
    for number in range(2000, 2100):
        before = len(history.latest(1000))
        history.take(make_event(number, at=at(NOW + DAY + 100)))
        assert len(history.latest(1000)) >= before + 1 - OLD_AT_ONCE
    assert ids(history.since(0))[:1] == [100], "what is within a day of the newest stays"


@pytest.mark.parametrize("ahead_days", [31, 3650, -10000])
@pytest.mark.parametrize(("before", "wrong"), [(16, 1), (16, AGREE - 1), (100, AGREE), (100, 12)])
def test_a_clock_that_is_wrong_for_a_while_deletes_next_to_nothing(open_history, before, wrong, ahead_days):
    """Ahead by a month or by ten years, or not yet set; then it is right again."""
    history = open_history(days=30)
    for number in range(before):
        history.take(make_event(number))
    odd = NOW + ahead_days * DAY
    odd = max(odd, 1.0)
    for number in range(before, before + wrong):
        history.take(make_event(number, at=at(odd + number)))
    for number in range(before + wrong, before + wrong + 50):
        history.take(make_event(number))
    allowed = OLD_AT_ONCE * max(0, wrong - AGREE + 1)
    assert len(history.latest(1000)) >= before + wrong + 50 - allowed
    history.close()
    assert len(open_history(days=30).latest(1000)) >= before + wrong + 50 - allowed


def test_events_of_a_clock_that_was_not_set_go_with_the_first_later_one_that_is_too_old(open_history):
    history = open_history(days=1)
    for number in range(20):
        history.take(make_event(number, at=at(float(number))))
    for number in range(20, 40):
        history.take(make_event(number))
    assert len(history.latest(1000)) == 40
    for number in range(40, 60):
        history.take(make_event(number, at=at(NOW + 2 * DAY + number)))
    assert ids(history.since(0))[0] >= 40


def test_the_file_and_its_log_stay_below_their_size_and_the_oldest_go(open_history, path):
    history = open_history(max_mb=1)
    most = 0
    for number in range(3000):
        history.take(make_event(number))
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
        history.take(make_event(number))
    history.close()
    before = path.stat().st_size
    history = open_history(max_mb=1)
    assert total(path) < 1_000_000 < before
    assert ids(history.latest(1)) == [2999]
    assert history._writer.execute("PRAGMA integrity_check").fetchone() == ("ok",)


def test_a_full_disk_is_an_error_and_what_was_not_taken_may_come_again(open_history):
    history = open_history()
    history.take(make_event(0))
    pages = history._writer.execute("PRAGMA page_count").fetchone()[0]
    history._writer.execute(f"PRAGMA max_page_count = {pages}")
    taken = 1
    with pytest.raises(
        SinkError, match=r"history\.sqlite: cannot be written: database or disk is full; check the disk"
    ):
        for number in range(1, 60):
            history.take(make_event(number))
            taken += 1
    assert history.last_id == make_event(taken - 1).id
    assert len(history.latest(100)) == taken
    history._writer.execute("PRAGMA max_page_count = 100000")
    for _ in range(2):
        history.take(make_event(taken))
    assert ids(history.since(0)) == list(range(taken + 1))


def test_a_day_without_milliseconds_or_in_another_zone(open_history):
    history = open_history()
    history.take(make_event(1, at="2023-11-14T22:13:21Z"))
    history.take(make_event(2, at="2023-11-14T23:13:22.000+01:00"))
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
        history.take(make_event(number))
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
