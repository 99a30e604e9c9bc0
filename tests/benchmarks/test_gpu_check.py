import json
import shutil

import pytest
from click.testing import CliRunner

from edgereader.benchmarks import gpu_check
from edgereader.benchmarks.gpu.children import Outcome
from edgereader.benchmarks.gpu.figures import Prepared
from edgereader.benchmarks.gpu.turns import Answer, SpeedTurn
from edgereader.runtime.bundles.bundle import Bundle
from edgereader.runtime.bundles.manifest import FileEntry
from edgereader.runtime.sessions.nvidia import Driver, Gpu

from ..runtime.graphs import write_test_bundle


def invoke(*arguments):
    return CliRunner().invoke(gpu_check.main, [str(argument) for argument in arguments])


@pytest.fixture
def stand_in(monkeypatch):
    """No process is started: every job answers at once, but for compiled PyTorch, whose process crashes."""
    jobs = []

    def run_job(job, timeout_s, log):
        jobs.append((job.section, job.contender.name))
        if job.contender.runner == "PyTorch compiled":
            return Outcome(answers=[], ended="badly", reason="SIGSEGV")
        turn = SpeedTurn(times_ms=[1.0], warm_up=5, per_run=1, agreement=None, clocks=None)
        found = Prepared(seconds=1.0, detail="made") if job.section == "prepare" else turn
        return Outcome(answers=[Answer(size=size, found=found) for size in job.sizes], ended="well")

    monkeypatch.setattr(gpu_check, "run_job", run_job)
    return jobs


@pytest.fixture
def gpu(monkeypatch):
    card = Gpu("Card", "sm86", 24 << 30, integrated=False)
    monkeypatch.setattr(gpu_check, "ask_driver", lambda: Driver((13, 0), (card,)))


def test_without_a_gpu_one_line_and_nothing_measured(tmp_path, monkeypatch):
    monkeypatch.setattr(gpu_check, "ask_driver", lambda: "no NVIDIA driver: install it")
    result = invoke("--to", tmp_path / "new")
    assert result.exit_code == 2
    assert result.stdout == ""
    assert result.stderr == (
        "error: nothing was measured: no NVIDIA driver: install it; --dry-run tries the check without a GPU\n"
    )
    assert not (tmp_path / "new").exists()


def test_a_check_is_done_in_slices_and_what_failed_is_in_the_exit_code(stand_in, gpu, tmp_path):
    to = tmp_path / "results"
    first = invoke("--to", to, "--only", "recognizer", "--turns", 2)
    assert first.exit_code == 1, first.output
    assert stand_in.count(("recognizer", "cuda fp16")) == 2
    assert "recognizer, PyTorch compiled fp16, 32 crops: failed: SIGSEGV" in first.stdout
    second = invoke("--to", to, "--only", "ceiling")
    report = json.loads((to / "gpu-check.json").read_text())
    assert {entry["section"] for entry in report["entries"]} == {"prepare", "recognizer", "ceiling"}
    assert report["gpu"]["name"] == "Card"
    assert report["dry_run"] is False
    assert second.exit_code == 1
    assert "## Not measured" in (to / "gpu-check.md").read_text()
    assert ("detector", "cuda fp16") not in stand_in


def test_no_minutes_measure_nothing_and_say_so(stand_in, gpu, tmp_path):
    result = invoke("--to", tmp_path, "--minutes", 0, "--only", "ceiling")
    assert result.exit_code == 0
    assert "pending: no time was left; run the same command again" in result.stdout
    assert stand_in == []


def test_a_report_of_another_gpu_is_not_mixed(stand_in, gpu, tmp_path):
    assert invoke("--to", tmp_path, "--only", "ceiling").exit_code == 0
    result = invoke("--to", tmp_path, "--only", "ceiling", "--dry-run")
    assert result.exit_code == 2
    assert "choose another --to" in result.stderr


def test_an_unknown_bundle_is_one_line(stand_in, tmp_path):
    result = invoke("--to", tmp_path, "--bundle", "nothing", "--dry-run")
    assert (result.exit_code, result.stderr.count("\n")) == (2, 1)


@pytest.mark.slow
def test_a_dry_run_with_real_processes(tmp_path):
    """On tiny graphs: the CPU is measured, CUDA skipped, and PyTorch fails, as its checkpoint is none."""
    root = write_test_bundle(tmp_path / "work" / "random")
    shutil.copytree(root, tmp_path / "bundle")
    with_halves(root)
    for name in ("detector.pt", "recognizer.pt"):
        (tmp_path / "work" / name).write_bytes(b"nothing")
    parts = [argument for name in ("ceiling", "detector", "recognizer") for argument in ("--only", name)]
    result = invoke("--to", tmp_path, "--bundle", tmp_path / "bundle", "--work", tmp_path / "work", "--dry-run", *parts)
    assert result.exit_code == 1, result.output
    report = json.loads((tmp_path / "gpu-check.json").read_text())
    found = {(entry["section"], entry["contender"]): entry["result"] for entry in report["entries"]}
    for section in ("detector", "recognizer"):
        assert found[section, "cpu fp32"]["agreement"]["apart"] == 0
        assert len(found[section, "cpu fp32"]["turns_p50_ms"]) == 3
        assert found[section, "cuda fp16"]["outcome"] == "skipped"
        assert "driver" in found[section, "cuda fp16"]["reason"]
        assert found[section, "PyTorch eager fp32"]["outcome"] == "failed"
    assert found["ceiling", "PyTorch eager fp32"]["kind"] == "speed"
    assert "A dry run" in (tmp_path / "gpu-check.md").read_text()
    assert "Traceback" in (tmp_path / "gpu-check.log").read_text()


def with_halves(root):
    """Say that the graphs in fp32 are in fp16 too: they have no weights that could be."""
    import msgspec

    from edgereader.runtime.bundles.bundle import write_bundle

    manifest = Bundle.open(root).manifest
    specs = {}
    for kind in ("detector", "recognizer"):
        spec = getattr(manifest, kind)
        file: FileEntry = spec.files["fp32"]
        specs[kind] = msgspec.structs.replace(spec, files={"fp32": file, "fp16": file})
    write_bundle(root, msgspec.structs.replace(manifest, **specs))
