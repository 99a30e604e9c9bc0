"""What the scenarios of one bundle have in common: what they open, and what they refuse before anything is measured."""

from types import SimpleNamespace

import pytest
from click.testing import CliRunner
from msgspec.structs import replace

from edgereader.benchmarks.speed import results
from edgereader.runtime import Bundle
from edgereader.runtime.cli import main

from ..results import failed

COMMANDS = ("growth",), ("soak", "--hours", "1"), ("stream",)
EACH = pytest.mark.parametrize("command", COMMANDS, ids=[words[0] for words in COMMANDS])


def run(*arguments):
    return CliRunner().invoke(main, ["bench", *map(str, arguments)])


@EACH
@pytest.mark.parametrize("arguments", [("no-such-bundle",), ("/tmp",), ("--precision", "fp8"), ("--backend", "abacus")])
def test_bad_input_writes_nothing(command, arguments, tmp_path):
    failed(run(*command, *arguments, "--json", tmp_path / "new" / "figures.json"))
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    "arguments",
    [
        ("growth", "--seconds", "-1"), ("soak",), ("soak", "--hours", "0"), ("soak", "--hours", "1", "--every", "-1"),
        ("stream", "--minutes", "0"), ("stream", "--seconds", "0"), ("stream", "--turns", "0"),
    ],
)  # fmt: skip
def test_wrong_usage_writes_nothing(arguments, tmp_path):
    assert run(*arguments, "--json", tmp_path / "figures.json").exit_code == 2
    assert not list(tmp_path.iterdir())


@EACH
def test_a_recognizer_alone_is_refused(command, tmp_path, monkeypatch):
    opened = Bundle.open("digits-edge")
    alone = Bundle(opened.root, replace(opened.manifest, detector=None))
    monkeypatch.setattr(results, "Bundle", SimpleNamespace(open=lambda _: alone))
    assert "expected a bundle with a detector" in failed(run(*command, "--json", tmp_path / "figures.json"))
    assert not list(tmp_path.iterdir())


@EACH
def test_a_folder_that_cannot_be_written_is_found_before_anything_is_measured(command, tmp_path):
    (tmp_path / "file").write_text("")
    failed(run(*command, "--json", tmp_path / "file" / "figures.json"))
