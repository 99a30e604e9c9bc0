"""The harness itself, with real processes: `nothing`, EdgeReader, and interpreters that misbehave."""

import json
import os
import sys

import cv2
import msgspec
import pytest
from click.testing import CliRunner

from edgereader.benchmarks.speed import cli
from edgereader.benchmarks.speed.cli import bench
from edgereader.benchmarks.speed.figures import STAGES, Report
from edgereader.runtime.bundles.bundle import shipped
from edgereader.runtime.cli import main

TINY = ("--seconds", "0.2", "--turns", "2", "--cold-starts", "1", "--canvas", "320")


def edgereader(*arguments):
    return CliRunner().invoke(main, ["bench", *map(str, arguments)])


@pytest.fixture
def interpreter(tmp_path):
    """A program that stands in for Python, written in sh."""

    def make(script):
        path = tmp_path / "python"
        path.write_text(f"#!/bin/sh\n{script}\n")
        path.chmod(0o755)
        return path

    return make


@pytest.fixture
def labelled(tmp_path):
    """The meter, twice, once with a wrong label."""
    root = tmp_path / "scenes_meters"
    root.mkdir()
    for name in ("a.jpg", "b.jpg"):
        (root / name).symlink_to(shipped("samples") / "meter.jpg")
    (root / "labels.tsv").write_text("a.jpg\t00427\nb.jpg\t555\n")
    return root


def test_the_harness_measures_itself_and_edgereader(tmp_path, labelled):
    every = [each for name in ("SingleStream", "MultiStream", "Server", "Offline") for each in ("--scenario", name)]
    path = tmp_path / "report.json"
    done = edgereader(
        *TINY, *every, "--contender", "nothing", "--contender", "edgereader", "--precision", "int8", "--streams", 2,
        "--threads", 1, "--batch", 2, "--photos", labelled, "--json", path, "--report", tmp_path / "pages",
    )  # fmt: skip
    assert done.exit_code == 0, done.output
    report = msgspec.json.decode(path.read_bytes(), type=Report)
    nothing, ours = report.contenders
    assert (nothing.name, nothing.kind, ours.name, ours.kind) == ("nothing", "nothing", "edgereader int8", "edgereader")
    for each in (nothing, ours):
        assert each.outcome == "ran", each.reason
        assert [found.scenario for found in each.scenarios] == ["SingleStream", "MultiStream", "Server", "Offline"]
        assert all(len(found.turns_samples_per_s) == 2 for found in each.scenarios)
        assert each.memory.peak_mib > 0
        assert each.cold_start.p50_s > 0
        assert each.accuracy.labels == 2
        assert (each.streams, each.threads) == (2, 1)
    assert (ours.backend, ours.precision) == ("cpu", "int8")
    assert [stage.stage for stage in ours.stages.stages] == list(STAGES)
    assert ours.scenarios[0].p50_ms > nothing.scenarios[0].p50_ms
    assert nothing.accuracy.recall == 0
    assert report.photos.count == 2
    assert "edgereader int8  SingleStream" in done.stdout
    assert {each.name for each in (tmp_path / "pages").iterdir()} == {"report.html", "report.md"}


def test_a_contender_that_dies_is_told_and_the_others_go_on(tmp_path, interpreter):
    python = interpreter("echo something >&2; echo 'out of memory' >&2; exit 3")
    path = tmp_path / "report.json"
    done = edgereader(
        *TINY, "--contender", "easyocr", "--contender", "nothing", "--python", f"easyocr={python}", "--json", path
    )  # fmt: skip
    assert done.exit_code == 1
    assert "easyocr: failed: out of memory" in done.stdout
    bad, good = json.loads(path.read_text())["contenders"]
    assert (bad["outcome"], bad["reason"], bad["scenarios"]) == ("failed", "out of memory", [])
    assert good["outcome"] == "ran"


def test_a_contender_that_hangs_is_given_up(interpreter):
    python = interpreter("sleep 60")
    done = edgereader(
        *TINY, "--contender", "onnxtr", "--python", f"onnxtr={python}", "--first-pass", 0, "--timeout", 2
    )  # fmt: skip
    assert done.exit_code == 1
    assert done.stdout == "onnxtr: failed: no answer in 2 s\n"


