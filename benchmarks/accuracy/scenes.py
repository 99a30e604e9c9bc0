"""Score the readings of whole photos."""

from collections import Counter
from collections.abc import Sequence

from ...runtime.geometry.heatmaps import Region
from ...runtime.geometry.lines import rows
from ...runtime.reader import Reading, select
from ...runtime.text.decoding import Text
from .causes import Placed, false_cause, left_over, missed_cause
from .certainty import Certainty, certainty, judged
from .crops import count_causes
from .datasets import LabelledImage, LabelledSet
from .icdar import icdar
from .results import Latency, Mistake, Outcome, ScenesResult, Threshold
from .scoring import Match, digits, match, ratio

Look = Sequence[tuple[Region, Text]]
"""All text that was found in one photo."""
THRESHOLDS = (0.5, 0.6, 0.7, 0.8, 0.9, 0.95)
"""Least confidences for which a set's figures are given beside the reader's own."""
MISSED, FALSE = "number missed", "false number"


def score_scenes(data: LabelledSet, looks: Sequence[Look], least: float, latency: Latency) -> Outcome:
    """Match the numbers of photos and their labels, also for other least confidences.

    Args:
        data: The labelled photos.
        looks: What was found in each.
        least: The confidence from which a text is a reading.
        latency: How long it took.
    """
    thresholds = [_threshold(data, looks, other) for other in THRESHOLDS]
    return score_readings(data, [select(look, least) for look in looks], latency, looks, thresholds)


def score_readings(
    data: LabelledSet,
    readings: Sequence[Sequence[Reading]],
    latency: Latency,
    looks: Sequence[Look | None] = (),
    thresholds: Sequence[Threshold] = (),
) -> Outcome:
    """Match the numbers of photos and their labels.

    Args:
        data: The labelled photos.
        readings: What was read in each.
        latency: How long it took.
        looks: What was found in each, also what is no reading; empty if nobody knows.
        thresholds: What other least confidences give.
    """
    matches = _matches(data, readings)
    looks = looks or [None] * len(readings)
    mistakes = [
        _mistake(image, look, found, matched)
        for image, look, found, matched in zip(data.images, looks, readings, matches, strict=True)
        if matched.missed or matched.false
    ]
    places = [(_labels(image), _found(found)) for image, found in zip(data.images, readings, strict=True)]
    false = sum(len(photo.false) for photo in matches)
    result = ScenesResult(
        name=data.name,
        part=data.part,
        images=len(matches),
        labels=sum(photo.labels for photo in matches),
        matched=sum(len(photo.matched) for photo in matches),
        recall=_recall(matches),
        line_recall=_line_recall(data, readings),
        readings=sum(photo.numbers for photo in matches),
        precision=_precision(matches),
        false_numbers=false,
        false_numbers_per_image=false / len(matches),
        icdar=icdar(places),
        certainty=_certainty(readings, places, matches),
        causes=count_causes(cause for mistake in mistakes for cause in mistake.causes),
        thresholds=list(thresholds),
        latency=latency,
    )
    return Outcome(result, mistakes)


def _matches(data: LabelledSet, readings: Sequence[Sequence[Reading]]) -> list[Match]:
    return [
        match(image.texts, [reading.text for reading in found])
        for image, found in zip(data.images, readings, strict=True)
    ]


def _recall(matches: Sequence[Match]) -> float | None:
    return ratio(sum(len(photo.matched) for photo in matches), sum(photo.labels for photo in matches))


def _line_recall(data: LabelledSet, readings: Sequence[Sequence[Reading]]) -> float | None:
    """Share of the labels whose digits the readings of one line, joined from left to right, hold."""
    held, labels = 0, 0
    for image, found in zip(data.images, readings, strict=True):
        lines = ["".join(digits(found[at].text) for at in row) for row in rows([reading.quad for reading in found])]
        wanted = [number for number in map(digits, image.texts) if number]
        labels += len(wanted)
        held += sum(any(number in line for line in lines) for number in wanted)
    return ratio(held, labels)


def _precision(matches: Sequence[Match]) -> float | None:
    return ratio(sum(photo.true_numbers for photo in matches), sum(photo.numbers for photo in matches))


def _threshold(data: LabelledSet, looks: Sequence[Look], least: float) -> Threshold:
    """What the reader would give with another least confidence: doubles are told apart after it, as when reading."""
    matches = _matches(data, [select(look, least) for look in looks])
    return Threshold(
        min_confidence=least,
        recall=_recall(matches),
        precision=_precision(matches),
        false_numbers_per_image=sum(len(photo.false) for photo in matches) / len(matches),
    )


def _labels(image: LabelledImage) -> Placed:
    return list(zip(image.texts, image.quads, strict=True))


def _found(readings: Sequence[Reading]) -> Placed:
    return [(reading.text, reading.quad) for reading in readings]


def _certainty(
    readings: Sequence[Sequence[Reading]], places: Sequence[tuple[Placed, Placed]], matches: Sequence[Match]
) -> Certainty | None:
    """Of the readings with a digit, those that match a label being right."""
    confidences, right = [], []
    for photo, (labels, found), matched in zip(readings, places, matches, strict=True):
        false = left_over(found, labels, Counter(matched.false))
        numbers = [at for at, reading in enumerate(photo) if digits(reading.text)]
        confidences += [photo[at].confidence for at in numbers]
        right += [at not in false for at in numbers]
    return certainty(judged(confidences, right)) if right else None


def _mistake(image: LabelledImage, look: Look | None, readings: Sequence[Reading], matched: Match) -> Mistake:
    labels, found = _labels(image), _found(readings)
    missed = left_over(labels, found, Counter(matched.missed))
    false = left_over(found, labels, Counter(matched.false))
    missed_quads = [image.quads[at] for at in missed]
    other_quads = [quad for at, quad in enumerate(image.quads) if at not in missed]
    causes = [(MISSED, missed_cause(quad, look, readings)) for quad in missed_quads]
    causes += [(FALSE, false_cause(readings[at].quad, missed_quads, other_quads)) for at in false]
    return Mistake(
        image,
        tuple(reading.text for reading in readings),
        tuple(reading.confidence for reading in readings),
        tuple(reading.quad for reading in readings),
        matched,
        tuple(causes),
    )
