"""What one turn of a contender gives, and all its turns together."""

from collections.abc import Sequence
from statistics import median

import msgspec
import numpy as np

from .figures import Agreement, Clocks, Frames, Memory, Missing, Prepared, Result, Speed, Verified


class SpeedTurn(msgspec.Struct, frozen=True, kw_only=True, tag="speed", tag_field="kind"):
    """A network, run again and again."""

    times_ms: list[float]
    warm_up: int
    per_run: int
    agreement: Agreement | None
    clocks: Clocks | None


class FramesTurn(msgspec.Struct, frozen=True, kw_only=True, tag="frames", tag_field="kind"):
    """Frames, read one after the other."""

    seconds: float
    """All frames together."""
    frames: int
    times_ms: list[float]
    """Each frame's; none for frames in a pipeline."""
    warm_up: int
    readings: int
    same: int
    missed: int
    clocks: Clocks | None


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """What a process says of one size: one line of JSON."""

    size: str
    found: SpeedTurn | FramesTurn | Memory | Verified | Prepared | Missing
    versions: dict[str, str] = {}


def together(answers: Sequence[Answer]) -> Result:
    """One figure of all turns; one turn that went wrong makes the rest worthless."""
    found = [answer.found for answer in answers]
    wrong = [each for each in found if isinstance(each, Missing)]
    speeds = [each for each in found if isinstance(each, SpeedTurn)]
    frames = [each for each in found if isinstance(each, FramesTurn)]
    if wrong:
        return wrong[0]
    if speeds:
        return _speed(speeds)
    if frames:
        return _frames(frames)
    return found[-1]  # type: ignore[return-value]


def _speed(turns: Sequence[SpeedTurn]) -> Speed:
    times = [each for turn in turns for each in turn.times_ms]
    p50, p90, p99 = percentiles(times)
    agreements = [turn.agreement for turn in turns if turn.agreement is not None]
    return Speed(
        p50_ms=p50,
        p90_ms=p90,
        p99_ms=p99,
        turns_p50_ms=[median(turn.times_ms) for turn in turns],
        runs=len(times),
        warm_up=turns[0].warm_up,
        per_run=turns[0].per_run,
        agreement=max(agreements, key=lambda each: each.apart, default=None),
        clocks=turns[-1].clocks,
    )


def _frames(turns: Sequence[FramesTurn]) -> Frames:
    times = [each for turn in turns for each in turn.times_ms]
    p50, p90, p99 = percentiles(times) if times else (None, None, None)
    rates = [turn.frames / turn.seconds for turn in turns]
    return Frames(
        frames_per_s=median(rates),
        turns_frames_per_s=rates,
        p50_ms=p50,
        p90_ms=p90,
        p99_ms=p99,
        frames=turns[0].frames,
        warm_up=turns[0].warm_up,
        readings=turns[0].readings,
        same=min(turn.same for turn in turns),
        missed=max(turn.missed for turn in turns),
        clocks=turns[-1].clocks,
    )


def percentiles(times_ms: Sequence[float]) -> tuple[float, float, float]:
    """Median, 90 % and 99 %."""
    p50, p90, p99 = (float(each) for each in np.percentile(times_ms, (50, 90, 99)))
    return p50, p90, p99