def test_a_contender_that_is_not_installed_is_skipped_with_what_installs_it(tmp_path, interpreter):
    program = tmp_path / "without.py"
    program.write_text(
        "import runpy, sys\nsys.modules['easyocr'] = None\nsys.argv = sys.argv[2:]\n"
        "runpy.run_module(sys.argv[0], run_name='__main__', alter_sys=True)\n"
    )
    python = interpreter(f'exec {sys.executable} {program} "$@"')
    done = edgereader(*TINY, "--contender", "easyocr", "--contender", "nothing", "--python", f"easyocr={python}")
    assert done.exit_code == 0, done.output
    assert "easyocr: skipped: " in done.stdout
    assert "pip install" in done.stdout


def test_where_nothing_could_run_the_exit_code_says_so_and_the_json_is_whole(tmp_path):
    path = tmp_path / "report.json"
    done = edgereader(*TINY, "--backend", "tensorrt-rtx", "--json", path)
    found = msgspec.json.decode(path.read_bytes(), type=Report)
    if found.contenders[0].outcome == "ran":
        pytest.skip("tensorrt-rtx runs here")
    assert done.exit_code == 1


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--photos", "/no/such/folder"), "/no/such/folder: expected a folder with photos"),
        (("no-such-bundle",), "no bundle 'no-such-bundle'"),
        (("--precision", "int4"), "int4"),
        (("--contender", "nobody"), "'nobody' is not one of"),
        (("--scenario", "Nostream"), "'Nostream' is not one of"),
        (("--python", "easyocr"), "--python easyocr: expected"),
        (("--turns", "0"), "0 is not in the range"),
        (("--json", "/tmp"), "--json /tmp: expected a file"),
        (("--report", "/dev/null"), "--report /dev/null: expected a folder"),
    ],
)
def test_what_is_wrong_is_told_before_anything_starts(monkeypatch, arguments, message):
    monkeypatch.setattr(cli.Bench, "run", lambda *_: pytest.fail("measured"))
    done = edgereader(*arguments)
    assert done.exit_code == 2
    assert message in done.stderr
    assert "Traceback" not in done.output


def test_a_photo_that_cannot_be_read_is_told_before_anything_starts(tmp_path, monkeypatch):
    monkeypatch.setattr(cli.Bench, "run", lambda *_: pytest.fail("measured"))
    cv2.imwrite(str(tmp_path / "a.png"), cv2.imread(str(shipped("samples") / "meter.jpg")))
    (tmp_path / "b.png").write_bytes((tmp_path / "a.png").read_bytes()[:1000])
    done = edgereader("--photos", tmp_path)
    assert done.exit_code == 2
    assert "b.png: expected a whole picture" in done.stderr


def test_without_loadgen_the_command_says_what_installs_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "mlperf_loadgen", None)
    done = edgereader("--contender", "nothing")
    assert done.exit_code == 2
    assert "edgereader bench needs mlperf_loadgen: pip install 'onnxruntime" in done.stderr


def test_an_interrupted_run_writes_nothing_and_leaves_nothing(tmp_path, monkeypatch):
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(temporary))

    def interrupted(*_):
        assert list(temporary.iterdir())
        raise KeyboardInterrupt

    monkeypatch.setattr(cli.Bench, "run", interrupted)
    done = edgereader("--json", tmp_path / "report.json", "--report", tmp_path / "pages")
    assert done.exit_code == 1
    assert "Aborted" in done.stderr
    assert [each.name for each in tmp_path.iterdir()] == ["temporary"]
    assert list(temporary.iterdir()) == []


def test_a_busy_machine_is_told(monkeypatch, capsys):
    monkeypatch.setattr(os, "getloadavg", lambda: (3.0, 2.0, 1.0))
    assert cli.busy() == os.getloadavg()[0]
    assert "a load of 3.0" in capsys.readouterr().err
    monkeypatch.setattr(os, "getloadavg", lambda: (0.1, 2.0, 1.0))
    assert cli.busy() == os.getloadavg()[0]
    assert capsys.readouterr().err == ""


def test_help_lists_the_commands_and_a_bundle_goes_to_run(monkeypatch):
    listed = CliRunner().invoke(bench, ["--help"]).stdout
    assert all(f"\n  {name}" in listed for name in ("run", *cli.COMMANDS))
    assert "--photos" in CliRunner().invoke(bench, ["run", "--help"]).stdout
    asked = []
    monkeypatch.setattr(cli, "measured", lambda *given: asked.extend(given[1]) or sys.exit(7))
    assert CliRunner().invoke(bench, [str(shipped("digits-edge"))]).exit_code == 7
    assert [entry.options.bundle for entry in asked] == [str(shipped("digits-edge"))]
