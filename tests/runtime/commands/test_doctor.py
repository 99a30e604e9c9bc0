import json
import os
import subprocess
import sys

import msgspec
import pytest
from click.testing import CliRunner

from edgereader.runtime.cli import Commands
from edgereader.runtime.commands.diagnosis.report import Report
from edgereader.runtime.commands.doctor import doctor
from edgereader.runtime.errors import BackendUnavailable
from edgereader.runtime.sessions.nvidia import nvidia_driver

from ..test_package import FORBIDDEN

FIELDS = {
    "": "schema edgereader system cpu memory nvidia jetson packages opencv bundle trials auto unknown "
    "seconds working ok verdict advice",
    "system": "python python_needed python_ok executable name kernel architecture container",
    "cpu": "model cores usable features int8",
    "memory": "total_bytes available_bytes limit_bytes",
    "nvidia": "hardware driver cuda_version gpus toolkit problem",
    "opencv": "version gstreamer ffmpeg path",
    "bundle": "name folder models engines canary problems",
    "trials": "asked kind state backend precision open_ms run_ms input_shape seen reason",
}
"""Names in the JSON object, in their order, and in its tables."""


@pytest.fixture
def run(bundle_folder):
    def run(*arguments, bundle=bundle_folder):
        commands = Commands(name="edgereader", commands={"doctor": doctor})
        return CliRunner().invoke(commands, ["doctor", "--bundle", str(bundle), *map(str, arguments)])

    return run


@pytest.fixture(scope="session")
def no_gpu():
    try:
        nvidia_driver()
    except BackendUnavailable:
        return
    pytest.skip("what is expected here is that of a machine without a GPU")


def test_the_page(run, no_gpu):
    result = run()
    assert result.exit_code == 0, result.output
    assert result.stderr == ""
    lines = result.stdout.splitlines()
    assert max(map(len, lines)) <= 100
    assert lines[0].startswith("EdgeReader ")
    assert lines[-1] == "Verdict        works, unchecked, for want of a canary: cpu in fp32"
    assert "\x1b" not in result.stdout


def test_the_json_object(run, no_gpu):
    result = run("--json")
    assert result.exit_code == 0
    assert result.stdout.count("\n") == 1
    found = json.loads(result.stdout)
    found_in = {"": found, **found, "trials": found["trials"][0]}
    assert {place: " ".join(found_in[place]) for place in FIELDS} == FIELDS
    assert found["schema"] == 1
    assert found["working"] == ["cpu"]
    assert [trial["state"] for trial in found["auto"]] == ["unchecked"] * 2
    report = msgspec.json.decode(result.stdout, type=Report)
    assert report.ok
    assert msgspec.json.decode(msgspec.json.encode(report)) == found


def test_a_damaged_bundle(run, make_bundle):
    folder = make_bundle()
    (folder / "detector.onnx").write_bytes(b"x")
    result = run(bundle=folder)
    assert result.exit_code == 1
    assert "failed: " in result.stdout
    assert "Checksums    1 wrong, see below" in result.stdout
    assert "Verdict        nothing works" in result.stdout


@pytest.mark.parametrize("options", [("--bundle", "nix"), ("--timeout", "0"), ("--nonsense",), ("extra",)])
def test_wrong_usage(run, options):
    result = run(*options)
    assert result.exit_code == 2
    assert result.stdout == ""
    assert result.stderr.startswith(("error: no bundle 'nix'", "Usage: "))


def test_help_tells_the_exit_codes(run):
    text = " ".join(run("--help").stdout.split())
    assert "Exit codes: 0 = the backend that auto takes works" in text
    assert "2 = wrong usage" in text


def test_a_terminal_that_is_not_unicode(bundle_folder, tmp_path):
    folder = tmp_path / "Zähler→"
    folder.symlink_to(bundle_folder)
    done = subprocess.run(
        [
            sys.executable,
            "-c",
            "from edgereader.runtime.commands.doctor import doctor; doctor()",
            "--bundle",
            os.fspath(folder),
        ],
        env={**os.environ, "PYTHONIOENCODING": "ascii"},
        capture_output=True,
        check=False,
    )
    assert b"Traceback" not in done.stderr
    assert b"hler?" in done.stdout
    assert b"Verdict" in done.stdout


def test_it_loads_no_network_and_no_backend(bundle_folder):
    program = (
        "import atexit, sys\n"
        "atexit.register(lambda: print(*sys.modules, file=sys.stderr))\n"
        "from edgereader.runtime.commands.doctor import doctor\n"
        "doctor()"
    )
    command = [sys.executable, "-c", program, "--bundle", os.fspath(bundle_folder)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    loaded = set(done.stderr.split())
    assert "edgereader.runtime.commands.diagnosis.report" in loaded
    forbidden = (*FORBIDDEN, "onnxruntime", "tensorrt", "tensorrt_rtx", "pycuda")
    assert not {module for module in loaded for name in forbidden if module == name or module.startswith(f"{name}.")}
