"""The parts of a page that `edgereader bench soak` and `edgereader bench stream` fill."""

from collections.abc import Sequence

from ...export.card import NONE, percent
from ..speed.results import Latency, Live, Rate, Sample, Slope, Soak, Stream
from ..tables import signed, steady
from .charts import LIMIT, OURS, Line, Scale, lines
from .sections import Figure, Section, Table

WHAT = {
    "rss_mib": "resident memory, MiB",
    "handles": "open files and threads",
    "cpu_ms": "processor time, ms a frame",
    "latency_ms": "latency, ms",
}
SOAKED = (
    "{0.frames:,} frames in {1:.2f} of {0.hours:g} h; {0.bundle} on {0.backend}, {0.precision}, seed {0.seed}.",
    "{0.broken:,} frames were no pictures, on purpose; {0.wrong:,} were not treated as they must. {0.first_wrong}",
)
CLIP = (
    "{0.frame_hw[1]} × {0.frame_hw[0]}, a clip that is decoded as it comes; {0.bundle} on {0.backend}, {0.precision}."
)
LIVE = (
    "{0.minutes:g} min at {0.fps:g} frames/s: {0.frames:,} frames, {0.dropped:,} dropped, {0.events:,} events, "
    "{0.missed:,} missed, {0.wrong:,} wrong. {0.first_wrong}"
)
SLOPES = "A slope passes when its 95 % confidence interval holds zero, or lies below what does not count: {0.method}."
MOST_ROWS = 30


def soak_sections(soak: Soak) -> list[Section]:
    """Return memory, latency and handles over time, with the verdict."""
    if not soak.samples:
        return []
    verdict = "PASS" if soak.passed else "FAIL" if soak.finished else "not finished"
    ran, broken = (words.format(soak, soak.samples[-1].at_s / 3600).strip() for words in SOAKED)
    remarks = [f"{verdict}: {ran}", broken, SLOPES.format(soak)]
    figures = [Figure("Slopes", slope_table(soak.slopes)), *(over_time(soak.samples, what) for what in WHAT)]
    return [Section(f"Soak: {verdict}", figures, remarks)]


def stream_sections(stream: Stream) -> list[Section]:
    """Return rates, latencies, and memory over time, with the verdict."""
    verdict, live = "PASS" if stream.passed else "FAIL", stream.live
    remarks = [f"{verdict}: {CLIP.format(stream)}", LIVE.format(live).strip(), SLOPES.format(live)]
    figures = [
        Figure("As fast as it goes", _rates(stream)),
        Figure("In real time", _latencies(live)),
        Figure("Work", _work(live)),
    ]
    if live.slopes:
        figures.append(Figure("Slopes", slope_table(live.slopes)))
    if live.samples:
        figures += [over_time(live.samples, what) for what in ("rss_mib", "cpu_ms", "latency_ms")]
    return [Section(f"Camera: {verdict}", figures, remarks)]


def slope_table(slopes: Sequence[Slope]) -> Table:
    """Return a row for each slope."""
    header = ["", "first", "last", "most", "an hour", "95 %", "does not count", "passed"]
    rows = [
        [
            WHAT[slope.what], steady(slope.first), steady(slope.last), steady(slope.most), signed(slope.per_hour),
            f"{signed(slope.low)} to {signed(slope.high)}", steady(slope.allowed),
            ("yes" if slope.passed else "NO") if slope.judged else f"not judged ({'yes' if slope.passed else 'no'})",
        ]
        for slope in slopes
    ]  # fmt: skip
    return Table(header, rows)


def over_time(samples: Sequence[Sample], what: str) -> Figure:
    """Return how a quantity of samples went on, in a line for each segment."""
    fields = {"p50": "p50_ms", "p99": "p99_ms"} if what == "latency_ms" else {"": what}
    drawn = [
        Line(name, _points(samples, segment, field), LIMIT if field == "p99_ms" else OURS)
        for name, field in fields.items()
        for segment in sorted({sample.segment for sample in samples})
    ]
    title = f"{WHAT[what].partition(',')[0].capitalize()} over time"
    scales: tuple[Scale, Scale] = ("zero", "zero" if what == "latency_ms" else "near")
    rows = [
        [steady(sample.at_s / 60), *(steady(getattr(sample, field)) for field in fields.values())]
        for sample in samples[:: max(1, len(samples) // MOST_ROWS)]
    ]
    table = Table(["minutes", *(name or WHAT[what] for name in fields)], rows)
    return Figure(title, table, [lines(title, drawn, ("minutes", WHAT[what]), scales)])


def _points(samples: Sequence[Sample], segment: int, field: str) -> list[tuple[float, float]]:
    return [(sample.at_s / 60, float(getattr(sample, field))) for sample in samples if sample.segment == segment]


def _rates(stream: Stream) -> Table:
    rows = [["a static region", *_rate(stream.static)], ["detection on every frame", *_rate(stream.detecting)]]
    return Table(["", "frames/s", "readings/s", "detections/s", "frames"], rows)


def _rate(rate: Rate) -> list[str]:
    found = rate.frames_per_s, rate.readings_per_s, rate.detections / rate.seconds
    return [*map(steady, found), str(rate.frames)]


def _latencies(live: Live) -> Table:
    rows = [["capture to reading", *_latency(live.reading)], ["capture to event", *_latency(live.event)]]
    return Table(["", "p50 ms", "p90 ms", "p99 ms", "most ms", "count"], rows)


def _latency(latency: Latency | None) -> list[str]:
    if latency is None:
        return [NONE] * 5
    times = latency.p50_ms, latency.p90_ms, latency.p99_ms, latency.most_ms
    return [*map(steady, times), str(latency.count)]


def _work(live: Live) -> Table:
    seconds = 60 * live.minutes
    rates = [steady(count / seconds) for count in (live.read, live.detections, live.crops)]
    header = ["", "frames/s read", "detections/s", "crops/s", "of all cores"]
    return Table(header, [["live", *rates, percent(live.cpu_share)]])
