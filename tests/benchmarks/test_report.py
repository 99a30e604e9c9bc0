import json

import msgspec
import pytest

from edgereader.benchmarks.report import read_report, table, write_file, write_json
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
        (b'{"schema": 1}', "got 1; measure again"),
        (b'{"schema": 2}', "missing required field"),
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


def test_the_table_says_it_in_words(report):
    crops, scenes = report.runs[0].sets
    empty = msgspec.structs.replace(scenes, name="scenes_none", labels=0, recall=None, false_numbers_per_image=0.08)
    blind = msgspec.structs.replace(scenes, name="blind", matched=0, recall=0.0, readings=0, precision=None)
    part = msgspec.structs.replace(crops, name="digits:held-out", part="only some")
    text = table([crops, scenes, empty, blind, part], report.runs[0].all_crops)
    lines = text.split("\n\n")[0].splitlines()
    assert lines[0].split() == ["set", "images", "result", "p50", "ms", "p90", "ms"]
    assert "exact 91.5% (183 of 200), ECE 0.225, 50% at 0.9 or more, of which 50.0% right" in lines[1]
    assert lines[1].endswith("12.3    20.0")
    assert "recall 75.0% (6 of 8), precision 66.7%, 0.40 false numbers an image" in lines[2]
    assert "0.08 false numbers an image" in lines[3]
    assert "recall" not in lines[3]
    assert "no number read" in lines[4]
    assert lines[6].startswith("all crops")
    assert lines[7] == "digits:held-out: only some"


def test_below_the_table_stands_what_explains_it(report):
    groups, thresholds, causes = table(report.runs[0].sets, report.runs[0].all_crops).split("\n\n")[1:]
    assert groups.splitlines()[1].split() == ["crops_a,", "2", "digits", "200", "91.5%", "(183)"]
    assert "0.7  recall 50.0%, no number read, 0.10 false numbers an image" in thresholds
    assert "17  digit dropped: left end" in causes
    assert "2  number missed: found, misread" in causes
