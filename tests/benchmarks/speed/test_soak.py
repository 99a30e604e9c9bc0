import json
import signal
from types import SimpleNamespace

import numpy as np
import pytest
from click.testing import CliRunner
from msgspec.structs import replace

from edgereader.benchmarks.record import read_json
from edgereader.benchmarks.speed import soak as soak_module
from edgereader.benchmarks.speed.soak import interruptions
from edgereader.benchmarks.speed.soak_figures import Soak
from edgereader.benchmarks.speed.soak_frames import CYCLE, Shot
from edgereader.runtime import Bundle, Reader
from edgereader.runtime.cli import main
from edgereader.runtime.geometry.images import as_bgr

from ..results import failed

SHORT = "--hours", "0.00005", "--every", "0"  # 0.18 s


class BriskShots:
    """Small frames, as many in a cycle as the real ones."""

    def __init__(self, seed):
        self.seed = seed

    def cycle(self, _number):
        yield from (Shot(np.zeros((8, 8, 3), np.uint8)) for _ in range(CYCLE - 2))
        yield from (Shot(None, broken=True) for _ in range(2))


def nothing(_reader, frame):
    as_bgr(frame)
    return []


@pytest.fixture(autouse=True)
def brisk(monkeypatch):
    """A reader that finds nothing, at once."""
    monkeypatch.setattr(soak_module, "Shots", BriskShots)
    monkeypatch.setattr(Reader, "read", nothing)


@pytest.fixture
def file(tmp_path):
    return tmp_path / "soak.json"


def run(*arguments):
    return CliRunner().invoke(main, ["bench", "soak", *map(str, arguments)])


def test_a_soak_is_written_with_all_that_repeats_it(file):
    result = run("digits-edge", *SHORT, "--backend", "cpu", "--precision", "int8", "--json", file)
    soak = read_json(file, Soak, "")
    assert result.exit_code == int(not soak.passed), result.output
    assert result.stdout.splitlines()[-1] == ("PASS" if soak.passed else "FAIL")
    assert "resident memory" in result.stdout
    assert soak.finished
    assert (soak.bundle, soak.backend, soak.precision) == ("digits-edge", "cpu", "int8")
    assert set(soak.files) == {"detector", "recognizer"}
    assert soak.wrong == 0
    assert soak.broken == 2 * soak.frames // CYCLE > 0
    assert len(soak.commands) == 1
    assert "blocks" in soak.method


def test_a_finished_soak_is_made_longer_and_keeps_its_samples(file):
    run(*SHORT, "--json", file)
    first = read_json(file, Soak, "")
    run("--hours", "0.0001", "--every", "0", "--json", file)
    second = read_json(file, Soak, "")
    assert second.samples[: len(first.samples)] == first.samples
    assert second.samples[-1].segment == 1
    assert second.samples[-1].at_s >= 0.36
    assert len(second.commands) == 2
    again = run("--hours", "0.0001", "--every", "0", "--json", file)
    assert again.exit_code == int(not second.passed)
    assert read_json(file, Soak, "") == second


def test_a_signal_ends_it_with_what_there_is_and_the_same_command_goes_on(file, monkeypatch):
    def read(_self, frame):
        count[0] += 1
        if count[0] == 10 * CYCLE:
            signal.raise_signal(signal.SIGTERM)
        return nothing(_self, frame)

    def not_caught(_number, _frame):
        raise AssertionError("the signal was not caught")

    count, before = [0], signal.signal(signal.SIGTERM, not_caught)
    monkeypatch.setattr(Reader, "read", read)
    try:
        result = run("--hours", 1, "--every", 0, "--json", file)
        assert signal.getsignal(signal.SIGTERM) is not_caught
    finally:
        signal.signal(signal.SIGTERM, before)
    first = read_json(file, Soak, "")
    assert result.exit_code == 3
    assert "interrupted; go on with the same command: edgereader" in result.stderr
    assert not first.finished
    assert not first.passed
    assert first.frames == first.samples[-1].frames < 10 * CYCLE
    assert run(*SHORT, "--json", file).exit_code in {0, 1}
    second = read_json(file, Soak, "")
    assert second.samples[: len(first.samples)] == first.samples
    assert second.finished


def test_a_signal_that_is_ignored_stays_ignored():
    before = signal.signal(signal.SIGTERM, signal.SIG_IGN)
    try:
        with interruptions() as stopped:
            signal.raise_signal(signal.SIGTERM)
            assert not stopped()
    finally:
        signal.signal(signal.SIGTERM, before)


def test_a_file_of_another_soak_is_refused_and_left_alone(file):
    run(*SHORT, "--json", file)
    before = file.read_bytes()
    line = failed(run(*SHORT, "--seed", 5, "--json", file))
    assert "expected a soak with seed 5, got 0" in line
    assert "delete the file" in line
    assert file.read_bytes() == before


def test_a_soak_on_another_machine_does_not_go_on_here(file):
    run(*SHORT, "--json", file)
    contents = json.loads(file.read_text())
    contents["machine"]["cores"] += 1
    file.write_text(json.dumps(contents))
    assert "expected a soak with machine as here and now, got another" in failed(run(*SHORT, "--json", file))


def test_a_file_of_something_else_is_refused_and_left_alone(file):
    file.write_text("{}")
    assert "expected the JSON of `edgereader bench soak --json`" in failed(run(*SHORT, "--json", file))
    assert file.read_text() == "{}"


def test_a_soak_of_another_schema_is_refused(file):
    run(*SHORT, "--json", file)
    file.write_text(json.dumps(json.loads(file.read_text()) | {"schema": 0}))
    assert "schema 1, got 0" in failed(run(*SHORT, "--json", file))


@pytest.mark.parametrize("arguments", [("no-such-bundle",), ("--precision", "fp8"), ("--backend", "abacus")])
def test_bad_input_writes_nothing(file, arguments):
    failed(run(*SHORT, "--json", file, *arguments))
    assert not file.exists()


def test_a_recogniser_alone_is_refused_and_writes_nothing(file, monkeypatch):
    opened = Bundle.open("digits-edge")
    alone = Bundle(opened.root, replace(opened.manifest, detector=None))
    monkeypatch.setattr(soak_module, "Bundle", SimpleNamespace(open=lambda _name: alone))
    assert "expected a bundle with a detector" in failed(run(*SHORT, "--json", file))
    assert not file.exists()


def test_fewer_hours_do_not_make_a_finished_soak_shorter(file):
    run("--hours", "0.0001", "--every", "0", "--json", file)
    before = read_json(file, Soak, "")
    run(*SHORT, "--json", file)
    assert read_json(file, Soak, "") == before


def test_a_folder_that_cannot_be_written_is_found_before_the_soak(tmp_path):
    (tmp_path / "file").write_text("")
    failed(run("--hours", 100, "--json", tmp_path / "file" / "soak.json"))


@pytest.mark.parametrize("arguments", [("--hours", "0"), ("--hours", "1", "--every", "-1"), ()])
def test_wrong_usage(file, arguments):
    assert run("--json", file, *arguments).exit_code == 2
    assert not file.exists()


def test_frames_that_go_wrong_are_told(file, monkeypatch):
    monkeypatch.setattr(Reader, "read", lambda _self, _frame: [SimpleNamespace(text="1")])
    result = run(*SHORT, "--json", file)
    assert result.exit_code == 1
    assert "frames went wrong; the first: frame" in result.stdout
    assert result.stdout.endswith("FAIL\n")
