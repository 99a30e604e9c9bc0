"""The part of docs/benchmarks.md about speed, made from the committed figures in `benchmarks/results`."""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from ...export.card import NONE, markdown, percent
from ...runtime.errors import DatasetError
from ..speed.results import (
    BUSY,
    Agreement,
    Figures,
    Growth,
    Latency,
    Report,
    Slope,
    Soak,
    Stream,
    Troubles,
    read_figures,
)
from ..tables import code, escaped, signed, steady, version_words
from . import documents
from .facts import contender_table, timed
from .growth import too_fast
from .targets import Files, SpeedTarget, measured, physical_limit, read_speed_targets

MARKER = "bench"
KINDS: dict[str, type[Figures]] = {
    "bench.json": Report,
    "bench-wide.json": Report,
    "bench-streams.json": Report,
    "bench-published.json": Report,
    "agreement.json": Agreement,
    "growth.json": Growth,
    "soak.json": Soak,
    "stream.json": Stream,
    "troubles.json": Troubles,
}
"""The files that the part is made of, as far as they exist."""
TITLES = {
    "bench.json": "One photo at a time",
    "bench-wide.json": "Networks of full width, CRAFT and TPS-ResNet-BiLSTM-Attn",
    "bench-streams.json": "Streams",
    "bench-published.json": "EasyOCR's published networks, CRAFT and english_g2, beside EasyOCR",
}


def read_results(folder: Path) -> dict[str, Figures]:
    """Read what there is of the committed figures, by file name.

    Raises:
        DatasetError: one of them cannot be read, or is of another kind than its name says.
    """
    found = {name: read_figures(folder / name) for name in KINDS if (folder / name).is_file()}
    for name, figures in found.items():
        if not isinstance(figures, KINDS[name]):
            raise DatasetError(
                f"{folder / name}: expected a {KINDS[name].__name__.lower()}, got a {type(figures).__name__.lower()}; "
                "write it again"
            )
    return found


def renewed(document: Path, folder: Path) -> str:
    """Return the document as it should be.

    Raises:
        DatasetError: There are no figures, no document, or no markers in it.
    """
    files = read_results(folder)
    if not files:
        raise DatasetError(f"{folder}: expected figures ({', '.join(KINDS)}), got none; measure first")
    return documents.renewed(document, {MARKER: block(files)})


def block(files: Files) -> str:
    """Return all that stands between the markers."""
    parts = []
    for name, report in files.items():
        if isinstance(report, Report):
            parts += [
                f"**{TITLES[name]}.** {where(report)}",
                contender_table(report).markdown(),
                code(report.command),
            ]
            parts += missing(report)
    parts += ["**What was asked for.**", asked(files)]
    for found in files.values():
        if isinstance(found, Agreement):
            parts.append(agreement_words(found))
        elif isinstance(found, Growth):
            parts.append(growth_words(found))
        elif isinstance(found, Soak):
            parts.append(soak_words(found))
        elif isinstance(found, Stream):
            parts.append(stream_words(found))
        elif isinstance(found, Troubles):
            parts.append(troubles_words(found))
    return "\n\n".join(parts)


def where(report: Report) -> str:
    """Return on what it was measured."""
    photos = report.photos
    shared = f" **{report.load:.1f} other processes shared the cores.**" if report.load and report.load > BUSY else ""
    return (
        f"{report.date[:10]}, {report.machine}; {version_words(report.machine.versions)}. "
        f"{photos.count} photos of {', '.join(photos.folders)}, {photos.megapixels:.2f} megapixels on average; "
        f"{report.turns} turns, in which the contenders alternate. Times are the p50 over that of "
        f"the first edgereader; photos/s are of the scenario in which there were most.{shared}"
    )


def missing(report: Report) -> list[str]:
    """Return contenders without figures, and LoadGen's doubts."""
    lost = [
        f"{contender.name} ({contender.outcome}: {contender.reason})"
        for contender in report.contenders
        if contender.outcome != "ran"
    ]
    doubts = [
        f"{contender.name}, {scenario.scenario}"
        for contender in timed(report)
        for scenario in contender.scenarios
        if not scenario.valid
    ]
    said = {"Not measured": lost, "LoadGen says INVALID, for reasons that the file tells": doubts}
    return [escaped(f"{words}: {'; '.join(names)}.") for words, names in said.items() if names]


def asked(files: Files) -> str:
    """Return what was asked for, reached, and possible; what was missed or not measured is said."""
    rows = []
    for target in read_speed_targets():
        value, most = measured(target, files), physical_limit(target, files)
        verdict = "not measured" if value is None else "yes" if target.reached(value) else "**no**"
        reached = NONE if value is None else _value(target, value)
        asked_for = f"{target.sign} {_value(target, target.limit, typed=True)}"
        rows.append([target.what, asked_for, reached, verdict, NONE if most is None else _value(target, most)])
    table = markdown(["", "asked", "reached", "met", "physical limit"], rows)
    met = sum(row[3] == "yes" for row in rows)
    return f"{table}\n\n{met} of {len(rows)} met. The physical limit is what the figure would be if {LIMIT_WORDS}."


