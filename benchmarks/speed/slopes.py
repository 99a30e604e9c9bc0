"""Whether what a soak's samples tell goes up: memory, handles, processor time, latency."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, NamedTuple

from ..trend import trend
from .soak_figures import Sample, Slope


class _Quantity(NamedTuple):
    what: Literal["rss_mib", "handles", "cpu_ms", "latency_ms"]
    field: str
    grain: float
    """Growth over the whole soak that does not count, in the quantity's own unit."""
    share: float = 0.0
    """The same, as a share of the first sample."""


QUANTITIES = (
    _Quantity("rss_mib", "rss_mib", 4.0),  # what the C library keeps of memory that is given back
    _Quantity("handles", "handles", 1.0),
    _Quantity("cpu_ms", "cpu_ms", 0.0, 0.05),  # clocks and caches that others use too
    _Quantity("latency_ms", "p50_ms", 0.0, 0.05),
)
GRAIN = "of growth over all the time after the warm-up 4 MiB, 1 handle, 5 % of processor time or latency do not count"


def after_warm_up(samples: Sequence[Sample], warm_up_s: float) -> list[Sample]:
    """The samples without those of the first seconds of each segment."""
    starts: dict[int, float] = {}
    ended = 0.0
    for each in samples:
        starts.setdefault(each.segment, ended)
        ended = each.at_s
    return [each for each in samples if each.at_s > starts[each.segment] + warm_up_s]


def slopes(samples: Sequence[Sample], warm_up_s: float, *, on_cpu: bool) -> list[Slope]:
    """The slope of each quantity an hour; none where there are too few samples.

    Args:
        samples: of the whole soak, in order.
        warm_up_s: time of each segment that is left out.
        on_cpu: whether the networks run on the processor, so that its time is what a frame costs.
    """
    kept = after_warm_up(samples, warm_up_s)
    found = [_slope(each, kept, judged=each.what != ("latency_ms" if on_cpu else "cpu_ms")) for each in QUANTITIES]
    return [each for each in found if each is not None]


def _slope(quantity: _Quantity, samples: Sequence[Sample], *, judged: bool) -> Slope | None:
    hours = [each.at_s / 3600 for each in samples]
    values = [float(getattr(each, quantity.field)) for each in samples]
    line = trend(hours, values, [each.segment for each in samples])
    if line is None or hours[-1] <= hours[0]:  # samples of one moment have no slope
        return None
    allowed = (quantity.grain + quantity.share * values[0]) / (hours[-1] - hours[0])
    return Slope(
        what=quantity.what,
        first=values[0],
        last=values[-1],
        most=max(values),
        per_hour=line.slope,
        low=line.low,
        high=line.high,
        allowed=allowed,
        judged=judged,
        passed=line.low <= 0 or line.high <= allowed,
    )
