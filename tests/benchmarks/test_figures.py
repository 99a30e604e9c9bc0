import msgspec
import pytest

from edgereader.benchmarks.figures import Run


def test_a_run_is_called_by_its_precision_or_its_reader(report, with_peer):
    assert [run.title for run in with_peer.runs] == ["fp32", "rapidocr 3.10.0"]
    assert msgspec.structs.replace(with_peer.runs[1], versions={"torch": "2"}).title == "rapidocr"


def test_what_came_with_schema_3_may_be_left_out(report):
    old = msgspec.to_builtins(report.runs[0])
    for name in ("contender", "versions"):
        del old[name]
    del old["sets"][0]["texts"], old["sets"][1]["icdar"], old["sets"][1]["certainty"]
    assert msgspec.convert(old, Run) == report.runs[0]
    del old["precision"]
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert(old, Run)
