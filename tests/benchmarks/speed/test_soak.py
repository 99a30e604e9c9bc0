import json
import signal
from itertools import chain, count, repeat
from types import SimpleNamespace

import numpy as np
import pytest
from click.testing import CliRunner
from msgspec.structs import replace

from edgereader.benchmarks.record import read_json, this_machine
from edgereader.benchmarks.speed import soak as module
from edgereader.benchmarks.speed.photos import CYCLE, Shot
from edgereader.benchmarks.speed.results import Sample, Soak
from edgereader.benchmarks.speed.soak import after_warm_up, interruptions, slopes, soak_on
from edgereader.runtime import Reader
from edgereader.runtime.cli import main
from edgereader.runtime.errors import BackendError, ImageError

from ..results import failed

SHORT = "--hours", "0.00005", "--every", "0"  # 0.18 s


PICTURE = np.zeros((8, 8, 3), np.uint8)
FRESH = Soak(
    commands=["edgereader bench soak"], date="", machine=this_machine(), bundle="digits-edge", backend="cpu",
    precision="int8", seed=0, every_s=10, hours=0.5, warm_up_s=180, method="",
)  # fmt: skip


def cycle(number):
    """As many frames as a real cycle, two of them broken."""
    yield from (Shot(PICTURE, sample="bib.jpg" if not place else "") for place in range(CYCLE - 2))
    yield from (Shot(None, broken=True) for _ in range(2))


def flat(frame):
    if frame is None:
        raise ImageError("no picture")
    return ["1573"]


def brisk(_reader, frame):
    return [SimpleNamespace(text=text) for text in flat(frame)]


@pytest.fixture
def file(tmp_path, monkeypatch):
    """Where a soak is written, whose reader is brisk."""
    monkeypatch.setattr(module, "Shots", lambda _: SimpleNamespace(cycle=cycle))
    monkeypatch.setattr(Reader, "read", brisk)
    return tmp_path / "soak.json"


def run(*arguments):
    return CliRunner().invoke(main, ["bench", "soak", *map(str, arguments)])


def test_a_soak_is_written_with_all_that_repeats_it_and_made_longer_with_its_samples(file):
    result = run("digits-edge", *SHORT, "--backend", "cpu", "--precision", "int8", "--json", file)
    first = read_json(file, Soak, "")
    assert result.exit_code == int(not first.passed), result.output
    assert result.stdout.splitlines()[-1] == ("PASS" if first.passed else "FAIL")
    assert "resident memory" in result.stdout
    assert (first.bundle, first.backend, first.precision) == ("digits-edge", "cpu", "int8")
    assert set(first.files) == {"detector", "recognizer"}
    assert (first.finished, first.wrong, len(first.commands)) == (True, 0, 1)
    assert first.broken == 2 * first.frames // CYCLE > 0
    assert "blocks" in first.method
    for hours in ("0.0001", "0.0001", "0.00005"):  # neither the same nor fewer make it go on
        again = run("--hours", hours, "--every", "0", "--precision", "int8", "--json", file)
        second = read_json(file, Soak, "")
        assert again.exit_code == int(not second.passed)
        assert second.samples[: len(first.samples)] == first.samples
        assert (second.samples[-1].segment, len(second.commands)) == (1, 2)
        assert second.samples[-1].at_s >= 0.36


def test_a_signal_ends_it_with_what_there_is_and_the_same_command_goes_on(file, monkeypatch):
    def read(_self, frame):
        if next(frames) == 10 * CYCLE:
            signal.raise_signal(signal.SIGTERM)
        return brisk(_self, frame)

    def not_caught(*_):
        raise AssertionError("the signal was not caught")

    frames, before = count(1), signal.signal(signal.SIGTERM, not_caught)
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


@pytest.mark.parametrize(
    ("change", "seed", "said"),
    [
        (lambda _: None, 5, "expected a soak with seed 5, got 0"),
        (lambda soak: soak["machine"].update(cores=99), 0, "expected a soak with machine as here and now, got another"),
        (lambda soak: soak.clear(), 0, "expected the JSON of `edgereader bench soak --json`"),
    ],
)
def test_a_file_of_another_soak_is_refused_and_left_alone(file, change, seed, said):
    run(*SHORT, "--json", file)
    contents = json.loads(file.read_text())
    change(contents)
    file.write_text(json.dumps(contents))
    assert said in failed(run(*SHORT, "--seed", seed, "--json", file))
    assert json.loads(file.read_text()) == contents


@pytest.fixture
def soaked(monkeypatch):
    """Soaks; every look at a clock takes a quarter of a second, and memory is what the test says."""
    now = [0.0]

    def tick():
        now[0] += 0.25
        return now[0]

    clock = SimpleNamespace(monotonic=tick, perf_counter=tick, process_time=tick)
    monkeypatch.setattr(module, "time", clock)
    monkeypatch.setattr(module, "host_bytes", lambda: 300 * module.MIB)
    monkeypatch.setattr(module, "handles", lambda: 12)

    def run(read=flat, before=FRESH, stopped=lambda: False, save=lambda _: None, cycle=cycle):
        return soak_on(before, read, cycle, stopped=stopped, save=save)

    return run


