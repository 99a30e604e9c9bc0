import msgspec
import pytest
from msgspec.structs import replace

from edgereader.benchmarks.gpu.figures import Report
from edgereader.benchmarks.gpu.record import begin, files_of, line, save
from edgereader.runtime import Bundle
from edgereader.runtime.errors import DatasetError

from .conftest import ENTRIES, GPU


@pytest.fixture
def bundle():
    return Bundle.open("digits-edge")


def test_a_report_is_written_and_gone_on_with(report, bundle, tmp_path, monkeypatch):
    monkeypatch.setattr("sys.argv", ["gpu_check", "--only", "frames"])
    path = tmp_path / "new" / "gpu-check.json"
    save(path, replace(report, files=files_of(bundle)))
    assert path.with_suffix(".md").read_text().startswith("# EdgeReader on a GPU")
    assert msgspec.json.decode(path.read_bytes(), type=Report).entries == ENTRIES
    found = begin(path, bundle, GPU, again=False)
    assert found.entries == ENTRIES
    assert found.commands[0] == report.commands[0]
    assert len(found.commands) == 2
    assert begin(path, bundle, GPU, again=True).entries == []


def test_a_report_of_something_else_is_refused(report, bundle, tmp_path):
    path = tmp_path / "gpu-check.json"
    own = replace(report, files=files_of(bundle))
    for other, what in (
        (replace(own, gpu=replace(GPU, driver="1.0")), "the gpu of this check"),
        (replace(own, files={}), "the files of this check"),
        (replace(own, dry_run=True), "the dry_run of this check"),
        (replace(own, schema=99), "the schema of this check"),
    ):
        save(path, other)
        with pytest.raises(DatasetError, match=what):
            begin(path, bundle, GPU, again=False)
    path.write_text("{}")
    with pytest.raises(DatasetError, match="gpu_check"):
        begin(path, bundle, GPU, again=False)


def test_every_kind_of_entry_has_its_line():
    said = [line(each) for each in ENTRIES]
    assert "detector, cuda fp16, 736x1280: 10.00 ms" in said
    assert "frames, cuda fp16, in a pipeline: 250.0 frames/s" in said
    assert "memory, cuda fp16, 1280x720 frames: 10000 frames" in said
    assert "prepare, cpu fp32, random: 90.0 s" in said
    assert "verify, cuda fp16, detector: failed: H-mean" in said
    assert "memory, tensorrt-rtx fp16, 1280x720 frames: skipped: no engine" in said
