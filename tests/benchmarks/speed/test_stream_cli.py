import signal
from types import SimpleNamespace

import pytest
from click.testing import CliRunner
from msgspec.structs import replace

from edgereader.benchmarks.record import read_json
from edgereader.benchmarks.speed import stream_cli
from edgereader.benchmarks.speed.stream_figures import Stream
from edgereader.runtime import Bundle
from edgereader.runtime.cli import main

from ..results import failed
from .test_compare import STREAM

FOUND = replace(STREAM.live, wrong=0, first_wrong="")


@pytest.fixture
def file(tmp_path):
    return tmp_path / "new" / "stream.json"


@pytest.fixture
def quick(monkeypatch):
    """Measure nothing; gives what is found, which a test may change."""
    found = SimpleNamespace(live=FOUND)
    monkeypatch.setattr(stream_cli, "write_clip", lambda _: None)
    monkeypatch.setattr(stream_cli, "rates", lambda *_, **__: (STREAM.static, STREAM.detecting))
    monkeypatch.setattr(stream_cli, "live", lambda *_, **__: found.live)
    return found


def run(*arguments):
    return CliRunner().invoke(main, ["bench", "stream", *map(str, arguments)])


@pytest.mark.slow
def test_the_whole_is_measured_and_written(file):
    """With nothing made up: clip, networks, capture, events; no figure is held against a limit."""
    result = run("--seconds", 0.3, "--turns", 1, "--minutes", 0.1, "--precision", "int8", "--json", file)
    report = read_json(file, Stream, "")
    assert result.exit_code == int(not report.passed), result.output
    assert (report.frame_hw, report.bundle, report.precision) == ((720, 1280), "digits-edge", "int8")
    assert report.static.frames_per_s > 0
    assert report.live.frames > 0
    assert f"{report.live.frames} frames, {report.live.dropped} dropped" in result.stdout
    assert "capture to event: p50" in result.stdout


def test_what_grows_or_is_wrong_fails(quick, file):
    result = run("--json", file)
    assert result.exit_code == 0
    assert result.stdout.endswith("PASS\n")
    assert "static region: 21.8 readings/s" in result.stdout
    assert "capture to event: p50 120 ms, p99 240 ms, most 360 ms" in result.stdout
    assert "resident memory: 171.0 to 172.0 MiB" in result.stdout
    assert read_json(file, Stream, "").passed
    (rss, handles) = FOUND.slopes
    for changes in (
        {"wrong": 2, "first_wrong": "event 1: ..."},
        {"events": 0},
        {"slopes": [rss, replace(handles, passed=False)]},
    ):
        quick.live = replace(FOUND, **changes)
        result = run("--json", file)
        assert result.exit_code == 1
        assert result.stdout.endswith("FAIL\n")
        assert not read_json(file, Stream, "").passed


def test_what_was_not_read_is_said(quick):
    quick.live = replace(FOUND, reading=None, event=None, slopes=[])
    out = run().stdout
    assert "capture to event: none" in out
    assert "no slopes: too few samples" in out


def test_a_signal_ends_it_and_writes_nothing(quick, file, monkeypatch):
    before = signal.signal(signal.SIGTERM, lambda *_: pytest.fail("the signal was not caught"))
    monkeypatch.setattr(stream_cli, "live", lambda *_, **__: signal.raise_signal(signal.SIGTERM))
    try:
        result = run("--json", file)
    finally:
        signal.signal(signal.SIGTERM, before)
    assert result.exit_code == 3
    assert "interrupted; nothing is written" in result.stderr
    assert not file.exists()


def test_progress_is_told_once_a_minute(capsys):
    tell = stream_cli.Progress()
    for place in range(1, len(FOUND.samples)):
        tell(SimpleNamespace(samples=FOUND.samples[:place]))
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == len({int(each.at_s / 60) for each in FOUND.samples[:-1]} - {0})
    assert lines[0].startswith("1.0 min: 700 frames, 171.0 MiB")


@pytest.mark.parametrize("arguments", [("no-such-bundle",), ("--precision", "fp8"), ("--backend", "abacus")])
def test_bad_input_writes_nothing(quick, file, arguments):
    failed(run("--json", file, *arguments))
    assert not file.exists()


def test_a_recogniser_alone_is_refused(quick, monkeypatch):
    opened = Bundle.open("digits-edge")
    alone = Bundle(opened.root, replace(opened.manifest, detector=None))
    monkeypatch.setattr(stream_cli, "Bundle", SimpleNamespace(open=lambda _: alone))
    assert "expected a bundle with a detector" in failed(run())


def test_a_file_that_cannot_be_written_is_found_before_anything_is_measured(quick, tmp_path, monkeypatch):
    monkeypatch.setattr(stream_cli, "rates", lambda *_, **__: pytest.fail("measured"))
    (tmp_path / "file").write_text("")
    failed(run("--json", tmp_path / "file" / "stream.json"))


@pytest.mark.parametrize("arguments", [("--minutes", "0"), ("--seconds", "0"), ("--turns", "0")])
def test_wrong_usage(quick, arguments):
    assert run(*arguments).exit_code == 2
