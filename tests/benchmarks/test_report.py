import json

import msgspec
import pytest

from edgereader.benchmarks.report import read_report, write_file, write_json
from edgereader.runtime.errors import DatasetError


def test_a_report_is_read_back_with_the_kinds_of_its_sets(report, tmp_path):
    path = tmp_path / "new" / "report.json"
    write_json(path, report)
    assert read_report(path) == report
    contents = json.loads(path.read_text())
    assert [part["kind"] for part in contents["runs"][0]["sets"]] == ["crops", "scenes"]
    assert [each.name for each in path.parent.iterdir()] == ["report.json"]


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


def test_a_file_that_cannot_be_written_leaves_nothing(tmp_path):
    (tmp_path / "report.json").mkdir()
    with pytest.raises(OSError):
        write_file(tmp_path / "report.json", "text")
    assert [path.name for path in tmp_path.iterdir()] == ["report.json"]
