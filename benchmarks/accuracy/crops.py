"""Score the readings of crops."""

from bisect import bisect_right
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from itertools import pairwise
from statistics import fmean

from ...runtime.text.decoding import Text
from .causes import crop_cause, fewest_edits
from .certainty import certainty, joined, judged
from .datasets import LabelledSet
from .results import AllCrops, Cause, CropsResult, Group, Latency, Mistake, Outcome, Texts
from .scoring import digits, is_exact

RATIOS = (0.5, 1, 1.5, 2, 3, 4)
"""Widths, in heights, that part crops into groups."""
RATIO_GROUPS = (
    f"width below {RATIOS[0]:g} heights",
    *(f"width {low:g} to {high:g} heights" for low, high in pairwise(RATIOS)),
    f"width from {RATIOS[-1]:g} heights",
)


def score_crops(
    data: LabelledSet,
    texts: Sequence[Text],
    ratios: Sequence[float],
    latency: Latency,
    uncalibrated: Sequence[Text] | None = None,
) -> Outcome:
    """Compare the digits of crops and their labels.

    Args:
        data: The labelled crops.
        texts: What was read in each.
        ratios: The width of each, in heights.
        latency: How long it took.
        uncalibrated: What is read in each at temperature 1.
    """
    right = _right(data, texts)
    mistakes = [_mistake(data, at, texts[at]) for at, exact in enumerate(right) if not exact]
    lengths = [len(digits(image.texts[0])) for image in data.images]
    readings = judged([text.confidence for text in texts], right)
    before = judged([text.confidence for text in uncalibrated], _right(data, uncalibrated)) if uncalibrated else None
    result = CropsResult(
        name=data.name,
        part=data.part,
        images=len(right),
        exact=sum(right),
        accuracy=sum(right) / len(right),
        texts=compare([(image.texts[0], text.text) for image, text in zip(data.images, texts, strict=True)]),
        certainty=certainty(readings),
        uncalibrated=certainty(before) if before else None,
        causes=count_causes(cause for mistake in mistakes for cause in mistake.causes),
        by_length=_groups(lengths, right, lambda length: f"{length} digit{'s' if length != 1 else ''}"),
        by_ratio=_groups([bisect_right(RATIOS, ratio) for ratio in ratios], right, RATIO_GROUPS.__getitem__),
        latency=latency,
    )
    return Outcome(result, mistakes, readings, before)


def similarity(label: str, reading: str) -> float:
    """Return 1 - NED, 0..1: one less the fewest edits by the length of the longer text; 1 where both are empty."""
    return 1 - len(fewest_edits(label, reading)) / max(len(label), len(reading), 1)


def compare(pairs: Sequence[tuple[str, str]]) -> Texts:
    """Compare labels and readings, at least one pair, as they are written."""
    return Texts(
        exact=sum(label == reading for label, reading in pairs),
        exact_any_case=sum(label.casefold() == reading.casefold() for label, reading in pairs),
        similarity=fmean(similarity(label, reading) for label, reading in pairs),
        digits_similarity=fmean(similarity(digits(label), digits(reading)) for label, reading in pairs),
    )


def _right(data: LabelledSet, texts: Sequence[Text]) -> list[bool]:
    return [is_exact(image.texts[0], text.text) for image, text in zip(data.images, texts, strict=True)]


def _mistake(data: LabelledSet, at: int, text: Text) -> Mistake:
    image = data.images[at]
    cause = crop_cause(image.texts[0], text.text)
    return Mistake(image, (text.text,), (text.confidence,), (), None, (cause,))


def count_causes(causes: Iterable[tuple[str, str]]) -> list[Cause]:
    """Count equal causes, the most frequent first."""
    counted = Counter(causes)
    ordered = sorted(counted.items(), key=lambda item: (-item[1], item[0]))
    return [Cause(mistake=what, detail=detail, count=count) for (what, detail), count in ordered]


def _groups(keys: Sequence[int], right: Sequence[bool], name: Callable[[int], str]) -> list[Group]:
    """Count the crops and the right ones of each key, in the order of the keys."""
    return [
        Group(
            group=name(key),
            images=keys.count(key),
            exact=sum(exact for own, exact in zip(keys, right, strict=True) if own == key),
        )
        for key in sorted(set(keys))
    ]


def all_crops(outcomes: Sequence[Outcome]) -> AllCrops | None:
    """Sum up the sets of crops that were measured whole; None without any.

    A part is left out: it belongs to a set that was trained on, and its confidences may have been calibrated on.
    """
    whole = [outcome for outcome in outcomes if outcome.judged is not None and outcome.result.part is None]
    if not whole:
        return None
    readings = joined([outcome.judged for outcome in whole if outcome.judged])
    before = [outcome.uncalibrated for outcome in whole if outcome.uncalibrated]
    exact = int(readings.right.sum())
    return AllCrops(
        images=len(readings.right),
        exact=exact,
        accuracy=exact / len(readings.right),
        certainty=certainty(readings),
        uncalibrated=certainty(joined(before)) if before else None,
    )
