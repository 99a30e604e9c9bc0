import sys
import time
from pathlib import Path

import pytest

from edgereader.benchmarks.gpu.children import run, run_job
from edgereader.benchmarks.gpu.jobs import DRY, Contender, Job

LINE = '{"size": "a", "found": {"kind": "missing", "outcome": "skipped", "reason": "none"}}'


def python(program, tmp_path, timeout_s=30):
    return run([sys.executable, "-c", program], timeout_s, tmp_path / "log")


def test_a_process_that_ends_well_is_believed(tmp_path):
    found = python(f"import sys; print({LINE!r}); print('warned', file=sys.stderr)", tmp_path)
    assert (found.ended, found.reason) == ("well", "")
    assert [each.size for each in found.answers] == ["a"]
    assert b"warned" in (tmp_path / "log").read_bytes()


def test_what_was_said_before_a_failure_counts_and_the_last_line_is_the_reason(tmp_path):
    found = python(f"print({LINE!r}, flush=True); raise RuntimeError('out of memory')", tmp_path)
    assert found.ended == "badly"
    assert found.reason == "RuntimeError: out of memory"
    assert len(found.answers) == 1


def test_a_crash_is_named(tmp_path):
    found = python("import os, signal; os.kill(os.getpid(), signal.SIGSEGV)", tmp_path)
    assert (found.ended, found.reason) == ("badly", "SIGSEGV: it said nothing")


def test_half_a_line_is_no_answer(tmp_path):
    found = python(f"print({LINE!r}); print({LINE[:30]!r}, end='')", tmp_path)
    assert len(found.answers) == 1


def test_a_process_that_hangs_is_killed_with_those_it_started(tmp_path):
    program = (
        "import subprocess, sys, time\n"
        "child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)'])\n"
        f"open({str(tmp_path / 'pid')!r}, 'w').write(str(child.pid))\n"
        f"print({LINE!r}, flush=True)\n"
        "time.sleep(60)\n"
    )
    start = time.monotonic()
    found = python(program, tmp_path, timeout_s=4)
    assert time.monotonic() - start < 30
    assert (found.ended, found.reason) == ("late", "no answer in 4 s")
    assert len(found.answers) == 1
    pid = (tmp_path / "pid").read_text()
    while runs(pid) and time.monotonic() - start < 30:
        time.sleep(0.1)
    assert not runs(pid)


def runs(pid):
    try:
        return Path("/proc", pid, "stat").read_text().split()[2] != "Z"
    except OSError:
        return False


@pytest.fixture
def job(tmp_path):
    return Job(
        section="detector", contender=Contender("cuda", "fp16"), sizes=("64x96",), folder=str(tmp_path),
        bundle="digits-edge", scale=DRY,
    )  # fmt: skip


def test_a_job_whose_bundle_is_not_there_fails_in_its_process(job, tmp_path):
    found = run_job(job, 60, tmp_path / "log")
    assert found.ended == "badly"
    assert "BundleNotFound" in found.reason
