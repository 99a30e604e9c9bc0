"""Events that tests make."""

from datetime import datetime, timezone

from edgereader.runtime.stream.numbers.events import Event

SECOND = 1_000_000
START = 1_700_000_000 * SECOND
"""Id of the event 0."""


def make_event(number: int = 1, **changes) -> Event:
    """An event, one second after the one before it."""
    values = {
        "id": START + number * SECOND,
        "at": datetime.fromtimestamp(START // SECOND + number, timezone.utc).strftime("%Y-%m-%dT%H:%M:%S.000Z"),
        "stream": "cellar",
        "name": "water",
        "kind": "counter",
        "text": f"{number:05d}",
        "value": float(number),
        "confidence": 0.99,
        "sure": True,
        "track": 1,
        "quad": [(0.0, 0.0), (90.0, 0.0), (90.0, 20.0), (0.0, 20.0)],
        "frame_hw": (480, 640),
        "frames": 5,
        "latency_ms": 12.5,
    }
    return Event(**{**values, **changes})
