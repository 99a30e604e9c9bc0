import itertools
import json
import socket
import time

import httpx
import pytest

from edgereader.runtime.service import live, server
from edgereader.runtime.service.board import RECENT, Board
from edgereader.runtime.service.live import MOST_VIEWERS, trouble
from edgereader.runtime.service.records import PART
from edgereader.runtime.stream.sinks.feed import SinkStatus
from edgereader.runtime.stream.sources.status import CaptureStatus

from ..stream.fakes import until
from .stand import make_event, make_seen


class Listener:
    """Reads an event stream."""

    def __init__(self, address, **headers):
        self._client = httpx.Client(timeout=20)
        self._stream = self._client.stream("GET", address, headers=headers)
        self.response = self._stream.__enter__()
        self._lines = self.response.iter_lines()

    def next(self, kind):
        """The next message of a kind: its data, and its id or None."""
        fields = {}
        for line in self._lines:
            name, _, value = line.partition(": ")
            fields[name] = value
            if not line:
                if fields.get("event") == kind:
                    return json.loads(fields["data"]), fields.get("id")
                fields = {}
        raise EOFError

    def close(self):
        self._stream.__exit__(None, None, None)
        self._client.close()


@pytest.fixture
def listen():
    opened = []

    def start(address, **headers):
        opened.append(Listener(address, **headers))
        return opened[-1]

    yield start
    for listener in opened:
        listener.close()


def test_new_readings_come_with_their_ids_and_the_state_again_and_again(stand, serve, listen):
    stand.emit(make_event(1))
    listener = listen(serve(stand.app()) + "/events")
    assert listener.response.headers["content-type"].startswith("text/event-stream")
    assert listener.response.headers["cache-control"] == "no-store"
    for _ in range(2):
        state, number = listener.next("state")
        assert state["stream"] == "cellar"
        assert number is None
    assert state["latency_s"]["event"][0] == pytest.approx(0.08, abs=0.03)
    stand.emit(make_event(2, "00124"))
    row, number = listener.next("reading")
    assert (row["id"], row["text"], number) == (2, "00124", "2"), "without an id asked for, only what is new"


def test_a_client_that_comes_back_misses_nothing(stand, serve, listen):
    count = 2 * PART + RECENT
    for number in range(1, count + 1):
        stand.emit(make_event(number))
    address = serve(stand.app()) + "/events"
    for listener in (listen(address, **{"Last-Event-ID": "3"}), listen(address + "?after=3")):
        assert [listener.next("reading")[0]["id"] for _ in range(4, count + 1)] == list(range(4, count + 1))
        stand.emit(make_event(count + 1))
        assert listener.next("reading")[0]["id"] == count + 1
        count += 1
    last = listen(address + "?after=0", **{"Last-Event-ID": str(count - 1)})
    assert last.next("reading")[0]["id"] == count, "what the browser knows is newer than what the page asked"


def test_without_a_history_the_board_is_what_there_is(stand, serve, listen):
    stand.history = None
    for number in (1, 2, 3):
        stand.board.send(make_event(number), None)
    listener = listen(serve(stand.app()) + "/events?after=1")
    assert [listener.next("reading")[0]["id"] for _ in range(2)] == [2, 3]


def test_clients_are_bounded_and_make_room_when_they_go(stand, serve, listen):
    address = serve(stand.app()) + "/events"
    listeners = [listen(address) for _ in range(MOST_VIEWERS)]
    for listener in listeners:
        listener.next("state")
    refused = httpx.get(address)
    assert refused.status_code == 503
    assert refused.headers["retry-after"] == "5"
    listeners[0].close()
    until(lambda: listen(address).response.status_code == 200)