def test_a_flat_reader_passes_and_is_saved_about_every_minute(soaked):
    saved = []
    soak = soaked(save=saved.append)
    gaps = np.diff([so_far.samples[-1].at_s for so_far in saved])
    assert len(saved) > 10
    assert (gaps >= 60).all()
    with pytest.raises(ZeroDivisionError):  # an error that is not ours ends the soak
        soaked(lambda _: 1 // 0)
    assert (soak.finished, soak.passed, soak.wrong) == (True, True, 0)
    assert soak.samples[-1].at_s >= 1800
    assert soak.frames == soak.samples[-1].frames == CYCLE * (soak.frames // CYCLE)
    assert soak.broken == 2 * soak.frames // CYCLE
    assert (soak.samples[0].cpu_ms, soak.samples[0].p50_ms) == (250, 750)


def test_a_reader_that_leaks_memory_fails(soaked, monkeypatch):
    kept = []
    monkeypatch.setattr(module, "host_bytes", lambda: 300 * module.MIB + sum(map(len, kept)))
    soak = soaked(lambda frame: kept.append(bytes(10_000)) or flat(frame))
    assert [slope.what for slope in soak.slopes if not slope.passed] == ["rss_mib"]
    assert (soak.finished, soak.passed) == (True, False)


ANSWERS = chain(["1573"] * 100, repeat("1578"))


@pytest.mark.parametrize(("read", "wrong"), [
    (lambda _: ["1573"], "what is no picture was read"),
    (lambda _: flat(None), "ImageError: no picture"),
    (lambda _: (nothing for nothing in ()).throw(BackendError("out of memory")), "BackendError: out of memory"),
    (lambda frame: flat(frame) and [next(ANSWERS)], "bib.jpg: expected ['1573'] as at first, got ['1578']"),
])  # fmt: skip
def test_frames_that_go_wrong_are_counted_and_told(soaked, read, wrong):
    soak = soaked(read, replace(FRESH, hours=0.05))
    assert soak.wrong > 0
    assert wrong in soak.first_wrong
    assert not soak.passed
    assert "frames went wrong; the first: frame" in module.summary(soak)
    assert module.summary(soak).endswith("FAIL")


def test_an_interrupted_soak_keeps_its_samples_and_goes_on(soaked):
    asked = count()
    first = soaked(stopped=lambda: next(asked) >= 20 * CYCLE + 5)
    assert (first.finished, first.passed, first.frames) == (False, False, 20 * CYCLE)
    cycles = []
    second = soaked(before=first, cycle=lambda number: cycles.append(number) or cycle(number))
    assert cycles[0] == 20
    assert second.samples[: len(first.samples)] == first.samples
    assert {taken.segment for taken in second.samples} == {0, 1}
    times = [taken.at_s for taken in second.samples]
    assert times == sorted(times)
    assert 1800 <= times[-1] < 1850
    assert second.broken == 2 * second.frames // CYCLE
    assert second.passed


def sample(at_s, segment=0, **changes):
    values = {"frames": int(at_s), "rss_mib": 300.0, "handles": 12, "p50_ms": 90.0, "p99_ms": 200.0, "cpu_ms": 150.0}
    return Sample(at_s=at_s, segment=segment, **{**values, **changes})


def hour(**per_hour):
    """Samples of an hour, in which quantities change by so much."""
    base = {"rss_mib": 300.0, "handles": 12, "p50_ms": 90.0, "cpu_ms": 150.0}
    return [
        sample(at, **{name: base[name] + change * at / 3600 for name, change in per_hour.items()})
        for at in range(10, 3601, 10)
    ]


def found(samples):
    return {slope.what: slope for slope in slopes(samples, 360, {"rss_mib"})}


def test_what_stays_or_falls_passes():
    assert all(slope.passed and slope.per_hour == slope.low == slope.high == 0 for slope in found(hour()).values())
    slope = found(hour(rss_mib=-50.0))["rss_mib"]
    assert slope.high < 0
    assert slope.passed


@pytest.mark.parametrize(("field", "what", "grows"), [
    ("rss_mib", "rss_mib", 8.0), ("handles", "handles", 3), ("cpu_ms", "cpu_ms", 20.0), ("p50_ms", "latency_ms", 20.0),
])  # fmt: skip
def test_what_grows_does_not_pass_and_has_its_slope(field, what, grows):
    slope = found(hour(**{field: grows}))[what]
    assert not slope.passed
    assert slope.per_hour == pytest.approx(grows)
    assert slope.most == slope.last > slope.first
    assert [other.what for other in found(hour(**{field: grows})).values() if not other.passed] == [what]


def test_growth_below_the_grain_of_the_whole_time_does_not_count():
    assert found(hour(rss_mib=3.0))["rss_mib"].passed
    longer = [sample(10 * taken.at_s, rss_mib=taken.rss_mib) for taken in hour(rss_mib=30.0)]
    assert longer[-1].at_s == 36000
    assert not found(longer)["rss_mib"].passed  # also 3 MiB an hour, but in ten hours


def test_on_the_cpu_processor_time_is_judged_and_elsewhere_latency():
    for backend, what, passed in (("cpu", "cpu_ms", True), ("cuda", "latency_ms", False)):
        soak = module.judged(replace(FRESH, backend=backend, samples=hour(p50_ms=50.0), finished=True))
        assert {slope.what for slope in soak.slopes if slope.judged} == {"rss_mib", "handles", what}
        assert soak.passed == passed


def test_the_warm_up_of_each_segment_is_left_out_and_few_samples_have_no_slopes():
    assert slopes([sample(at) for at in range(10, 100, 10)], 0, ()) == []
    samples = [sample(at, segment=int(at > 100)) for at in range(10, 201, 10)]
    assert [kept.at_s for kept in after_warm_up(samples, 30)] == [*range(40, 101, 10), *range(140, 201, 10)]
