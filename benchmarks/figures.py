"""What an evaluation finds: the structs that its JSON consists of."""

import msgspec

from .certainty import Certainty
from .machine import Machine

SCHEMA = 2


class Latency(msgspec.Struct, frozen=True, kw_only=True):
    """Milliseconds from a decoded image to its readings, one image at a time."""

    p50_ms: float
    p90_ms: float
    p99_ms: float
    images: int
    """How many were timed."""
    warm_up: int
    """How many were read before, untimed."""


class Cause(msgspec.Struct, frozen=True, kw_only=True):
    """One kind of mistake."""

    mistake: str
    """What went wrong: `digit dropped`, `missed`, `false number`, …"""
    detail: str
    """Where in the number, or why."""
    count: int
    """How many crops, labels or readings."""


class Group(msgspec.Struct, frozen=True, kw_only=True):
    """The crops of one kind."""

    group: str
    """`3 digits`, `width 2 to 3 heights`, …"""
    images: int
    exact: int


class CropsResult(msgspec.Struct, frozen=True, kw_only=True, tag="crops", tag_field="kind"):
    """What a set of crops gave."""

    name: str
    part: str | None = None
    """What of the set this is, in words; None for the whole."""
    images: int
    exact: int
    """Crops whose digits were all read, and no other."""
    accuracy: float
    """`exact / images`."""
    certainty: Certainty
    uncalibrated: Certainty | None = None
    """The same at temperature 1; None if that is the bundle's."""
    causes: list[Cause]
    """Of the crops that are not exact, the most frequent first."""
    by_length: list[Group]
    """By the number of digits in the label."""
    by_ratio: list[Group]
    """By the width of the image, in heights."""
    latency: Latency


class Threshold(msgspec.Struct, frozen=True, kw_only=True):
    """What a set of scenes gives when less confident readings are left out."""

    min_confidence: float
    recall: float | None
    precision: float | None
    false_numbers_per_image: float


class ScenesResult(msgspec.Struct, frozen=True, kw_only=True, tag="scenes", tag_field="kind"):
    """What a set of whole photos gave."""

    name: str
    part: str | None = None
    """What of the set this is, in words; None for the whole."""
    images: int
    labels: int
    """Labels with a digit."""
    matched: int
    """Labels that were read."""
    recall: float | None
    """`matched / labels`; None without labels."""
    readings: int
    """Readings of two digits or more."""
    precision: float | None
    """Matched readings of two digits or more, of all such; None without any."""
    false_numbers: int
    """Readings with a digit, also a lone one, that match no label."""
    false_numbers_per_image: float
    causes: list[Cause]
    """Of the labels missed and of the false numbers, the most frequent first."""
    thresholds: list[Threshold]
    latency: Latency


Result = CropsResult | ScenesResult


class AllCrops(msgspec.Struct, frozen=True, kw_only=True):
    """All crops of the sets that were measured whole, as one set."""

    images: int
    exact: int
    accuracy: float
    certainty: Certainty
    uncalibrated: Certainty | None = None
    """The same at temperature 1; None if that is the bundle's."""


class Run(msgspec.Struct, frozen=True, kw_only=True):
    """All sets in one precision."""

    precision: str
    """`int8`, or `detector int8, recognizer fp32` where they differ."""
    files: dict[str, str]
    """The model files that were read, with their SHA-256."""
    sets: list[Result]
    all_crops: AllCrops | None
    """None if no set of crops was measured whole."""


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """An evaluation, with all that is needed to repeat it."""

    schema: int = SCHEMA
    command: str
    """The command line that gave the report."""
    date: str
    """When it ended, ISO 8601, UTC."""
    bundle: str
    """The bundle's name."""
    temperature: float
    """What the recogniser's log probabilities were divided by for the confidences."""
    min_confidence: float
    """Readings of scenes below it were left out."""
    backend: str
    machine: Machine
    runs: list[Run]
    """At least one; the first is the one that tables show when they show one."""
