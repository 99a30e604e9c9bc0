import json

import msgspec
import pytest

from edgereader.benchmarks.accuracy.results import read_report
from edgereader.benchmarks.record import write_json
from edgereader.runtime.errors import DatasetError


def test_a_run_is_called_by_its_precision_or_its_reader(report, with_peer):
    assert [run.title for run in with_peer.runs] == ["fp32", "rapidocr 3.10.0"]
    assert msgspec.structs.replace(with_peer.runs[1], versions={"torch": "2"}).title == "rapidocr"


def test_a_report_is_read_back_with_the_kinds_of_its_sets(report, tmp_path):
    path = tmp_path / "new" / "report.json"
    write_json(path, report)
    assert read_report(path) == report
    contents = json.loads(path.read_text())
    assert [part["kind"] for part in contents["runs"][0]["sets"]] == ["crops", "scenes"]
    assert [file.name for file in path.parent.iterdir()] == ["report.json"]


def test_what_is_no_report_is_one_clear_line(report, tmp_path):
    path = tmp_path / "report.json"
    for contents, got in (
        (b"{}", "got None"),
        (b'{"schema": 3}', "got 3; measure again"),
        (b'{"schema": 4}', "missing required field"),
        (msgspec.json.encode(msgspec.structs.replace(report, runs=[])), "at least one run"),
    ):
        path.write_bytes(contents)
        with pytest.raises(DatasetError, match=got):
            read_report(path)
    with pytest.raises(DatasetError, match="No such file"):
        read_report(tmp_path / "gone")
