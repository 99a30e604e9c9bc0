"""The command `edgereader engine`."""

import io
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner
from msgspec.structs import replace

from edgereader.export.engines.cli import engine, shown
from edgereader.runtime.bundles.bundle import Bundle, shipped, write_bundle
from edgereader.runtime.errors import BackendUnavailable, BundleError, ExportError

from ...runtime.graphs import write_test_bundle
from ..bundles import draw_numbers

pytest.importorskip("tensorrt_rtx", reason="needs TensorRT for RTX: pip install tensorrt-rtx")


@pytest.fixture
def folder(tmp_path):
    return Path(write_test_bundle(tmp_path / "bundle"))


def run(folder, *arguments, flavour="tensorrt-rtx"):
    return CliRunner().invoke(engine, [str(folder), "--flavour", flavour, *map(str, arguments)])


def test_both_engines_are_built_with_all_that_was_asked_for(folder, monkeypatch):
    monkeypatch.setattr("edgereader.export.engines.plan.LOOK_S", 0.001)  # it takes a tenth of a second
    options = ("--canvas", "64x96", "--canvas", "128X64", "--max-batch", 3, "--optimization-level", 0)
    result = run(folder, "--target", "sm86", "--target", "sm89", *options, "--workspace", 2048, "--precision", "fp32")
    assert result.exit_code == 0, result.output
    detector, recognizer = Bundle.open(folder).manifest.engines
    assert detector.profile["image"].opt == (1, 64, 96, 3)
    assert detector.profile["image"].max == (3, 128, 96, 3)
    assert recognizer.profile["crops"].max == (3, 32, 100, 1)
    for passport in (detector, recognizer):
        assert passport.targets == ["sm86", "sm89"]
        assert passport.flags == ["optimization-level=0", "workspace-mib=2048"]
        assert str(folder / "engines" / passport.file.path) in result.stdout
    assert "image 1x32x32x3 / 1x64x96x3 / 3x128x96x3 (min / opt / max)" in result.stdout
    assert "] detector: " in result.stderr, "phases, one line each, where stderr is no terminal"
    assert "recognizer: fp32, tensorrt-rtx " in result.stderr


def test_one_model_and_its_log(folder, tmp_path):
    result = run(folder, "--target", "sm86", "--only", "recognizer", "--log", tmp_path / "build.log")
    assert result.exit_code == 0, result.output
    assert [engine.kind for engine in Bundle.open(folder).manifest.engines] == ["recognizer"]
    assert "VERBOSE" in (tmp_path / "build.log").read_text()
    assert not list((folder / "engines").glob("*.log"))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--canvas", "64"], "expected HEIGHTxWIDTH"),
        (["--canvas", "64x-96"], "expected HEIGHTxWIDTH"),
        (["--canvas", "64x96x3"], "expected HEIGHTxWIDTH"),
        (["--canvas", "64x64", "--only", "recognizer"], "expected a detector"),
        (["--log", "build.log"], "expected --only"),
        (["--optimization-level", "6"], "0<=x<=5"),
        (["--max-batch", "0"], "1<=x<=1024"),
        (["--workspace", "0"], "x>=1"),
        (["--precision", "int8-trt"], "'int8-trt' is not one of"),
    ],
)
def test_wrong_usage(folder, arguments, message):
    result = run(folder, "--target", "sm86", *arguments)
    assert result.exit_code == 2
    assert message in result.stderr
    assert not (folder / "engines").exists()


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        (["--target", "sm87"], ExportError, "target sm87: expected one that tensorrt-rtx .* has: sm75, sm80, sm86"),
        (["--target", "sm86", "--timing-cache", "cache"], ExportError, "no --timing-cache"),
    ],
)
def test_what_cannot_be_built_is_refused_before_anything_is(folder, arguments, error, message):
    result = run(folder, *arguments)
    assert isinstance(result.exception, error)
    assert result.exception is not None
    assert re.search(message, str(result.exception))
    assert not (folder / "engines").exists()


@pytest.mark.slow
def test_int8_is_made_of_pictures_where_only_the_cpus_is_there(tmp_path, lenient):
    folder, pictures = (
        Path(shutil.copytree(shipped("digits-edge"), tmp_path / "bundle")),
        draw_numbers(tmp_path / "pictures", 4),
    )
    write_bundle(folder, replace(Bundle.open(folder).manifest, detector=None))
    options = "--target", "sm86", "--precision", "int8"
    result = run(folder, *options)
    assert isinstance(result.exception, BundleError)
    assert "int8 (int8 is for CPUs); make it with" in str(result.exception)
    result = run(folder, *options, "--calibration", pictures)
    assert result.exit_code == 0, result.output
    bundle = Bundle.open(folder)
    assert [engine.precision for engine in bundle.manifest.engines] == ["int8-trt"]
    assert bundle.engine(bundle.manifest.engines[0]).contents
    made = bundle.recognizer.files["int8-trt"]
    assert run(folder, *options, "--calibration", pictures).exit_code == 0
    assert Bundle.open(folder).recognizer.files["int8-trt"] == made, "what is there is taken"


def test_a_missing_library_says_what_to_install(folder, monkeypatch):
    for flavour in ("tensorrt", "tensorrt-rtx"):
        monkeypatch.setitem(sys.modules, flavour.replace("-", "_"), None)
        result = run(folder, flavour=flavour)
        assert isinstance(result.exception, BackendUnavailable)
        assert f"pip install '{flavour}>=" in str(result.exception)


def test_building_needs_neither_torch_nor_onnx():
    """So that a Jetson builds with what it runs with."""
    code = (
        "import sys; sys.modules['onnx'] = None; from edgereader.export.engines import cli, engine, plan;"
        "plan.build_plan; assert 'torch' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


class Terminal(io.StringIO):
    def isatty(self):
        return True


def test_a_terminal_shows_a_bar(monkeypatch):
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    with shown("detector") as progress:
        for done, phase in ((0.25, "Timing"), (0.25, "Timing"), (0.5, "Optimizing graph"), (1.0, "")):
            progress(done, phase)
    text = terminal.getvalue()
    assert "25%" in text
    assert "50%" in text
    assert "100%" in text
    assert "Optimizing graph" in text


def test_elsewhere_each_phase_is_one_line(capsys):
    with shown("detector") as progress:
        for done, phase in ((0.1, "Timing"), (0.2, "Timing"), (0.5, "Optimizing graph"), (1.0, "")):
            progress(done, phase)
    lines = capsys.readouterr().err.splitlines()
    assert [line.partition("] ")[2] for line in lines] == ["detector: Timing", "detector: Optimizing graph"]
