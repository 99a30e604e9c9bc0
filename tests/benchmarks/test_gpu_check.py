"""A check with a stand-in for its processes, and a dry run with real ones."""

import json
import shutil
from types import SimpleNamespace

import msgspec
import pytest
from click.testing import CliRunner
from msgspec.structs import replace

from edgereader.benchmarks import gpu_check
from edgereader.benchmarks.gpu.plan import CPU, DRY, EAGER, Contender, Job, Section
from edgereader.benchmarks.gpu.report import Answer, Prepared, Report, Speed
from edgereader.benchmarks.gpu_check import Check, begin, files_of, run_job, save
from edgereader.benchmarks.record import this_machine
from edgereader.benchmarks.speed.child import Missing
from edgereader.benchmarks.speed.device import Gpu as Card
from edgereader.runtime.bundles.bundle import Bundle, write_bundle
from edgereader.runtime.bundles.manifest import FileEntry
from edgereader.runtime.errors import DatasetError
from edgereader.runtime.sessions.nvidia import Driver, Gpu

from ..runtime.graphs import write_test_bundle

TURN = Answer(found=Speed(warm_up=5), times_ms=[1.0, 2.0, 3.0])
MADE = Answer(found=Prepared(seconds=1.0, detail="made"))
CRASHED = Answer(found=Missing(outcome="failed", reason="SIGSEGV"))


def invoke(*arguments):
    return CliRunner().invoke(gpu_check.main, [str(argument) for argument in arguments])


@pytest.fixture
def stand_in(monkeypatch):
    """No process is started: every job answers at once, but for compiled PyTorch, whose process crashes."""
    jobs = []

    def run_job(job, timeout_s, log):
        jobs.append((job.section, job.contender.name))
        found = MADE if job.section == "prepare" else TURN
        return [CRASHED if job.contender.runner == "PyTorch compiled" else found] * len(job.sizes)

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
    refused = invoke("--to", to, "--only", "ceiling", "--dry-run")
    assert (refused.exit_code, refused.stderr.count("\n")) == (2, 1)
    assert "choose another --to" in refused.stderr
    late = invoke("--to", to, "--again", "--minutes", 0, "--only", "ceiling")
    assert late.exit_code == 0
    assert "pending: no time was left; run the same command again" in late.stdout


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
    assert "$ detector PyTorch eager fp32: 64x96" in (tmp_path / "gpu-check.log").read_text()


def with_halves(root):
    """Say that the graphs in fp32 are in fp16 too: they have no weights that could be."""
    manifest = Bundle.open(root).manifest
    specs = {}
    for kind in ("detector", "recognizer"):
        spec = getattr(manifest, kind)
        file: FileEntry = spec.files["fp32"]
        specs[kind] = replace(spec, files={"fp32": file, "fp16": file})
    write_bundle(root, replace(manifest, **specs))


@pytest.fixture
def job(tmp_path):
    return Job(
        section="detector", contender=Contender("cuda", "fp16"), sizes=("64x96", "64x64"), folder=str(tmp_path),
        bundle="digits-edge", scale=DRY,
    )  # fmt: skip


def test_a_job_that_cannot_be_done_fails_in_its_process_at_every_size(job, tmp_path):
    first, second = run_job(job, 60, tmp_path / "log")
    assert first.found.outcome == "failed"
    assert "bundle" in first.found.reason
    assert second.found == first.found
    assert "$ detector cuda fp16: 64x96, 64x64" in (tmp_path / "log").read_text()
    (late,) = run_job(replace(job, sizes=("64x96",)), 0, tmp_path / "log")
    assert late.found == Missing(outcome="failed", reason="no answer in 0 s")


CARD = Card(name="Card", compute_capability="sm86", memory_gib=24, driver="580.1", cuda="13.0")


@pytest.fixture
def report():
    return Report(
        commands=["python -m edgereader.benchmarks.gpu_check"], date="", dry_run=False, bundle="digits-edge",
        files=files_of(Bundle.open("digits-edge")), machine=this_machine(), gpu=CARD, entries=[],
    )  # fmt: skip


def test_a_report_is_written_and_gone_on_with(report, tmp_path, monkeypatch):
    monkeypatch.setattr("sys.argv", ["gpu_check", "--only", "frames"])
    path, bundle = tmp_path / "new" / "gpu-check.json", Bundle.open("digits-edge")
    report = replace(report, entries=list(checked(StandIn()).entries.values()))
    save(path, report)
    assert path.with_suffix(".md").read_text().startswith("# EdgeReader on a GPU")
    assert msgspec.json.decode(path.read_bytes(), type=Report) == report
    found = begin(path, bundle, CARD, again=False)
    assert found.entries == report.entries
    assert found.commands == [*report.commands, "python -m edgereader.benchmarks.gpu_check --only frames"]
    assert begin(path, bundle, CARD, again=True).entries == []


