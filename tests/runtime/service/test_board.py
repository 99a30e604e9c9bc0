import threading
from types import SimpleNamespace

import cv2
import numpy as np

from edgereader.runtime.service.board import DRAWN, PICTURE_PX, PICTURE_S, RECENT, Board
from edgereader.runtime.stream.settings import Number

from ..stream.fakes import Clock
from .stand import NUMBERS, make_event, make_seen


def decoded(picture):
    return cv2.imdecode(np.frombuffer(picture.jpeg, np.uint8), cv2.IMREAD_COLOR)


def test_nothing_was_seen_yet():
    board = Board("cellar", NUMBERS)
    assert board.picture() is None
    assert board.status is None
    assert board.shot is None
    assert [(reading["name"], reading["text"]) for reading in board.readings()] == [("water", None), ("gate", None)]


def test_the_picture_has_boxes_and_is_drawn_when_somebody_looks(monkeypatch):
    clock = Clock()
    board = Board("cellar", NUMBERS, clock=clock)
    drawn = []
    monkeypatch.setattr("edgereader.runtime.service.board.annotated", lambda frame, _: drawn.append(1) or frame)
    for number in range(100):
        board.show(make_seen(number))
    assert drawn == [], "the stream's thread draws nothing"
    assert board.picture().number == 99
    assert board.picture().number == 99
    assert len(drawn) == 1
    board.show(make_seen(100))
    assert board.picture().number == 99, "all who look share a picture for a while"
    clock.add(PICTURE_S)
    assert board.picture().number == 100
    assert len(drawn) == 2
    clock.add(PICTURE_S)
    assert board.picture().number == 100
    assert len(drawn) == 2, "the same frame is not drawn twice"


def test_boxes_lie_where_they_belong_in_a_large_frame_too():
    for size in ((120, 200), (2160, 3840)):
        board = Board("cellar", NUMBERS)
        seen = make_seen(frame_hw=size)
        seen.tracks[0].quad = np.array(((0.2, 0.5), (0.7, 0.5), (0.7, 0.8), (0.2, 0.8)), np.float32) * size[::-1]
        board.show(seen)
        frame = decoded(board.picture())
        height, width = frame.shape[:2]
        assert max(height, width) == min(max(size), PICTURE_PX)
        green = frame[..., 1].astype(int) - frame[..., 2]
        assert green[round(0.65 * height), round(0.7 * width) - 2 : round(0.7 * width) + 3].max() > 50
        assert np.abs(green[round(0.65 * height), round(0.45 * width)]) < 20
        assert (seen.shot.frame == 90).all(), "the stream's frame stays as it is"


def test_what_is_hardly_read_right_is_not_drawn():
    board, seen = Board("cellar", NUMBERS), make_seen()
    seen.tracks[0].fused.confidence = DRAWN / 2
    board.show(seen)
    frame = decoded(board.picture())
    assert np.ptp(frame) < 5


def test_readings_are_what_the_teller_says_and_else_the_last_event():
    said = {
        "water": SimpleNamespace(text="00124", value=124.0, confidence=0.9, sure=True, at="2026-09-21T14:00:00.000Z")
    }
    board = Board("cellar", NUMBERS, values=lambda: said, recent=[make_event(5, "B-ER 1", "gate", sure=False)])
    water, gate = board.readings()
    assert (water["text"], water["value"], water["unit"], water["kind"]) == ("00124", 124.0, "m³", "counter")
    assert (gate["text"], gate["sure"]) == ("B-ER 1", False)


def test_events_are_kept_up_to_a_bound():
    board = Board("cellar", NUMBERS, recent=[make_event(1)])
    for number in range(2, 2 + RECENT):
        board.send(make_event(number), None)
    board.close(0)
    assert [event.id for event in board.since(0)] == list(range(2, 2 + RECENT))
    assert [event.id for event in board.since(RECENT)] == [RECENT + 1]


def test_idle():
    clock = Clock()
    board = Board("cellar", [Number()], clock=clock)
    clock.add(7)
    assert board.idle_s == 7
    board.show(make_seen())
    clock.add(1)
    assert board.idle_s == 1


def test_threads_look_while_the_stream_goes_on():
    board, ended = Board("cellar", NUMBERS), threading.Event()
    failures = []

    def look():
        while not ended.is_set():
            try:
                board.picture()
                board.readings()
                board.since(0)
            except Exception as exc:  # noqa: BLE001 - whatever it is, the test reports it
                failures.append(exc)

    threads = [threading.Thread(target=look) for _ in range(3)]
    for thread in threads:
        thread.start()
    for number in range(300):
        board.show(make_seen(number))
        board.send(make_event(number), None)
    ended.set()
    for thread in threads:
        thread.join()
    assert failures == []
