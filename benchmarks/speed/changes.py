"""Figures before and after, and whether they differ."""

import math
from collections.abc import Iterator, Sequence

import msgspec
import numpy as np

from .bootstrap import Ratio, Turns, around, ratio
from .figures import Contender, Report, Scenario
from .growth_figures import Curve, Growth
from .soak_figures import Sample, Soak
from .stream_figures import Stream

BLOCKS = 8
"""A soak's samples are not independent of one another; the means of so many blocks nearly are."""


class Change(msgspec.Struct, frozen=True, kw_only=True):
    """One figure before and after."""

    contender: str
    figure: str
    old: float
    new: float
    ratio: float
    """New over old."""
    low: float | None = None
    """Lower end of the ratio's 95 % confidence interval; None where one value shows no spread."""
    high: float | None = None
    """Upper end."""
    more_is_better: bool = False
    verdict: str
    """"faster", "slower", "less", "more", "no difference shown", or "not judged: one value"."""

    @property
    def surely_slower(self) -> float:
        """How many times slower it is at least, as far as the interval tells; 0 if that is not about time."""
        if self.low is None or self.high is None or self.verdict in {"less", "more"}:
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


def change(
    contender: str, figure: str, values: tuple[float, float], found: Ratio, words: tuple[str, str], *, up: bool = False
) -> Change:
    """Judge a ratio; the first word says that it is better, the second that it is worse, `up` that more is better."""
    verdict = "no difference shown"
    if found.low is None or found.high is None:
        verdict = "not judged: one value"
    elif found.high < 1 or found.low > 1:
        verdict = words[0] if (found.low > 1) == up else words[1]
    return Change(
        contender=contender, figure=figure, old=values[0], new=values[1], ratio=found.value, low=found.low,
        high=found.high, more_is_better=up, verdict=verdict,
    )  # fmt: skip


SPEED, SIZE = ("faster", "slower"), ("less", "more")


def compare_reports(old: Report, new: Report) -> tuple[list[Change], list[str]]:
    """All that changed, and the contenders that only one report has."""
    before = {each.name: each for each in old.contenders if each.outcome == "ran"}
    after = {each.name: each for each in new.contenders if each.outcome == "ran"}
    changes = [each for name in before if name in after for each in _contenders(before[name], after[name])]
    missing = [f"{name}: only before" for name in before if name not in after]
    missing += [f"{name}: only now" for name in after if name not in before]
    return changes, missing + [each for name in before if name in after for each in _unlike(before[name], after[name])]


def _contenders(old: Contender, new: Contender) -> Iterator[Change]:
    scenarios = {each.scenario: each for each in new.scenarios}
    for each in old.scenarios:
        if each.scenario in scenarios:
            yield from _scenarios(old.name, each, scenarios[each.scenario])
    if old.memory and new.memory:
        for what in ("loaded_mib", "steady_mib", "peak_mib", "device_mib"):
            pair = getattr(old.memory, what), getattr(new.memory, what)
            if all(pair):
                yield change(old.name, what.replace("_mib", " MiB"), pair, Ratio(pair[1] / pair[0], None, None), SIZE)
    if old.cold_start and new.cold_start:
        starts = [[value] for value in old.cold_start.times_s], [[value] for value in new.cold_start.times_s]
        if found := ratio(*starts, 50):
            yield change(old.name, "cold start s", (old.cold_start.p50_s, new.cold_start.p50_s), found, SPEED)


def _unlike(old: Contender, new: Contender) -> list[str]:
    """Scenarios that cannot be compared."""
    after = {each.scenario: each for each in new.scenarios}
    unlike = [
        each.scenario for each in old.scenarios if each.scenario in after and not _alike(each, after[each.scenario])
    ]
    lone = {each.scenario for each in old.scenarios} ^ set(after)
    return [f"{old.name}, {each}: other photos a query or queries a second, not compared" for each in unlike] + [
        f"{old.name}, {each}: only {'now' if each in after else 'before'}" for each in sorted(lone)
    ]


def _alike(old: Scenario, new: Scenario) -> bool:
    """Offline asks once for as many photos as the time allows; elsewhere what is asked for must be the same."""
    if old.scenario == "Offline":
        return True
    return (old.samples_per_query, old.target_qps) == (new.samples_per_query, new.target_qps)