@pytest.mark.parametrize(
    "changes", [{"gpu": replace(CARD, driver="1.0")}, {"files": {}}, {"dry_run": True}, {"schema": 99}, None]
)
def test_a_report_of_something_else_is_refused(report, tmp_path, changes):
    path = tmp_path / "gpu-check.json"
    save(path, replace(report, **changes or {}))
    if changes is None:
        path.write_text("{}")
    with pytest.raises(DatasetError, match=f"the {next(iter(changes))} of this check" if changes else "gpu_check"):
        begin(path, Bundle.open("digits-edge"), CARD, again=False)


NATIVE = Contender("tensorrt", "fp16")
SECTION = Section("detector", "", "random", (CPU, EAGER, NATIVE), ("small", "large"), 2)


class StandIn:
    """Answers every job at once; `ends` says by contender or preparation how its process ends instead."""

    def __init__(self, **ends):
        self.jobs, self.limits_s, self.ends = [], [], ends

    def __call__(self, job, timeout_s):
        what = job.sizes[0] if job.section == "prepare" else job.contender.name
        self.jobs.append(what)
        self.limits_s.append(timeout_s)
        answers = [MADE if job.section == "prepare" else TURN] * len(job.sizes)
        return self.ends.get(what, lambda said: said)(answers)


def crash(answers):
    return [CRASHED] * len(answers)


def crash_late(answers):
    return [*answers[:1], *crash(answers[1:])]


def checked(stand_in, section=SECTION, **options):
    check = Check(stand_in, "folder", "digits-edge", DRY, **options)
    check.run(section)
    return check


def result(check, contender, size="small"):
    return check.entries["detector", contender.name, size].result


def test_contenders_take_turns_after_what_they_need_was_made_once():
    stand_in = StandIn()
    told = []
    check = checked(stand_in, changed=told.append)
    assert [entry.section for entry in told].count("prepare") == 2
    assert len(told) == 2 + 2 * 3 * 2
    names = [contender.name for contender in SECTION.contenders]
    assert stand_in.jobs == ["random", *names[:2], "engines random", names[2], *names[1:], names[0]]
    assert result(check, NATIVE, "large").turns_p50_ms == [2.0, 2.0]


def test_a_crash_is_noted_and_the_rest_goes_on():
    stand_in = StandIn(**{EAGER.name: crash_late})
    check = checked(stand_in)
    assert result(check, EAGER, "small").turns_p50_ms == [2.0, 2.0]
    assert result(check, EAGER, "large") == Missing(outcome="failed", reason="SIGSEGV")
    assert isinstance(result(check, NATIVE, "large"), Speed)
    assert stand_in.jobs.count(EAGER.name) == 2


def test_an_engine_that_cannot_be_built_skips_those_that_need_it():
    stand_in = StandIn(**{"engines random": crash})
    check = checked(stand_in)
    assert result(check, NATIVE) == Missing(outcome="skipped", reason="engines random: SIGSEGV")
    assert check.entries["prepare", NATIVE.name, "engines random"].result.outcome == "failed"
    assert isinstance(result(check, CPU), Speed)
    assert stand_in.jobs.count("engines random") == 1
    assert NATIVE.name not in stand_in.jobs


def test_what_failed_when_time_was_out_waits_for_the_next_time(monkeypatch):
    crashing = StandIn(**{CPU.name: crash})
    assert result(checked(crashing), CPU).outcome == "failed"
    assert set(crashing.limits_s) == {gpu_check.LONGEST_S}
    now = [0.0]
    monkeypatch.setattr(gpu_check, "time", SimpleNamespace(monotonic=lambda: now[0]))

    def hang(answers):
        now[0] = 60.0
        return crash(answers)

    hurried = StandIn(**{CPU.name: hang})
    assert result(checked(hurried, minutes=1), CPU) == Missing(outcome="pending", reason="SIGSEGV")
    assert max(hurried.limits_s) <= 60

    def last(answers):
        now[0] = 50.0
        return answers

    now[0] = 0.0
    check = checked(StandIn(**{NATIVE.name: last}), minutes=1)
    assert result(check, NATIVE).turns_p50_ms == result(check, CPU).turns_p50_ms == [2.0]  # fewer turns are figures too


def test_without_time_nothing_starts_and_the_next_time_goes_on():
    stand_in = StandIn()
    first = checked(stand_in, minutes=0)
    assert stand_in.jobs == []
    assert result(first, CPU).outcome == "pending"
    again = StandIn()
    second = checked(again, entries=first.entries.values())
    assert isinstance(result(second, NATIVE), Speed)


def test_what_was_measured_is_not_measured_again_but_what_failed_is():
    first = checked(StandIn(**{EAGER.name: crash}))
    stand_in = StandIn()
    second = checked(stand_in, entries=first.entries.values())
    assert stand_in.jobs == ["random", EAGER.name, EAGER.name]
    assert isinstance(result(second, EAGER, "large"), Speed)
    assert len(second.entries) == len(first.entries)


@pytest.mark.parametrize("bundle", ["", "random"])
def test_a_section_without_a_bundle_needs_nothing(bundle):
    stand_in = StandIn()
    section = Section("detector", "", bundle, (CPU,), ("small",))
    checked(stand_in, section)
    assert stand_in.jobs == ([bundle] if bundle else []) + [CPU.name]
