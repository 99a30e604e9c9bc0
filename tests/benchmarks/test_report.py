import json

import msgspec
import pytest

from edgereader.benchmarks.evaluate import CropsResult, Latency, ScenesResult
from edgereader.benchmarks.machine import this_machine
from edgereader.benchmarks.report import Report, table, write_report

LATENCY = Latency(p50_ms=12.345, p90_ms=20.0, p99_ms=31.0, images=10, warm_up=3)
CROPS = CropsResult(name="crops_a", images=200, exact=183, accuracy=0.915, latency=LATENCY)
SCENES = ScenesResult(
    name="scenes_b", images=10, labels=8, matched=6, recall=0.75, readings=9, precision=2 / 3, false_numbers=4,
    false_numbers_per_image=0.4, latency=LATENCY,
)  # fmt: skip
REPORT = Report(
    command="edgereader eval digits-edge crops_a", date="2026-11-22T08:00:00+00:00", bundle="digits-edge",
    files={"detector": "0" * 64}, backend="cpu", precision="fp32", machine=this_machine(), sets=[CROPS, SCENES],
)  # fmt: skip


def test_a_report_is_read_back_with_the_kinds_of_its_sets(tmp_path):
    write_report(tmp_path / "new" / "report.json", REPORT)
    contents = (tmp_path / "new" / "report.json").read_bytes()
    assert msgspec.json.decode(contents, type=Report) == REPORT
    assert [part["kind"] for part in json.loads(contents)["sets"]] == ["crops", "scenes"]
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["report.json"]


def test_a_report_that_cannot_be_written_leaves_nothing(tmp_path):
    (tmp_path / "report.json").mkdir()
    with pytest.raises(OSError):
        write_report(tmp_path / "report.json", REPORT)
    assert [path.name for path in tmp_path.iterdir()] == ["report.json"]


def test_the_table_says_it_in_words():
    empty = msgspec.structs.replace(SCENES, name="scenes_none", labels=0, recall=None, false_numbers_per_image=0.08)
    blind = msgspec.structs.replace(SCENES, name="blind", matched=0, recall=0.0, readings=0, precision=None)
    lines = table([CROPS, SCENES, empty, blind]).splitlines()
    assert lines[0].split() == ["set", "images", "result", "p50", "ms", "p90", "ms"]
    assert "exact 91.5% (183 of 200)" in lines[1]
    assert lines[1].endswith("12.3    20.0")
    assert "recall 75.0% (6 of 8), precision 66.7%, 0.40 false numbers an image" in lines[2]
    assert "0.08 false numbers an image" in lines[3]
    assert "recall" not in lines[3]
    assert "no number read" in lines[4]
    assert len({len(line) for line in lines}) == 1
