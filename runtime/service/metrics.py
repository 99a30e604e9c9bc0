"""Figures in Prometheus' text format 0.0.4."""

from __future__ import annotations

import os
import time
from collections.abc import Iterable, Iterator, Mapping
from itertools import accumulate
from pathlib import Path

from ..stream.figures import BUCKETS_S, Latency
from .board import Board

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
STATES = ("connecting", "live", "resting", "frozen", "black", "lost", "ended")
"""Of a camera."""
Labels = Mapping[str, object]


def family(name: str, kind: str, text: str, samples: Iterable[tuple[Labels, float]]) -> Iterator[str]:
    """Yield lines of a counter or gauge: its help, its type, a sample for each set of labels."""
    yield from _head(name, kind, text)
    for labels, value in samples:
        yield f"edgereader_{name}{_braces(labels)} {_number(value)}"


def histogram(name: str, text: str, labels: Labels, latency: Latency) -> Iterator[str]:
    """Yield lines of a histogram in seconds."""
    yield from _head(name, "histogram", text)
    for limit, count in zip((*map(_number, BUCKETS_S), "+Inf"), accumulate(latency.counts), strict=True):
        yield f"edgereader_{name}_bucket{_braces({**labels, 'le': limit})} {count}"
    yield f"edgereader_{name}_sum{_braces(labels)} {_number(latency.sum_s)}"
    yield f"edgereader_{name}_count{_braces(labels)} {latency.count}"


def _head(name: str, kind: str, text: str) -> tuple[str, str]:
    return f"# HELP edgereader_{name} {text}", f"# TYPE edgereader_{name} {kind}"


def _braces(labels: Labels) -> str:
    pairs = ",".join(f'{name}="{_escaped(str(value))}"' for name, value in labels.items())
    return f"{{{pairs}}}" if pairs else ""


def _escaped(value: str) -> str:
    return value.replace("\\", r"\\").replace("\n", r"\n").replace('"', r"\"")


def _number(value: float) -> str:
    return str(int(value)) if float(value).is_integer() else repr(float(value))


def of_process() -> Iterator[str]:
    """Yield memory and processor time of this process, where the system tells them."""
    yield from family("cpu_seconds_total", "counter", "Processor time of the process.", [({}, time.process_time())])
    try:
        pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    except OSError:
        return
    memory = pages * os.sysconf("SC_PAGE_SIZE")
    yield from family("resident_memory_bytes", "gauge", "Memory of the process.", [({}, memory)])


def of_reads(reads: Mapping[str, int], latency: Latency) -> Iterator[str]:
    """Yield what became of the pictures of POST /read: how many by status, and how long reading took."""
    samples = [({"status": status}, count) for status, count in sorted(reads.items())]
    yield from family("uploads_total", "counter", "Pictures of POST /read, by the status of the answer.", samples)
    yield from histogram("upload_seconds", "How long reading a picture of POST /read took.", {}, latency)


def of_stream(board: Board) -> Iterator[str]:
    """Yield figures of a stream, its camera and its numbers."""
    labels = {"stream": board.stream}
    counts, figures = board.figures.counts, board.figures
    for name, text in (
        ("frames", "Frames that were looked at."),
        ("detections", "Frames that the detector looked at."),
        ("crops", "Texts that were read."),
    ):
        yield from family(f"{name}_total", "counter", text, [(labels, counts[name])])
    events = [({**labels, "number": name, "sure": str(sure).lower()}, n) for (name, sure), n in figures.events.items()]
    yield from family("events_total", "counter", "Events.", events)
    yield from _of_camera(board, labels)
    yield from _of_sinks(board, labels)
    missing = board.missing()
    absent = [({**labels, "number": number.name}, float(number.name in missing)) for number in board.numbers]
    yield from family("missing", "gauge", "1 for a number of which nothing was ever read, for a minute.", absent)
    values = [reading for reading in board.readings() if reading["text"] is not None]
    shown = ({**labels, "number": reading["name"], "unit": reading["unit"]} for reading in values)
    pairs = list(zip(shown, values, strict=True))
    known = [(label, reading["value"]) for label, reading in pairs if reading["value"] is not None]
    yield from family("value", "gauge", "What a number says.", known)
    sure = [(label, reading["confidence"]) for label, reading in pairs]
    yield from family("confidence", "gauge", "How likely it is right, 0 to 1.", sure)
    yield from histogram("reading_seconds", "From a frame's capture to its readings.", labels, figures.reading.now())
    yield from histogram(
        "event_seconds", "From the deciding frame's capture to the event.", labels, figures.event.now()
    )


def _of_camera(board: Board, labels: Labels) -> Iterator[str]:
    status = board.status
    if status is None:
        return
    for name, count, text in (
        ("captured", status.frames, "Frames that the camera gave."),
        ("dropped", status.dropped, "Frames that were replaced by a newer one before they were looked at."),
        ("broken", status.broken, "Frames that could not be decoded."),
        ("reconnects", status.reconnects, "Connections after the first."),
    ):
        yield from family(f"{name}_total", "counter", text, [(labels, count)])
    yield from family("camera_fps", "gauge", "Frames a second that the camera gives.", [(labels, status.fps or 0.0)])
    states = [({**labels, "state": state}, float(state == status.state)) for state in STATES]
    yield from family("camera_state", "gauge", "1 for the state that the camera is in.", states)


def _of_sinks(board: Board, labels: Labels) -> Iterator[str]:
    sinks = [({**labels, "sink": sink.name}, sink) for sink in board.sinks()]
    sick = [(label, float(bool(sink.trouble))) for label, sink in sinks]
    yield from family("sink_trouble", "gauge", "1 for a sink of events that has trouble.", sick)
    waiting = [(label, sink.waiting) for label, sink in sinks]
    yield from family("sink_waiting", "gauge", "Events that wait for a sink.", waiting)
    given_up = [(labels, board.lost())]
    yield from family(
        "events_given_up_total", "counter", "Events that waited in vain for a sink or the disk.", given_up
    )
