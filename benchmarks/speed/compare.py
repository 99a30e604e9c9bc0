"""`edgereader bench compare`: what changed between two measurements, and how surely."""

from __future__ import annotations

import math
import sys
from collections.abc import Container, Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import click
import msgspec
import numpy as np
from numpy.typing import NDArray
from scipy.special import stdtrit

from ...runtime.errors import DatasetError
from ..tables import columns
from .results import Contender, Figures, Growth, Live, Report, Soak, Stream, read_figures

FILE = click.Path(path_type=Path)
SETTINGS = ("backend", "precision", "threads", "streams")
SPEED, SIZE = ("faster", "slower"), ("less", "more")
BLOCKS = 8
"""A soak's samples are not independent of one another; the means of so many blocks nearly are."""
DRAWS = 400
LEAST = 1e-12
"""Has a logarithm, as zero has none."""
Turns = Sequence[Sequence[float]]


class Figure(NamedTuple):
    """One figure of a measurement, and what it is made of."""

    value: float
    turns: Turns
    """Values of each turn: with one turn there is no interval."""
    share: float = 50.0
    """The percentile of them that the figure is."""
    words: tuple[str, str] = SPEED
    """What a better one and a worse one are called."""
    up: bool = False
    """Whether more is better."""


class Ratio(NamedTuple):
    """New over old, with the ends of its 95 % confidence interval; None where one value shows no spread."""

    value: float
    low: float | None = None
    high: float | None = None


class Change(msgspec.Struct, frozen=True, kw_only=True):
    """One figure before and after."""

    contender: str
    figure: str
    old: float
    new: float
    ratio: float
    """See `Ratio`, for `low` and `high` too."""
    low: float | None = None
    high: float | None = None
    more_is_better: bool = False
    verdict: str
    """"faster", "slower", "less", "more", "no difference shown", or "not judged: one value"."""

    @property
    def surely_slower(self) -> float:
        """Return how many times slower it is at least, by the interval; 0 if it is not about time."""
        if self.low is None or self.high is None or self.verdict in SIZE:
            return 0.0
        return 1 / self.high if self.more_is_better else self.low