def test_a_client_that_takes_nothing_is_dropped_and_hinders_nobody(stand, serve, listen, monkeypatch):
    monkeypatch.setattr(server, "PATIENCE_S", 0.5)
    monkeypatch.setattr(live, "state", lambda _board: {"stream": "x" * 500_000})
    monkeypatch.setattr(live, "STATE_S", 0.01)
    monkeypatch.setattr(live, "POLL_S", 0.01)
    monkeypatch.setattr(live, "MOST_VIEWERS", 2)
    address = serve(stand.app())
    parsed = httpx.URL(address)
    with socket.create_connection((parsed.host, parsed.port)) as sleeper:
        sleeper.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        sleeper.sendall(b"GET /events HTTP/1.1\r\nHost: localhost\r\n\r\n")
        listener = listen(address + "/events")
        assert listener.next("state")
        listener.close()

        def both_places():  # can be taken only when the sleeper's is free again
            pair = [listen(address + "/events") for _ in range(2)]
            for listener in pair:
                listener.close()
            return {listener.response.status_code for listener in pair} == {200}

        until(both_places)


def test_the_streams_thread_never_waits_for_clients(stand, serve, listen):
    listener = listen(serve(stand.app()) + "/events")
    listener.next("state")
    start = time.perf_counter()
    for number in range(1000):
        stand.show(make_seen(number, frame_hw=(8, 8)))
        stand.board.send(make_event(number + 1), None)
    assert time.perf_counter() - start < 2, "a millisecond each at most; mostly some microseconds"


def test_the_service_ends_with_clients_that_listen(stand):
    with server.Server(stand.app(), stand.http) as running:
        listener = Listener(running.url + "events")
        listener.next("state")
        start = time.monotonic()
    assert time.monotonic() - start < server.STOP_S
    with pytest.raises((EOFError, httpx.HTTPError)):
        while True:
            listener.next("state")
    listener.close()


def test_a_sink_with_trouble_is_said_everywhere(stand, visit):
    """In the health, the state and the metrics, until it is over; a camera's trouble comes first."""
    client = visit(stand.app())
    stand.camera(state="live")
    stand.show(make_seen())
    sinks = [SinkStatus("log", "", 0), SinkStatus("history", "disk full", 3), SinkStatus('jsonl "a"', "gone", 1)]
    stand.board.sinks, stand.board.lost = lambda: sinks, lambda: 7
    answer = client.get("/healthz")
    assert (answer.status_code, answer.json()["reason"]) == (503, 'history: disk full; jsonl "a": gone')
    state = client.get("/state").json()
    assert (state["trouble"], state["lost"]) == ("", 7)
    assert [sink["waiting"] for sink in state["sinks"]] == [0, 3, 1]
    metrics = client.get("/metrics").text
    assert 'edgereader_sink_trouble{stream="cellar",sink="log"} 0\n' in metrics
    assert 'edgereader_sink_trouble{stream="cellar",sink="history"} 1\n' in metrics
    assert 'edgereader_sink_waiting{stream="cellar",sink="jsonl \\"a\\""} 1\n' in metrics
    assert 'edgereader_events_given_up_total{stream="cellar"} 7\n' in metrics
    stand.camera(state="lost", reason="no power")
    assert client.get("/healthz").json()["reason"] == "camera lost: no power"
    stand.camera(state="live")
    stand.board.sinks = tuple
    assert client.get("/healthz").status_code == 200


@pytest.mark.parametrize(
    ("state", "ago_s", "well"), [("resting", 3600, True), ("live", 3600, False), ("live", 0, True), ("lost", 0, False)]
)
def test_a_stream_that_rests_is_well_and_so_is_one_whose_look_has_just_begun(state, ago_s, well):
    clock = itertools.chain([0.0], itertools.repeat(3600.0))
    status = CaptureStatus(state, time.time() - ago_s)
    assert (trouble(Board("cellar", status=lambda: status, clock=lambda: next(clock))) == "") is well


def test_a_number_that_was_never_found_is_said_everywhere(stand, visit):
    client = visit(stand.app())
    stand.camera(state="live")
    stand.show(make_seen())
    stand.board.missing = lambda: {"water": "water: nothing was ever read in its region"}
    answer = client.get("/healthz")
    assert (answer.status_code, answer.json()["reason"]) == (503, "water: nothing was ever read in its region")
    assert client.get("/state").json()["missing"] == stand.board.missing()
    metrics = client.get("/metrics").text
    assert 'edgereader_missing{stream="cellar",number="water"} 1\n' in metrics
    assert 'edgereader_missing{stream="cellar",number="gate"} 0\n' in metrics
    stand.board.missing = dict
    assert client.get("/healthz").status_code == 200
