import threading

import pytest
from msgspec.structs import replace

from edgereader.benchmarks.speed import loadgen
from edgereader.benchmarks.speed.loadgen import Measure, Streams, reasons, run_turn

ASK = Measure(scenario="SingleStream", seconds=0.3, seed=0, batch=2, expected_ms=2.0, target_qps=50.0, target_ms=1000.0)
QUERIES_FOR_SURE = 64
"""That LoadGen wants for a 90 % latency."""


@pytest.fixture
def at_least_20(monkeypatch):
    """So many queries, however busy the machine is."""
    monkeypatch.setattr(loadgen, "LEAST_QUERIES", 20)


def turn(scenario, readers, frames, tmp_path, **changes):
    return run_turn(replace(ASK, scenario=scenario, **changes), Streams(readers), frames, tmp_path)


def test_single_stream_times_every_query_as_loadgen_does(at_least_20, fake, frames, tmp_path):
    reader = fake(seconds=0.002)
    found = turn("SingleStream", [reader], frames, tmp_path)
    assert found.queries == len(found.times_ms) == len(reader.seen)
    assert found.seconds >= 0.3
    assert found.samples_per_s == pytest.approx(found.queries / found.seconds)
    assert min(found.times_ms) >= 2
    median = sorted(found.times_ms)[found.queries // 2]
    assert median <= found.loadgen_p50_ms  # it waits for Python too
    assert found.valid == (found.queries >= QUERIES_FOR_SURE)
    assert set(reader.seen) == {0, 1, 2, 3}


def test_too_few_queries_are_invalid_with_loadgens_reason_and_a_slow_contender_answers_some(fake, frames, tmp_path):
    found = turn("SingleStream", [fake(seconds=0.05)], frames, tmp_path, seconds=0.01, expected_ms=50.0)
    assert found.queries == loadgen.LEAST_QUERIES
    assert not found.valid
    assert f"Need to process at least {QUERIES_FOR_SURE} queries" in found.reasons[0]


def test_a_fast_contender_has_a_shorter_turn(fake, frames, tmp_path, monkeypatch):
    monkeypatch.setattr(loadgen, "MOST_QUERIES", 50)
    found = turn("SingleStream", [fake(seconds=0.002)], frames, tmp_path, seconds=60)
    assert found.queries <= 60


def test_multi_stream_asks_for_several_photos_at_once(fake, frames, tmp_path):
    reader = fake(seconds=0.002)
    found = turn("MultiStream", [reader], frames, tmp_path)
    assert found.samples_per_query == 2
    assert len(reader.seen) == 2 * found.queries == 2 * len(found.times_ms)
    assert min(found.times_ms) >= 4
    assert found.samples_per_s == pytest.approx(2 * found.queries / found.seconds)


def test_server_counts_from_when_a_query_was_due_and_every_stream_answers(fake, frames, tmp_path):
    readers = [fake(seconds=0.04), fake(seconds=0.04)]
    found = turn("Server", readers, frames, tmp_path, target_qps=150.0)  # three times what they can
    assert found.queries == len(found.times_ms) == sum(len(reader.seen) for reader in readers)
    assert all(reader.seen for reader in readers)
    assert list(tmp_path.iterdir()) == []
    assert max(found.times_ms) > 100  # the last ones waited for all before
    assert (found.target_qps, found.target_ms) == (150.0, 1000.0)
    assert found.loadgen_p50_ms == pytest.approx(sorted(found.times_ms)[found.queries // 2], rel=0.01)


def test_offline_is_one_query_that_all_streams_answer(fake, frames, tmp_path):
    readers = [fake(seconds=0.002), fake(seconds=0.002)]
    found = turn("Offline", readers, frames, tmp_path)
    assert found.queries == len(found.times_ms) == 1
    assert found.samples_per_query == sum(len(reader.seen) for reader in readers)
    assert all(reader.seen for reader in readers)


def test_the_same_seed_asks_for_the_same_photos(at_least_20, fake, frames, tmp_path):
    readers = [fake(seconds=0.005) for _ in range(3)]
    for reader, seed in zip(readers, (1, 1, 2), strict=True):
        turn("SingleStream", [reader], frames, tmp_path, seed=seed)
    first, same, other = (reader.seen[:20] for reader in readers)
    assert first == same != other


@pytest.mark.parametrize("scenario", ["SingleStream", "MultiStream", "Server", "Offline"])
def test_what_a_reader_raises_comes_through_loadgen(fake, frames, tmp_path, scenario):
    with pytest.raises(RuntimeError, match="out of luck"):
        turn(scenario, [fake(seconds=0.002, fails_at=5)], frames, tmp_path)


def test_one_reader_reads_in_the_thread_that_asks(fake, frames):
    reader, threads = fake(), []
    reader.read_many = lambda given: (threads.append(threading.get_ident()) or frame for frame in given)
    Streams([reader]).read_all(frames)
    assert threads == [threading.get_ident()] * len(frames)


def test_readers_share_the_photos_and_a_failure_of_one_is_raised(fake, frames):
    readers = [fake(seconds=0.02), fake(seconds=0.02)]
    Streams(readers).read_all(frames)
    assert sorted(readers[0].seen + readers[1].seen) == [0, 1, 2, 3]
    assert all(reader.seen for reader in readers)
    with pytest.raises(RuntimeError, match="out of luck"):
        Streams([fake(seconds=0.01), fake(seconds=0.01, fails_at=0)]).read_all(frames)


def test_reasons_are_in_loadgens_words_and_a_valid_turn_has_none():
    details = {
        "result_validity": "INVALID", "result_invalid_reason": "Increase  expected QPS ", "early_stopping_met": False,
        "early_stopping_result": " * Only processed 3 queries.\n * Need more.", "num_errors": 2,
    }  # fmt: skip
    expected = ["Increase expected QPS", "Only processed 3 queries. Need more.", "2 errors in LoadGen's log"]
    assert reasons(details) == expected
    assert reasons(details | {"result_validity": "VALID"}) == []
