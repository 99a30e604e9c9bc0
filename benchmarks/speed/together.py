"""All turns of a contender in a scenario, as one figure; and its accuracy."""

from collections.abc import Iterable, Sequence
from statistics import median

import numpy as np

from ..accuracy.scoring import match, ratio
from .figures import Accuracy, Power, Scenario
from .jobs import Turn
from .photos import Photo
from .power import Energy

MOST_TIMES = 2000
"""Latencies of a turn that are kept, evenly taken; the percentiles are of all."""


def scenario_of(turns: Sequence[Turn]) -> Scenario:
    """One scenario's turns."""
    times = [each for turn in turns for each in turn.times_ms]
    p50, p90, p99, p999 = (float(each) for each in np.percentile(times, (50, 90, 99, 99.9)))
    first, rates = turns[0], [turn.samples_per_s for turn in turns]
    offline = first.scenario == "Offline"
    return Scenario(
        scenario=first.scenario,
        valid=all(turn.valid for turn in turns),
        reasons=list(dict.fromkeys(reason for turn in turns for reason in turn.reasons)),
        samples_per_query=first.samples_per_query,
        samples_per_s=median(rates),
        turns_samples_per_s=rates,
        target_qps=first.target_qps,
        target_ms=first.target_ms,
        p50_ms=p50,
        p90_ms=p90,
        p99_ms=p99,
        p999_ms=p999,
        times_ms=[] if offline else [thinned(turn.times_ms) for turn in turns],
    )


def thinned(times_ms: Sequence[float]) -> list[float]:
    """So many of them, evenly taken, to two places."""
    count = min(len(times_ms), MOST_TIMES)
    return [round(times_ms[place * len(times_ms) // count], 2) for place in range(count)]


def times_as_long(mine: Scenario, other: Scenario) -> float:
    """How many times another contender's p50 a contender's p50 is, over the queries that both answered.

    In a turn LoadGen asks all for the same photos in the same order, and a slow one answers only the first of them;
    photos differ, so that the plain medians would be of different photos.
    """
    turns = [*zip(mine.times_ms, other.times_ms, strict=False)]
    whole = all(len(times) < MOST_TIMES for turn in turns for times in turn)
    pairs = [pair for turn in turns for pair in zip(*turn, strict=False)] if whole else []
    if not pairs:
        return mine.p50_ms / other.p50_ms
    return median(one for one, _ in pairs) / median(another for _, another in pairs)


def accuracy_of(photos: Sequence[Photo], texts: Sequence[Sequence[str]]) -> Accuracy | None:
    """What was read of the photos, against their labels; None where none has labels.

    None too for a contender that had no time for all photos: figures of other photos would stand beside one another.
    """
    if len(texts) < len(photos):
        return None
    pairs = [(photo.labels, read) for photo, read in zip(photos, texts, strict=False) if photo.labels is not None]
    if not pairs:
        return None
    matches = [match(labels, read) for labels, read in pairs]
    matched, labels = sum(len(each.matched) for each in matches), sum(each.labels for each in matches)
    true, numbers = sum(each.true_numbers for each in matches), sum(each.numbers for each in matches)
    return Accuracy(
        photos=len(pairs),
        labels=labels,
        recall=ratio(matched, labels),
        precision=ratio(true, numbers),
        false_numbers_per_image=sum(len(each.false) for each in matches) / len(pairs),
    )


def power_of(meters: Iterable[Energy], frames: int) -> Power | None:
    """All turns' energy; None where the machine did not tell."""
    told = [each for each in meters if each.source is not None]
    joules, seconds = sum(each.joules for each in told), sum(each.seconds for each in told)
    if not joules or not frames or told[0].source is None:
        return None
    return Power(source=told[0].source, watts=joules / seconds, joules_per_frame=joules / frames)