class Comparison(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that two measurements of a kind have in common."""

    old: str
    new: str
    differences: list[str]
    """What makes them hard to compare: other machines, other photos, other models."""
    changes: list[Change]
    missing: list[str]
    """What only one of the two has."""


@click.command()
@click.argument("old", type=FILE)
@click.argument("new", type=FILE)
@click.option("--json", "as_json", is_flag=True, help="Write JSON to standard output.")
@click.option(
    "--fail-slower", type=click.FloatRange(min=1), metavar="TIMES", help="Exit with 1 if anything surely is slower."
)
def compare(old: Path, new: Path, as_json: bool, fail_slower: float | None) -> None:  # noqa: FBT001  click's
    """Compare two files of `edgereader bench`, `bench growth`, `bench soak` or `bench stream`: OLD.json and NEW.json.

    A line for each figure of each contender: old, new, new over old with a 95 % confidence interval, and faster,
    slower or no difference shown. The interval is a bootstrap over turns and within turns, so that it also covers
    how much one turn differs from another; with one turn there is none.

    Exit codes: 0 compared, 1 something is surely slower than --fail-slower allows, 2 nothing compared because a file
    is wrong or they are of different kinds.
    """
    found = comparison(old, new)
    click.echo(msgspec.json.format(msgspec.json.encode(found)).decode() if as_json else text(found))
    slower = [change for change in found.changes if fail_slower and change.surely_slower > fail_slower]
    for change in slower:
        times = f"{change.surely_slower:.2f} times at the least"
        click.echo(f"{change.contender}, {change.figure}: surely slower, {times}", err=True)
    if slower:
        sys.exit(1)


def comparison(old_path: Path, new_path: Path) -> Comparison:
    """Compare two files.

    Raises:
        DatasetError: one cannot be read, they are of different kinds, or have nothing in common.
    """
    old, new = read_figures(old_path), read_figures(new_path)
    missing: list[str] = []
    if isinstance(old, Report) and isinstance(new, Report):
        changes = list(_reports(old, new, missing))
    elif isinstance(old, Growth) and isinstance(new, Growth):
        changes = list(_growths(old, new, missing))
    elif isinstance(old, Soak) and isinstance(new, Soak):
        changes = list(_changes("soak", _of_samples(old), _of_samples(new)))
    elif isinstance(old, Stream) and isinstance(new, Stream):
        changes = list(_streams(old, new))
    else:
        kinds = f"{type(old).__name__.lower()} and {type(new).__name__.lower()}"
        raise DatasetError(f"{old_path}, {new_path}: expected two files of one kind, got a {kinds}; choose others")
    if not changes:
        raise DatasetError(f"{old_path}, {new_path}: expected figures of the same things, got none in common")
    unlike = differences(old, new)
    return Comparison(old=str(old_path), new=str(new_path), differences=unlike, changes=changes, missing=missing)


def differences(old: Figures, new: Figures) -> list[str]:
    """Return what makes two measurements hard to compare."""
    pairs = [
        (name, getattr(old.machine, name), getattr(new.machine, name)) for name in ("processor", "cores", "system")
    ]
    if isinstance(old, Report) and isinstance(new, Report):
        for before, now in _both(old, new):
            pairs += [(f"{name} of {now.name}", getattr(before, name), getattr(now, name)) for name in SETTINGS]
        if old.photos.sha256 != new.photos.sha256:
            photos_before, photos_now = (
                f"{photos.count} of {', '.join(photos.folders)} ({photos.sha256[:8]})"
                for photos in (old.photos, new.photos)
            )
            pairs.append(("photos", photos_before, photos_now))
    elif not isinstance(old, Report) and not isinstance(new, Report):
        pairs += [(name, getattr(old, name), getattr(new, name)) for name in ("bundle", "backend", "precision")]
    return [f"other {name}: {before} before, {after} now" for name, before, after in pairs if before != after]


def _ran(report: Report) -> dict[str, Contender]:
    return {contender.name: contender for contender in report.contenders if contender.outcome == "ran"}


def _both(old: Report, new: Report) -> list[tuple[Contender, Contender]]:
    after = _ran(new)
    return [(contender, after[name]) for name, contender in _ran(old).items() if name in after]


def _reports(old: Report, new: Report, missing: list[str]) -> Iterator[Change]:
    missing += _lone(_ran(old), _ran(new), "")
    for before, after in _both(old, new):
        asked, asked_now = _asked(before), _asked(after)
        unlike = {name for name in asked.keys() & asked_now if asked[name] != asked_now[name]}
        words = "other photos a query or queries a second, not compared"
        missing += [f"{before.name}, {name}: {words}" for name in asked if name in unlike]
        missing += _lone(asked, asked_now, f"{before.name}, ")
        yield from _changes(before.name, _of_contender(before, unlike), _of_contender(after, unlike))


def _lone(old: Mapping[str, object], new: Mapping[str, object], begin: str) -> list[str]:
    """Return a line for each name that only one of two has."""
    before = [f"{begin}{name}: only before" for name in old if name not in new]
    return before + [f"{begin}{name}: only now" for name in new if name not in old]


def _asked(contender: Contender) -> dict[str, tuple[object, ...]]:
    """Return what must be the same in each scenario; Offline asks once for as many photos as the time allows."""
    return {
        scenario.scenario: () if scenario.scenario == "Offline" else (scenario.samples_per_query, scenario.target_qps)
        for scenario in contender.scenarios
    }


def _of_contender(contender: Contender, unlike: Container[str]) -> dict[str, Figure]:
    found = {}
    for scenario in contender.scenarios:
        if (name := scenario.scenario) in unlike:
            continue
        if name != "Offline":
            found[f"{name} p50 ms"] = Figure(scenario.p50_ms, scenario.times_ms, 50)
            found[f"{name} p90 ms"] = Figure(scenario.p90_ms, scenario.times_ms, 90)
        if name != "Server":  # its rate is what was asked for
            found[f"{name} photos/s"] = Figure(scenario.samples_per_s, _turns(scenario.turns_samples_per_s), up=True)
    for what in ("loaded", "steady", "peak", "device") if contender.memory else ():
        used = getattr(contender.memory, f"{what}_mib") or 0.0
        found[f"{what} MiB"] = Figure(used, [[used]], words=SIZE)
    if cold := contender.cold_start:
        found["cold start s"] = Figure(cold.p50_s, _turns(cold.times_s))
    return found


def _streams(old: Stream, new: Stream) -> Iterator[Change]:
    rates = (("static region", old.static, new.static), ("detection on every frame", old.detecting, new.detecting))
    for name, *sides in rates:
        before, after = (
            {"frames/s": Figure(side.frames_per_s, _turns(side.turns_frames_per_s), up=True)} for side in sides
        )
        yield from _changes(name, before, after)
    yield from _changes("live", _of_samples(old.live), _of_samples(new.live))


def _of_samples(run: Soak | Live) -> dict[str, Figure]:
    """Return the medians of samples, by the means of blocks of them."""
    warm = [sample for sample in run.samples if sample.at_s > run.warm_up_s]
    found = {}
    for what, words in {"p50_ms": SPEED, "cpu_ms": SPEED, "rss_mib": SIZE, "handles": SIZE}.items():
        values = [float(getattr(sample, what)) for sample in warm]
        means = [float(block.mean()) for block in np.array_split(values, min(BLOCKS, len(values)) or 1) if len(block)]
        if means:
            found[what.replace("_", " ")] = Figure(float(np.median(means)), _turns(means), words=words)
    return found


def _turns(values: Sequence[float]) -> Turns:
    """Return turns of one value each."""
    return [[value] for value in values]


def _changes(name: str, old: dict[str, Figure], new: dict[str, Figure]) -> Iterator[Change]:
    for figure, before in old.items():
        if figure in new and (found := ratio(before.turns, new[figure].turns, before.share)):
            yield _change(name, figure, before, new[figure], found)


def _change(name: str, figure: str, old: Figure, new: Figure, found: Ratio) -> Change:
    verdict = "no difference shown"
    if found.low is None or found.high is None:
        verdict = "not judged: one value"
    elif found.high < 1 or found.low > 1:
        verdict = old.words[0] if (found.low > 1) == old.up else old.words[1]
    return Change(
        contender=name,
        figure=figure,
        old=old.value,
        new=new.value,
        ratio=found.value,
        low=found.low,
        high=found.high,
        more_is_better=old.up,
        verdict=verdict,
    )


def _growths(old: Growth, new: Growth, missing: list[str]) -> Iterator[Change]:
    """Compare the times of the sizes that both have: their ratios' geometric mean, and how far these are apart."""
    before, after = ({f"{curve.part} against {curve.what}": curve for curve in growth.curves} for growth in (old, new))
    missing += _lone(before, after, "")
    for name in before:
        if name not in after:
            continue
        now_ms = {point.size: point.p50_ms for point in after[name].points}
        pairs = [(point.p50_ms, now_ms[point.size]) for point in before[name].points if point.size in now_ms]
        pairs = [pair for pair in pairs if min(pair) > 0]
        if not pairs:
            continue
        logs = np.log(pairs)
        mean, mean_now = (Figure(float(value), ()) for value in np.exp(logs.mean(axis=0)))
        apart = logs[:, 1] - logs[:, 0]
        found = Ratio(mean_now.value / mean.value)
        if len(apart) > 1:
            found = around(found.value, float(apart.std(ddof=1)) / math.sqrt(len(apart)), len(apart) - 1)
        yield _change(name, f"p50 ms, {len(pairs)} sizes", mean, mean_now, found)


def ratio(old: Turns, new: Turns, share: float, seed: int = 0) -> Ratio | None:
    """Return how many times the old percentile of all turns together the new one is; None where one is not positive.

    The bootstrap is hierarchical (Davison and Hinkley, Bootstrap Methods and their Application, 1997, section 3.8; for
    benchmarks Kalibera and Jones, Rigorous Benchmarking in Reasonable Time, 2013): turns are drawn with replacement,
    and within each turn its values. As turns are few, the interval is the logarithm's standard error times Student's
    t, with as many degrees of freedom as there are turns, less one of each side (Hesterberg, What Teachers Should
    Know About the Bootstrap, 2015, section 4, on intervals that are too narrow for small samples). With three to ten
    turns of simulated latencies it covers the true ratio of p50 in 95 to 100 % of all cases: it is wider than it need
    be where turns do not differ. That of p90 covers it in 84 to 89 % where photos hardly differ and turns do.
    """
    olds, news = ([np.asarray(turn, np.float64) for turn in turns if len(turn)] for turns in (old, new))
    if not olds or not news:
        return None
    before, after = (float(np.percentile(np.concatenate(turns), share)) for turns in (olds, news))
    if before <= 0 or after <= 0:
        return None
    if min(len(olds), len(news)) < 2:
        return Ratio(after / before)
    rng = np.random.default_rng(seed)
    logs = [np.log(np.maximum(_draws(turns, share, rng), LEAST)) for turns in (olds, news)]
    return around(after / before, float(np.std(logs[1] - logs[0], ddof=1)), len(olds) + len(news) - 2)


def _draws(turns: Sequence[NDArray[np.float64]], share: float, rng: np.random.Generator) -> NDArray[np.float64]:
    """Return the percentile of so many measurements (DRAWS,) as this one may have been.

    Turns are rows of a table, which end in infinity; so do the measurements that are drawn, when they are sorted.
    """
    counts = np.array([len(turn) for turn in turns])
    table = np.full((len(turns), counts.max()), np.inf)
    for row, turn in zip(table, turns, strict=True):
        row[: len(turn)] = turn
    rows = rng.integers(len(turns), size=(DRAWS, len(turns), 1))
    columns = (rng.random((DRAWS, *table.shape)) * counts[rows]).astype(np.intp)
    values = np.where(np.arange(table.shape[1]) < counts[rows], table[rows, columns], np.inf).reshape(DRAWS, -1)
    values.sort(axis=1)
    place = (counts[rows].sum(axis=(1, 2)) - 1) * share / 100
    low, high = (values[np.arange(DRAWS), at.astype(np.intp)] for at in (np.floor(place), np.ceil(place)))
    drawn: NDArray[np.float64] = low + place % 1 * (high - low)
    return drawn


def around(value: float, error: float, free: int) -> Ratio:
    """Return a ratio with the interval that the standard error of its logarithm and its degrees of freedom give."""
    reach = math.exp(float(stdtrit(min(free, 17), 0.975)) * error)
    return Ratio(value, value / reach, value * reach)


def text(found: Comparison) -> str:
    """Lay out a table for a terminal, what makes it doubtful first."""
    alarms = [f"NOT THE SAME CONDITIONS: {difference}" for difference in found.differences]
    rows = [("contender", "figure", "old", "new", "new / old (95 %)", "")]
    for change in found.changes:
        interval = "" if change.low is None else f" ({change.low:.3f} to {change.high:.3f})"
        figures = f"{change.old:.4g}", f"{change.new:.4g}", f"{change.ratio:.3f}{interval}"
        rows.append((change.contender, change.figure, *figures, change.verdict))
    return "\n".join([*alarms, columns(rows, range(6)), *found.missing])
