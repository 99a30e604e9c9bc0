"""The parts of a page that `edgereader bench soak` fills."""

from collections.abc import Sequence
from functools import partial

from ..speed.results import Sample, Slope, Soak
from .axes import near_axis, signed, steady, zero_axis
from .nodes import Node
from .plots import Line, lines
from .rows import both
from .sections import Figure, Section, Table

WHAT = {
    "rss_mib": "resident memory, MiB",
    "handles": "open files and threads",
    "cpu_ms": "processor time, ms a frame",
    "latency_ms": "latency, ms",
}
COLOURS = {"rss_mib": "s2", "handles": "s2", "cpu_ms": "s2", "p50_ms": "s2", "p99_ms": "s3"}
REMARKS = (
    "{0.frames:,} frames in {1:.2f} of {0.hours:g} h; {0.bundle} on {0.backend}, {0.precision}, seed {0.seed}.",
    "{0.broken:,} frames were no pictures, on purpose; {0.wrong:,} were not treated as they must. {0.first_wrong}",
    "A slope passes when its 95 % confidence interval holds zero, or lies below what does not count: {0.method}.",
)
LEAST = 0.1
"""Share of its largest value that an axis of a soak spans at least."""


def soak_sections(soak: Soak) -> list[Section]:
    """Memory, latency and handles over time, with the verdict."""
    if not soak.samples:
        return []
    verdict = "PASS" if soak.passed else "FAIL" if soak.finished else "not finished"
    ran_h = soak.samples[-1].at_s / 3600
    remarks = [each.format(soak, ran_h).strip() for each in REMARKS]
    remarks[0] = f"{verdict}: {remarks[0]}"
    figures = [over_time(soak.samples, what) for what in WHAT]
    return [Section(f"Soak: {verdict}", [Figure("Slopes", slope_table(soak.slopes)), *figures], remarks)]


def slope_table(slopes: Sequence[Slope]) -> Table:
    """A row for each slope."""
    header = ["", "first", "last", "most", "an hour", "95 %", "does not count", "passed"]
    rows = [
        [
            WHAT[each.what], steady(each.first), steady(each.last), steady(each.most), signed(each.per_hour),
            f"{signed(each.low)} to {signed(each.high)}", steady(each.allowed),
            ("yes" if each.passed else "NO") if each.judged else f"not judged ({'yes' if each.passed else 'no'})",
        ]
        for each in slopes
    ]  # fmt: skip
    return Table(header, rows)


def over_time(samples: Sequence[Sample], what: str) -> Figure:
    """How a quantity of samples went on, in a line for each segment."""
    fields = {"p50": "p50_ms", "p99": "p99_ms"} if what == "latency_ms" else {"": what}
    drawn = [
        Line(name if each == samples[-1].segment else "", _points(samples, each, of), COLOURS[of], dots=False)
        for name, of in fields.items()
        for each in sorted({sample.segment for sample in samples})
    ]
    minutes = [sample.at_s / 60 for sample in samples]
    values = [value for each in drawn for _, value in each.points]
    title = WHAT[what].partition(",")[0].capitalize()

    def chart(width: float) -> Node:
        zero, around = partial(zero_axis, values, margin=1.05), partial(near_axis, values, least=LEAST)
        y = zero if what == "latency_ms" else around
        return lines(f"{title} over time", drawn, partial(zero_axis, minutes), y, ("minutes", WHAT[what]), width)

    rows = [
        [steady(sample.at_s / 60), *(steady(getattr(sample, of)) for of in fields.values())]
        for sample in _some(samples)
    ]
    header = ["minutes", *(name or WHAT[what] for name in fields)]
    return Figure(f"{title} over time", Table(header, rows), [both(chart)])


def _points(samples: Sequence[Sample], segment: int, of: str) -> list[tuple[float, float]]:
    return [(each.at_s / 60, float(getattr(each, of))) for each in samples if each.segment == segment]


def _some(samples: Sequence[Sample]) -> Sequence[Sample]:
    """At most about 30 samples, evenly, for a table."""
    return samples[:: max(1, len(samples) // 30)]
