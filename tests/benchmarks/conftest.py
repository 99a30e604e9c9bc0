"""A small report, made of every kind of result."""

import pytest
from msgspec.structs import replace

from edgereader.benchmarks.accuracy.certainty import certainty, judged
from edgereader.benchmarks.accuracy.icdar import agreement
from edgereader.benchmarks.accuracy.results import (
    AllCrops,
    Cause,
    CropsResult,
    Group,
    Icdar,
    Latency,
    Report,
    Run,
    ScenesResult,
    Texts,
    Threshold,
)
from edgereader.benchmarks.record import this_machine

LATENCY = Latency(p50_ms=12.345, p90_ms=20.0, p99_ms=31.0, images=10, warm_up=3)
CERTAINTY = certainty(judged([0.95, 0.95, 0.5, 0.5], [True, False, True, False]))
CROPS = CropsResult(
    name="crops_a", images=200, exact=183, accuracy=0.915, certainty=CERTAINTY,
    texts=Texts(exact=110, exact_any_case=130, similarity=0.9, digits_similarity=0.975),
    causes=[Cause(mistake="digit dropped", detail="left end", count=17)],
    by_length=[Group(group="2 digits", images=200, exact=183)],
    by_ratio=[Group(group="width 1 to 1.5 heights", images=200, exact=183)], latency=LATENCY,
)  # fmt: skip
SCENES = ScenesResult(
    name="scenes_b", images=10, labels=8, matched=6, recall=0.75, readings=9, precision=2 / 3, false_numbers=4,
    false_numbers_per_image=0.4, causes=[Cause(mistake="number missed", detail="found, misread", count=2)],
    thresholds=[Threshold(min_confidence=0.7, recall=0.5, precision=None, false_numbers_per_image=0.1)],
    latency=LATENCY,
)  # fmt: skip
ALL = AllCrops(images=200, exact=183, accuracy=0.915, certainty=CERTAINTY)
REPORT = Report(
    command="edgereader eval digits-edge crops_a", date="2026-11-22T08:00:00+00:00", bundle="digits-edge",
    temperature=1.0, min_confidence=0.6, backend="cpu", machine=this_machine(),
    runs=[Run(precision="fp32", files={"detector": "0" * 64}, sets=[CROPS, SCENES], all_crops=ALL)],
)  # fmt: skip


@pytest.fixture
def report():
    return REPORT


@pytest.fixture
def with_peer(report):
    """The report with a run of another reader, which has read the same sets a little worse."""
    crops = replace(
        CROPS,
        exact=180,
        accuracy=0.9,
        texts=Texts(exact=100, exact_any_case=120, similarity=0.85, digits_similarity=0.95),
    )
    found, read = agreement(6, 8, 10), agreement(3, 8, 10)
    icdar = Icdar(labels=8, detections=10, ignored=1, detection=found, end_to_end=read)
    scenes = replace(SCENES, recall=0.5, precision=0.25, icdar=icdar, certainty=CERTAINTY, thresholds=[])
    peer = Run(
        contender="rapidocr", versions={"rapidocr": "3.10.0", "onnxruntime": "1.31.1"}, precision=None, files={},
        sets=[crops, scenes], all_crops=None,
    )  # fmt: skip
    return replace(report, runs=[*report.runs, peer], skipped={"easyocr": "not installed"})
