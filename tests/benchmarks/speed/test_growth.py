from types import SimpleNamespace

import pytest
from click.testing import CliRunner
from msgspec.structs import replace

from edgereader.benchmarks.record import read_json
from edgereader.benchmarks.speed import growth as growth_module
from edgereader.benchmarks.speed import growth_run
from edgereader.benchmarks.speed.growth import describe
from edgereader.benchmarks.speed.growth_figures import Growth
from edgereader.benchmarks.speed.growth_photos import CELL_PX
from edgereader.benchmarks.speed.growth_run import Case
from edgereader.runtime import Bundle, Reader
from edgereader.runtime.cli import main

from ..results import failed

PAPER = 230
SESSION = SimpleNamespace(backend="cpu", precision="int8")


class StandIn:
    """A reader of a known cost, on a clock of its own; the numbers that it finds are the cells with ink."""

    exponent = 1.0
    sees = True
    now = 0.0

    def __init__(self, *_arguments, **_named):
        self.sessions = {"detector": SESSION, "recognizer": SESSION}

    def look(self, frame):
        if frame.max() != PAPER:
            return []
        middles = frame[CELL_PX // 2 :: CELL_PX, :, 0]
        inked = [row[at : at + CELL_PX].min() < 50 for row in middles for at in range(0, len(row), CELL_PX)]
        return [None] * sum(inked) if self.sees else []

    def read(self, frame):
        StandIn.now += 0.01 + frame.size / 1e9 + 0.001 * len(self.look(frame)) ** self.exponent

    def recognize(self, crops):
        StandIn.now += 0.002 * len(crops)


@pytest.fixture(autouse=True)
def reader(monkeypatch):
    clock = SimpleNamespace(perf_counter=lambda: StandIn.now, monotonic=lambda: StandIn.now)
    monkeypatch.setattr(growth_run, "time", clock)
    monkeypatch.setattr(growth_module, "Reader", StandIn)
    monkeypatch.setattr(growth_run, "MEGAPIXELS", (0.1, 0.2, 0.3, 0.4, 0.5))
    monkeypatch.setattr(growth_run, "NUMBERS", (0, 20, 40, 80, 160, 300))
    return StandIn


def run(*arguments):
    return CliRunner().invoke(main, ["bench", "growth", "--seconds", "0", *map(str, arguments)])


def test_a_reader_of_linear_cost_passes(tmp_path):
    result = run("digits-edge", "--json", tmp_path / "growth.json")
    assert result.exit_code == 0, result.output
    assert result.stdout.endswith("PASS\n")
    assert "3 photos without text: 0 calls of the recogniser, 0.0 ms" in result.stdout
    assert "a crop: 2.00 ms alone, 2.00 ms of 64 at once" in result.stdout
    report = read_json(tmp_path / "growth.json", Growth, "")
    assert report.passed
    assert (report.bundle, report.backend, report.precision, report.rounds) == ("digits-edge", "cpu", "int8", 3)
    batch = next(each for each in report.curves if each.what == "batch" and each.part == "whole")
    assert batch.exponent == pytest.approx(1)
    assert batch.points[-1].each_ms == pytest.approx(2)
    assert {each.what for each in report.curves} == {"megapixels", "regions", "batch"}


def test_a_reader_of_quadratic_cost_in_regions_fails(reader, monkeypatch, tmp_path):
    monkeypatch.setattr(reader, "exponent", 2.0)
    result = run("--json", tmp_path / "growth.json")
    assert result.exit_code == 1
    assert result.stdout.endswith("FAIL\n")
    faster = [line for line in result.stdout.splitlines() if line.endswith("FASTER")]
    assert len(faster) == 1
    assert faster[0].startswith("regions     whole")
    assert not read_json(tmp_path / "growth.json", Growth, "").passed


def test_a_photo_without_text_that_is_recognised_fails(reader, tmp_path):
    made = growth_run.cases(reader(), tmp_path)
    for case in made:
        case.run()
    assert describe(Bundle.open("digits-edge"), reader(), 1, made).passed
    next(case for case in made if case.what is None).calls = 2
    report = describe(Bundle.open("digits-edge"), reader(), 1, made)
    assert not report.passed
    assert report.recogniser_calls_without_text == 2


def test_a_bundle_that_sees_nothing_is_refused(reader, monkeypatch, tmp_path):
    monkeypatch.setattr(reader, "sees", False)
    assert "expected text to be found on pages" in failed(run("--json", tmp_path / "growth.json"))
    assert not list(tmp_path.iterdir())


def test_a_bundle_that_sees_text_everywhere_is_refused(reader, monkeypatch):
    monkeypatch.setattr(reader, "look", lambda _self, frame: [None] * (1 + int((frame < 50).sum() // 1000)))
    assert "expected no text on empty pages" in failed(run())


@pytest.mark.parametrize("bundle", ["no-such-bundle", "/tmp"])
def test_a_bundle_that_is_none_is_refused(bundle):
    failed(run(bundle))


def recogniser_alone(name):
    opened = Bundle.open(name)
    return Bundle(opened.root, replace(opened.manifest, detector=None))


def test_a_recogniser_alone_is_refused(monkeypatch):
    monkeypatch.setattr(growth_module, "Reader", Reader)
    monkeypatch.setattr(growth_module, "Bundle", SimpleNamespace(open=recogniser_alone))
    assert "expected a bundle with a detector" in failed(run())


def test_a_folder_that_cannot_be_written_is_found_first(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    monkeypatch.setattr(growth_module, "cases", lambda *_: pytest.fail("measured"))
    failed(run("--json", tmp_path / "file" / "growth.json"))


def test_wrong_usage():
    assert run("--seconds", "-1").exit_code == 2


def test_the_real_clocks_see_the_recogniser():
    real = Reader("digits-edge", backend="cpu")
    case = Case("batch", 1, lambda: real.recognize(growth_run.crops(1)))
    case.run()
    assert case.calls > 0
    nothing = Case(None, 0, lambda: real.read(growth_run.without_text()[0][:64, :64]))
    nothing.run()
    assert nothing.calls == 0
