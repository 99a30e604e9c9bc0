"""The parts of a page that `edgereader bench stream` fills."""

from ..speed.results import Latency, Live, Rate, Stream
from ..tables import NONE, percent
from .axes import steady
from .sections import Figure, Section, Table
from .soak_sections import over_time, slope_table

OVER_TIME = "rss_mib", "cpu_ms", "latency_ms"
CLIP = (
    "{0.frame_hw[1]} × {0.frame_hw[0]}, a clip that is decoded as it comes; {0.bundle} on {0.backend}, {0.precision}."
)
LIVE = "{0.minutes:g} min at {0.fps:g} frames/s: {0.frames:,} frames, {0.dropped:,} dropped, {0.events:,} events, "
WRONG = "{0.missed:,} missed, {0.wrong:,} wrong. {0.first_wrong}"
SLOPES = "A slope passes when its 95 % confidence interval holds zero, or lies below what does not count: {0.method}."


def stream_sections(stream: Stream) -> list[Section]:
    """Rates, latencies, and memory over time, with the verdict."""
    verdict = "PASS" if stream.passed else "FAIL"
    live = stream.live
    remarks = [f"{verdict}: {CLIP.format(stream)}", (LIVE + WRONG).format(live).strip(), SLOPES.format(live)]
    figures = [
        Figure("As fast as it goes", _rates(stream)),
        Figure("In real time", _latencies(live)),
        Figure("Work", _work(live)),
    ]
    if live.slopes:
        figures.append(Figure("Slopes", slope_table(live.slopes)))
    if live.samples:
        figures += [over_time(live.samples, what) for what in OVER_TIME]
    return [Section(f"Camera: {verdict}", figures, remarks)]


def _rates(stream: Stream) -> Table:
    rows = [
        ["a static region", *_rate(stream.static)],
        ["detection on every frame", *_rate(stream.detecting)],
    ]  # fmt: skip
    return Table(["", "frames/s", "readings/s", "detections/s", "frames"], rows)


def _rate(rate: Rate) -> list[str]:
    return [
        steady(rate.frames_per_s), steady(rate.readings_per_s), steady(rate.detections / rate.seconds), str(rate.frames)
    ]  # fmt: skip


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
