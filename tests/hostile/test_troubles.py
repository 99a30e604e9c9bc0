"""Hostile clients, a broker that flaps, a full disk and a clock that jumps, at once: every event is everywhere, once.

It is a minute at night and seconds in CI; `make troubles` is an hour of it, with memory.
"""

import mmap

import psutil
import pytest

from ..runtime.stream.broker import needs_mosquitto
from .troubles import among_troubles, faults, own_bytes

pytestmark = pytest.mark.xdist_group("neighbours")


@needs_mosquitto
@pytest.mark.parametrize("seconds", [4, pytest.param(60, marks=pytest.mark.slow)])
def test_every_event_is_everywhere_once(tmp_path, seconds):
    found = among_troubles(seconds, tmp_path)
    assert found["first_wrong"] == ""
    assert found["events"] >= 2
    assert set(found["sinks"].values()) == {found["events"]}
    assert set(found["troubles"]) == {"disk full", "broker away", "hostile deeds", "clock set"}


@pytest.mark.parametrize(
    ("mqtt", "told", "said"),
    [
        ([1, 2, 3], 3, ""),
        ([1, 3], 3, "mqtt: expected all events, got none of [2]"),
        ([1, 2, 2, 3], 3, "mqtt: expected ids that rise"),
        ([1, 3, 2], 3, "mqtt: expected ids that rise"),
        ([1, 2, 3, 4], 3, "mqtt: expected the events of jsonl, got [4] too"),
        ([1, 2, 3], 4, "jsonl: expected 4 events"),
    ],
)
def test_what_is_lost_doubled_or_falls_is_said(mqtt, told, said):
    found = faults({"jsonl": [1, 2, 3], "mqtt": mqtt}, told)
    assert bool(found) == bool(said)
    assert all(line.startswith(said) for line in found)


def test_memory_is_without_pages_of_files(tmp_path):
    (tmp_path / "file").write_bytes(bytes(64 << 20))
    process = psutil.Process()
    before, own = process.memory_info().rss, own_bytes(process)
    with (tmp_path / "file").open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as pages:
        assert not any(pages[start] for start in range(0, len(pages), mmap.PAGESIZE))
        assert process.memory_info().rss - before > 48 << 20
        assert own_bytes(process) - own < 16 << 20