def _scenarios(name: str, old: Scenario, new: Scenario) -> Iterator[Change]:
    if not _alike(old, new):
        return
    for what, share in (("p50", 50.0), ("p90", 90.0)):
        found = ratio(old.times_ms, new.times_ms, share)
        if found and old.scenario != "Offline":
            pair = getattr(old, f"{what}_ms"), getattr(new, f"{what}_ms")
            yield change(name, f"{old.scenario} {what} ms", pair, found, SPEED)
    if old.scenario == "Server":  # its rate is what was asked for
        return
    rates = [[rate] for rate in old.turns_samples_per_s], [[rate] for rate in new.turns_samples_per_s]
    if found := ratio(*rates, 50):
        pair = (old.samples_per_s, new.samples_per_s)
        yield change(name, f"{old.scenario} photos/s", pair, found, SPEED, up=True)


def compare_growths(old: Growth, new: Growth) -> tuple[list[Change], list[str]]:
    """All curves that changed, and those that only one report has."""
    after = {(each.what, each.part): each for each in new.curves}
    changes: list[Change] = []
    missing: list[str] = []
    for curve in old.curves:
        name = f"{curve.part} against {curve.what}"
        other = after.pop((curve.what, curve.part), None)
        if other is None:
            missing.append(f"{name}: only before")
        else:
            changes += _curves(name, curve, other)
    return changes, missing + [f"{part} against {what}: only now" for what, part in after]


def _curves(name: str, old: Curve, new: Curve) -> Iterator[Change]:
    """The times of the sizes that both have: their ratios' geometric mean, and how far these are apart."""
    after = {point.size: point.p50_ms for point in new.points}
    pairs = [(each.p50_ms, after[each.size]) for each in old.points if each.size in after]
    pairs = [(before, now) for before, now in pairs if before > 0 and now > 0]
    if not pairs:
        return
    logs = np.log([now / before for before, now in pairs])
    means = tuple(float(np.exp(np.mean(np.log(side)))) for side in zip(*pairs, strict=True))
    found = Ratio(float(np.exp(logs.mean())), None, None)
    if len(logs) > 1:
        found = around(found.value, float(logs.std(ddof=1)) / math.sqrt(len(logs)), len(logs) - 1)
    yield change(name, f"p50 ms, {len(pairs)} sizes", (means[0], means[1]), found, SPEED)


def compare_soaks(old: Soak, new: Soak) -> Iterator[Change]:
    """The medians of a soak's samples."""
    yield from _samples("soak", _warm(old.samples, old.warm_up_s), _warm(new.samples, new.warm_up_s))


def compare_streams(old: Stream, new: Stream) -> Iterator[Change]:
    """Rates, and the medians of the samples of a camera that was watched."""
    for name, before, after in (
        ("static region", old.static, new.static), ("detection on every frame", old.detecting, new.detecting)
    ):  # fmt: skip
        old_turns, new_turns = ([[each] for each in side.turns_frames_per_s] for side in (before, after))
        if found := ratio(old_turns, new_turns, 50):
            yield change(name, "frames/s", (before.frames_per_s, after.frames_per_s), found, SPEED, up=True)
    warm = (_warm(each.live.samples, each.live.warm_up_s) for each in (old, new))
    yield from _samples("live", *warm)


def _warm(samples: Sequence[Sample], warm_up_s: float) -> list[Sample]:
    return [each for each in samples if each.at_s > warm_up_s]


def _samples(name: str, old: Sequence[Sample], new: Sequence[Sample]) -> Iterator[Change]:
    words = {"p50_ms": SPEED, "cpu_ms": SPEED, "rss_mib": SIZE, "handles": SIZE}
    for what, judged in words.items():
        before, after = _blocks(old, what), _blocks(new, what)
        if found := ratio(before, after, 50):
            pair = float(np.median(before)), float(np.median(after))
            yield change(name, what.replace("_", " "), pair, found, judged)


def _blocks(samples: Sequence[Sample], what: str) -> Turns:
    """Means of blocks of samples."""
    values = [float(getattr(each, what)) for each in samples]
    blocks = np.array_split(values, min(BLOCKS, len(values))) if values else []
    return [[float(block.mean())] for block in blocks]
