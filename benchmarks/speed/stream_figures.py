"""What `edgereader bench stream` finds: the structs that its JSON consists of."""

from __future__ import annotations

import msgspec

from .figures import OfBundle
from .soak_figures import Sample, Slope


class Rate(msgspec.Struct, frozen=True, kw_only=True):
    """Frames that are decoded and read as fast as that goes, in turns."""

    frames: int
    seconds: float
    turns_frames_per_s: list[float]
    readings: int
    """Texts that were read in them."""
    detections: int
    """Frames that the detector looked at."""

    @property
    def frames_per_s(self) -> float:
        """Frames that were read in a second."""
        return self.frames / self.seconds

    @property
    def readings_per_s(self) -> float:
        """Texts that were read in a second."""
        return self.readings / self.seconds


class Latency(msgspec.Struct, frozen=True, kw_only=True):
    """How long something took, after the warm-up."""

    count: int
    p50_ms: float
    p90_ms: float
    p99_ms: float
    most_ms: float


class Live(msgspec.Struct, frozen=True, kw_only=True):
    """A camera watched in real time."""

    minutes: float
    fps: float
    """Frames a second that the camera gives."""
    warm_up_s: float
    """Left out of latencies and slopes."""
    frames: int
    """That the camera gave."""
    dropped: int
    """Frames that were replaced by newer ones before anybody looked; counted."""
    read: int
    """Frames that were looked at."""
    detections: int
    """Frames that the detector looked at."""
    crops: int
    """Texts that the recogniser read."""
    events: int
    missed: int
    """Numbers that were shown, for a second each, without an event: on a busy machine nobody may have looked."""
    wrong: int
    """Events that are no number that was shown, came twice, or are unsure."""
    first_wrong: str = ""
    """What happened with the first of them."""
    reading: Latency | None
    """From the capture of a frame until what it says is known; None where nothing was read."""
    event: Latency | None
    """From the capture of the frame that decided until the event has been handed over; None where there was none."""
    cpu_share: float
    """Of the time of all cores, 0..1."""
    samples: list[Sample]
    """`frames` are those that were looked at; latencies are from capture to reading."""
    slopes: list[Slope]
    """None while there are too few samples after the warm-up."""
    method: str
    """How the slopes and their intervals are found."""


class Stream(OfBundle, frozen=True, kw_only=True):
    """One run of `edgereader bench stream`."""

    frame_hw: tuple[int, int]
    static: Rate
    """A place that does not move, in a region: read again in every frame, rarely looked for."""
    detecting: Rate
    """The detector looks at every frame, the whole of it."""
    live: Live
    passed: bool
    """Whether nothing grew and no event was wrong; what the rates and latencies should be is no part of it."""
