"""What an evaluation finds: the structs that its JSON consists of, and the mistakes to look at."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from ...runtime.errors import DatasetError
from ..record import Machine, read_json
from .causes import Quad
from .certainty import Certainty, Judged
from .datasets import LabelledImage
from .scoring import Match

SCHEMA = 4
SOURCE = "edgereader eval --json"


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


class Texts(msgspec.Struct, frozen=True, kw_only=True):
    """Crops and labels compared as they are written, not by their digits alone.

    A reader of numbers leaves out letters, spaces and units: where the label has them, its readings differ from it.
    """

    exact: int
    """Crops whose text is the label's, character by character."""
    exact_any_case: int
    """The same where case does not matter."""
    similarity: float
    """1 - NED, 0..1: mean of 1 - D / N, D being the fewest edits between text and label (Levenshtein), and N the length
    of the longer one. So in ICDAR 2019 (ArT, LSVT) and the deep-text-recognition-benchmark; here, case matters."""
    digits_similarity: float
    """The same of the digits alone; 1 where neither has one."""


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
    texts: Texts
    """Raw texts compared."""
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

    @property
    def whole_texts(self) -> float:
        """Share of the crops whose text is the label's, with all its signs, points and gaps."""
        return self.texts.exact / self.images


class Threshold(msgspec.Struct, frozen=True, kw_only=True):
    """What a set of scenes gives when less confident readings are left out."""

    min_confidence: float
    recall: float | None
    precision: float | None
    false_numbers_per_image: float


class Agreement(msgspec.Struct, frozen=True, kw_only=True):
    """How labels and detections match."""

    matched: int
    recall: float | None
    """`matched / labels`."""
    precision: float | None
    """`matched / detections`; None without any."""
    hmean: float | None
    """Harmonic mean of both; 0 without a detection."""


class Icdar(msgspec.Struct, frozen=True, kw_only=True):
    """Boxes of a set of scenes by the rules of ICDAR 2015, applied to numbers; `icdar.py` says how."""

    labels: int
    """Labels with a digit."""
    detections: int
    """Boxes of readings with a digit, without those that are ignored."""
    ignored: int
    """Boxes of readings with a digit that lie in regions labelled `###`."""
    detection: Agreement
    """Label and box overlap."""
    end_to_end: Agreement
    """They overlap, and their digits are the same."""


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
    line_recall: float | None = None
    """Share of the labels whose digits the digits of one line's readings, joined from left to right, hold: what is
    printed in groups counts as read. None without labels."""
    readings: int
    """Readings of two digits or more."""
    precision: float | None
    """Matched readings of two digits or more, of all such; None without any."""
    false_numbers: int
    """Readings with a digit, also a lone one, that match no label."""
    false_numbers_per_image: float
    icdar: Icdar | None = None
    """None unless a label has a digit, and each that does has a box."""
    certainty: Certainty | None = None
    """Of the readings with a digit, which are right if they match a label; None without any."""
    causes: list[Cause]
    """Of the labels missed and of the false numbers, the most frequent first."""
    thresholds: list[Threshold]
    """Empty for a contender, which leaves readings out by rules of its own."""
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
    """All sets, read by the bundle in one precision, or by a contender."""

    contender: str | None = None
    """Another reader, as `--contender` calls it; None for the bundle."""
    versions: dict[str, str] = {}
    """A contender's libraries, with their versions; empty for the bundle, whose are the machine's."""
    precision: str | None
    """`int8`, or `detector int8, recognizer fp32` where they differ; None for a contender."""
    files: dict[str, str]
    """The bundle's model files that were read, with their SHA-256; empty for a contender."""
    sets: list[Result]
    all_crops: AllCrops | None
    """None if no set of crops was measured whole."""

    @property
    def title(self) -> str:
        """`int8`, or for a contender `rapidocr 3.10.0`."""
        if self.contender is None:
            return self.precision or ""
        return f"{self.contender} {self.versions.get(self.contender, '')}".strip()


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
    """What the recognizer's log probabilities were divided by for the confidences."""
    min_confidence: float
    """The bundle's readings of scenes below it were left out."""
    alphabet: str = "numbers"
    """What the bundle was to read: `numbers`, `all`, or the characters."""
    backend: str
    machine: Machine
    runs: list[Run]
    """At least one, the bundle's before the contenders'; the first is the one that tables show when they show one."""
    skipped: dict[str, str] = {}
    """Contenders that were asked for and are missing in `runs`, and why."""


def read_report(path: Path) -> Report:
    """Read a report of `edgereader eval --json`.

    Raises:
        DatasetError: No such file, another schema, no run, or something else than a report.
    """
    version = read_json(path, dict[str, Any], SOURCE).get("schema")
    if version != SCHEMA:
        raise DatasetError(f"{path}: expected a report of schema {SCHEMA}, got {version!r}; measure again")
    report = read_json(path, Report, SOURCE)
    if not report.runs:
        raise DatasetError(f"{path}: expected at least one run, got none; measure again")
    return report


@dataclass(frozen=True)
class Mistake:
    """One image that was not read as labelled."""

    image: LabelledImage
    """The image and its labels."""
    readings: tuple[str, ...]
    """What was read."""
    confidences: tuple[float, ...]
    """How sure each reading is, 0..1."""
    quads: tuple[Quad, ...]
    """Where each reading is, for scenes: float32 (4, 2), pixels."""
    match: Match | None
    """What was missed and what was read wrongly, for scenes."""
    causes: tuple[tuple[str, str], ...]
    """What went wrong, and where or why; at least one."""


@dataclass(frozen=True)
class Outcome:
    """What evaluating one set gives."""

    result: Result
    """The figures."""
    mistakes: list[Mistake]
    """The images that were not read as labelled."""
    judged: Judged | None = None
    """The confidences of crops."""
    uncalibrated: Judged | None = None
    """The same at temperature 1, if that was asked for."""
