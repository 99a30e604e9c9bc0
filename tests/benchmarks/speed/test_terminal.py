import pytest
from msgspec.structs import replace

from edgereader.benchmarks.record import this_machine
from edgereader.benchmarks.speed.figures import (
    STAGES,
    Accuracy,
    ColdStart,
    Contender,
    Memory,
    Photos,
    Report,
    Scenario,
    Stage,
    Stages,
)
from edgereader.benchmarks.speed.terminal import table

SINGLE = Scenario(
    scenario="SingleStream", valid=True, samples_per_s=20.0, turns_samples_per_s=[20.0], p50_ms=50.0, p90_ms=60.0,
    p99_ms=70.0, p999_ms=80.0, times_ms=[[50.0]],
)  # fmt: skip
OURS = Contender(
    name="edgereader int8", kind="edgereader", outcome="ran", threads=0, scenarios=[SINGLE],
    memory=Memory(loaded_mib=80.0, steady_mib=120.0, peak_mib=140.0),
    cold_start=ColdStart(p50_s=0.52, times_s=[0.52]),
    accuracy=Accuracy(photos=9, labels=10, recall=0.9, precision=None, false_numbers_per_image=0.1),
    stages=Stages(
        photos=3, stages=[Stage(stage=each, mean_ms=1.0, p50_ms=1.0) for each in STAGES], sum_ms=7.0, whole_ms=7.5,
        outside_networks=0.08,
    ),
)  # fmt: skip
PEER = Contender(
    name="rapidocr", kind="peer", outcome="ran", threads=0,
    scenarios=[replace(SINGLE, p50_ms=400.0, times_ms=[[400.0]], valid=False, reasons=["Only processed 9 queries."])],
)  # fmt: skip
GONE = Contender(name="easyocr", kind="peer", outcome="skipped", reason="easyocr is not installed", threads=0)


@pytest.fixture
def text():
    report = Report(
        command="edgereader bench", date="2026-11-22T08:00:00+00:00", machine=this_machine(),
        photos=Photos(folders=["a"], count=9, megapixels=1.0, sha256="0"), turns=1, contenders=[OURS, PEER, GONE],
    )  # fmt: skip
    return table(report)


def test_a_line_for_each_that_ran_beside_ours(text):
    ours, peer = text.splitlines()[1:3]
    assert ours.split() == [
        "edgereader", "int8", "SingleStream", "VALID", "50.00", "60.00", "70.00", "80.00", "20.00", "1.00", "140",
        "0.52", "90.0%",
    ]  # fmt: skip
    assert "INVALID" in peer
    assert peer.split()[-1] == "8.00"


def test_below_are_stages_and_reasons_and_who_did_not_run(text):
    assert "detect 1.00" in text
    assert "sum 7.00 of 7.50 ms" in text
    assert "rapidocr, SingleStream: INVALID: Only processed 9 queries." in text
    assert text.splitlines()[-1] == "easyocr: skipped: easyocr is not installed"


def test_offline_compares_seconds_a_photo():
    offline = replace(SINGLE, scenario="Offline", p50_ms=9000.0)
    peer = replace(PEER, scenarios=[replace(offline, samples_per_s=5.0)])
    report = Report(
        command="", date="", machine=this_machine(), photos=Photos(folders=[], count=1, megapixels=1, sha256=""),
        turns=1, contenders=[replace(OURS, scenarios=[offline]), peer],
    )  # fmt: skip
    assert table(report).splitlines()[2].split()[-1] == "4.00"


def test_a_report_of_failures_only():
    report = Report(
        command="", date="", machine=this_machine(), photos=Photos(folders=[], count=1, megapixels=1, sha256=""),
        turns=1, contenders=[GONE],
    )  # fmt: skip
    assert table(report) == "easyocr: skipped: easyocr is not installed"