LIMIT_WORDS = (
    "the networks' operations ran at the peak that this machine's processors reach, and nothing else took time"
)


def _value(target: SpeedTarget, value: float, *, typed: bool = False) -> str:
    if target.figure in {"outside_networks", "equal_texts", "memory_share"}:
        return percent(value)
    number = f"{value:g}" if typed else f"{value:.2f}"
    return f"{number} {UNITS.get(target.figure, '×')}"


UNITS = {"cold_start": "s", "readings_per_s": "/s", "detected_per_s": "/s", "event_ms": "ms"}


def growth_words(growth: Growth) -> str:
    """Return the verdict about growth in a paragraph."""
    steepest = max(growth.curves, key=lambda curve: curve.exponent, default=None)
    most = f"; steepest: {steepest.part} with {steepest.what}, exponent {steepest.exponent:.2f}" if steepest else ""
    verdict = "PASS" if growth.passed else "**FAIL**"
    return (
        f"**Growth**, {growth.date[:10]}, {growth.backend}, {growth.precision}: {verdict}, {too_fast(growth)}{most}. "
        f"Photos without text: {growth.recognizer_calls_without_text} calls of the recognizer. {code(growth.command)}"
    )


def agreement_words(found: Agreement) -> str:
    """Return what a bundle of EasyOCR's networks reads as EasyOCR does, in a paragraph."""
    photos, boxes, causes = found.photos, found.box_times, Counter(difference.cause for difference in found.differences)
    others = ", ".join(f"{count} by {cause}" for cause, count in causes.most_common()) or "none"
    return (
        f"**The same texts as EasyOCR**, {found.date[:10]}, {version_words(found.versions)}, in {found.precision}, "
        f"{photos.count} photos of {', '.join(photos.folders)}, canvases of {found.canvas_px} px: of {found.easyocr} "
        f"texts of EasyOCR and {found.ours} of ours, {found.both} are at the same place and {found.equal} of these "
        f"equal, {found.sure_equal} of the {found.sure} that EasyOCR is sure of; others: {others}. "
        f"Boxes of a photo's maps: {boxes.same_boxes} of {boxes.boxes} the same, {steady(boxes.ours_ms)} ms, "
        f"EasyOCR {steady(boxes.easyocr_ms)} ms. {code(found.command)}"
    )


def soak_words(soak: Soak) -> str:
    """Return the verdict of a soak in a paragraph."""
    slopes = ", ".join(_slope(soak.slopes, what, words) for what, words in SOAKED.items())
    verdict = "PASS" if soak.passed else "**FAIL**" if soak.finished else "**not finished**"
    return (
        f"**Soak**, {soak.date[:10]}, {soak.hours:g} h, {soak.frames:,} frames, {soak.backend}, {soak.precision}: "
        f"{verdict}; {slopes}. {code(soak.commands[-1])}"
    )


def stream_words(stream: Stream) -> str:
    """Return what became of a watched camera in a paragraph."""
    live = stream.live
    slopes = ", ".join(_slope(live.slopes, what, SOAKED[what]) for what in ("rss_mib", "handles"))
    verdict = "PASS" if stream.passed else "**FAIL**"
    return (
        f"**Camera**, {stream.date[:10]}, {live.minutes:g} min of {stream.frame_hw[1]} × {stream.frame_hw[0]} at "
        f"{live.fps:g} frames/s, {stream.backend}, {stream.precision}: {verdict}; {live.frames:,} frames, "
        f"{live.dropped:,} dropped, {live.events:,} events, {live.missed:,} missed, {live.wrong:,} wrong; "
        f"capture to reading {_latency(live.reading)}, to event {_latency(live.event)}; {percent(live.cpu_share)} of "
        f"all cores; {slopes}. {code(stream.command)}"
    )


def troubles_words(found: Troubles) -> str:
    """Return what became of a stream among troubles in a paragraph."""
    came = ", ".join(f"{what} {count:,} times" for what, count in found.troubles.items())
    sinks = ", ".join(f"{name} {count:,}" for name, count in found.sinks.items())
    slopes = ", ".join(_slope(found.slopes, what, SOAKED[what]) for what in ("rss_mib", "handles"))
    return (
        f"**Troubles**, {found.date[:10]}, {found.minutes:g} min, {found.backend}, {found.precision}: "
        f"{'PASS' if found.passed else '**FAIL**'}; {came}; {found.events:,} events, {found.missed:,} numbers missed, "
        f"{found.wrong:,} wrong; in its sinks: {sinks}; {slopes}. {code(found.command)}"
    )


def _latency(latency: Latency | None) -> str:
    return f"{steady(latency.p50_ms)} ms (p99 {steady(latency.p99_ms)} ms)" if latency else NONE


SOAKED = {
    "rss_mib": "resident memory {} MiB an hour",
    "handles": "handles {} an hour",
    "cpu_ms": "processor time {} ms an hour",
}


def _slope(slopes: Sequence[Slope], what: str, words: str) -> str:
    for slope in slopes:
        if slope.what == what:
            return words.format(f"{signed(slope.per_hour)} ({signed(slope.low)} to {signed(slope.high)})")
    return words.format("not measured:")
