"""The commands: a table on success, one line and exit code 2 on failure."""

import subprocess
import sys

import pytest
from click.testing import CliRunner

from edgereader.export.checks.cli import verify
from edgereader.export.cli import export
from edgereader.runtime.bundles.bundle import Bundle


def test_export_and_verify(make_recognizer, save, tmp_path):
    checkpoint = save(make_recognizer("None-VGG-None-CTC", num_classes=11, width=0.1))
    bundle = tmp_path / "bundle"
    arguments = [str(checkpoint), "--to", str(bundle), "--licence", "MIT", "--name", "meters"]
    told = ["--charset", "digits", "--size", "32x96", "--keep-ratio", "--widths", "32,48,64,96"]
    result = CliRunner().invoke(export, ["recognizer", *arguments, *told])
    assert result.exit_code == 0, result.output
    header, row = result.stdout.splitlines()
    assert header.split()[:2] == ["file", "size"]
    assert str(bundle / "recognizer.onnx") in row
    assert row.split()[-1] == "18"
    assert "comparing with the network: input 6" in result.stderr, "three widths"
    opened = Bundle.open(bundle)
    assert (opened.manifest.name, opened.manifest.licence) == ("meters", "MIT")
    spec = opened.recognizer
    assert (spec.image_hw, spec.keep_ratio, spec.widths) == ((32, 96), True, (32, 48, 64, 96))

    result = CliRunner().invoke(verify, [str(bundle), "--checkpoint", str(checkpoint)])
    assert result.exit_code == 0, result.output
    assert "6 inputs" in result.stdout
    assert all(line.startswith("ok ") for line in result.stdout.splitlines())
    (bundle / "recognizer.onnx").write_bytes(b"altered")
    result = CliRunner().invoke(verify, [str(bundle)])
    assert result.exit_code == 1
    assert result.stdout.startswith("FAILED")


@pytest.mark.parametrize("widths", ["64,32", "32,32", "4,8", "32,66", "32,", "a", "32;64", "16384"])
def test_widths_that_are_none(tmp_path, widths):
    result = CliRunner().invoke(export, ["recognizer", "a.pt", "--to", str(tmp_path / "b"), "--widths", widths])
    assert result.exit_code == 2
    assert "expected ascending widths" in result.output


@pytest.mark.parametrize("size", ["32", "0x100", "32x100x3", "99999x10", "axb"])
def test_a_size_that_is_none(tmp_path, size):
    result = CliRunner().invoke(export, ["recognizer", "a.pt", "--to", str(tmp_path / "b"), "--size", size])
    assert result.exit_code == 2
    assert "expected HEIGHTxWIDTH" in result.output


def test_an_error_is_one_line_and_exit_code_2(thin_craft, save, tmp_path):
    """Through the real command, as a user runs it."""
    command = "from edgereader.runtime.cli import main; main()"
    arguments = ["export", "recognizer", str(save(thin_craft)), "--to", str(tmp_path / "b"), "--charset", "digits"]
    result = subprocess.run([sys.executable, "-c", command, *arguments], capture_output=True, text=True, check=False)
    assert result.returncode == 2
    assert "Traceback" not in result.stderr
    assert result.stderr.splitlines()[-1].startswith("error: ")
    assert "expected the checkpoint of a recognizer, got a CRAFT detector" in result.stderr
    assert not (tmp_path / "b").exists()
