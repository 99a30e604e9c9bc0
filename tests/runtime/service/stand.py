"""A stream that only a test moves."""

from dataclasses import dataclass, replace
from types import SimpleNamespace

import numpy as np

from edgereader.runtime.service.app import make_app
from edgereader.runtime.service.board import Board
from edgereader.runtime.stream.settings import Http, Number
from edgereader.runtime.stream.sinks.evidence import Evidence
from edgereader.runtime.stream.sinks.history import History
from edgereader.runtime.stream.sources.frames import Shot
from edgereader.runtime.stream.sources.status import CaptureStatus

from ..stream import made

TOKEN = "a-secret-token-that-nobody-knows"
PATIENT_MS = 60_000
"""A browser is waited for so long."""
NUMBERS = (Number(name="water", kind="counter", unit="m³"), Number(name="gate", kind="plate"))
QUAD = np.array(((40, 30), (140, 30), (140, 60), (40, 60)), np.float32)
START_S = 1_790_000_000
WRONG_BODIES = b"", b"{}", b"[]", b"\xff\xfe", b"[" * 3000
"""No JSON of which anything could be taken."""


def make_event(number, text="00123", name="water", **changes):
    """The event with this id; one second lies between two."""
    values = {
        "id": number,
        "at": f"2026-09-21T14:{number // 60 % 60:02}:{number % 60:02}.000Z",
        "name": name,
        "kind": "counter" if name == "water" else "plate",
        "text": text,
        "value": float(text) if text.isdecimal() else None,
        "confidence": 0.987,
        "quad": QUAD.tolist(),
        "frame_hw": (120, 200),
        "latency_ms": 80.0,
    }
    return made.make_event(**{**values, **changes})


def make_seen(number=0, text="00123", at_s=0.0, frame_hw=(120, 200), recognized=1):
    """What a watcher would have seen, in a grey frame."""
    frame = np.full((*frame_hw, 3), 90, np.uint8)
    fused = SimpleNamespace(text=text, confidence=0.987)
    tracks = (SimpleNamespace(id=1, name="water", fused=fused, quad=QUAD),) if text else ()
    return SimpleNamespace(shot=Shot(frame, number, at_s, START_S), tracks=tracks, detected=True, recognized=recognized)


@dataclass
class Stand:
    """A stream and what it keeps."""

    board: Board
    history: History
    evidence: Evidence
    status: CaptureStatus
    http: Http
    reader: object = None
    editor: object = None

    def camera(self, **changes):
        self.status = replace(self.status, **changes)

    def show(self, seen):
        self.board.figures.saw(seen)
        self.board.show(seen)

    def emit(self, event, crop=None):
        self.board.figures.emitted(event)
        self.history.take(event)
        self.evidence.take(event, self.evidence.encoded(event, crop))
        self.board.send(event, crop)

    def app(self, token=None, **changes):
        return make_app(
            Http(**changes) if changes else self.http,
            token,
            self.board,
            self.history,
            self.evidence,
            self.reader,
            self.editor,
        )
