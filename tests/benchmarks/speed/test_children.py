import sys
import time
from pathlib import Path

import pytest

from edgereader.benchmarks.contenders import Options
from edgereader.benchmarks.speed.children import Child, cold_start
from edgereader.benchmarks.speed.entries import Entry
from edgereader.benchmarks.speed.jobs import Missing, TakeMemory
from edgereader.runtime.bundles.bundle import shipped

PHOTO = shipped("samples") / "meter.jpg"
ANSWER = '{"type": "missing", "outcome": "skipped", "reason": "none"}'


@pytest.fixture
def child(tmp_path):
    started = []

    def start(program):
        started.append(Child([sys.executable, "-c", program], tmp_path / "log"))
        return started[-1]

    yield start
    for each in started:
        each.close()


def test_every_question_has_its_answer(child):
    asked = child(f"for line in iter(input, None): print({ANSWER!r}, flush=True)")
    for _ in range(2):
        assert asked.ask(TakeMemory(), 30) == Missing(outcome="skipped", reason="none")


def test_answers_that_come_at_once_are_told_apart(child):
    asked = child(f"print({ANSWER!r}, flush=True); print({ANSWER.replace('none', 'two')!r}, flush=True); input()")
    assert [asked.ask(TakeMemory(), 30).reason for _ in range(2)] == ["none", "two"]


def test_a_process_that_dies_says_why(child):
    asked = child("input(); print('{\"half', end=''); raise RuntimeError('out of memory')")
    assert asked.ask(TakeMemory(), 30) == Missing(outcome="failed", reason="RuntimeError: out of memory")


def test_a_process_that_died_before_it_was_asked_says_why_too(child):
    asked = child("import os, signal; os.kill(os.getpid(), signal.SIGSEGV)")
    asked._process.wait()
    assert asked.ask(TakeMemory(), 30) == Missing(outcome="failed", reason="SIGSEGV: it said nothing")


def test_what_is_no_answer_is_told(child):
    asked = child("print('Python 2.7', flush=True); input()")
    assert "expected a line of JSON, got b'Python 2.7'" in asked.ask(TakeMemory(), 30).reason


def test_a_process_that_is_silent_is_given_up(child):
    asked = child("import time; time.sleep(60)")
    assert asked.ask(TakeMemory(), 0.5) == Missing(outcome="failed", reason="no answer in 0 s")


def test_a_process_is_ended_with_those_that_it_started(child, tmp_path):
    program = (
        "import subprocess, sys\n"
        "other = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)'])\n"
        f"open({str(tmp_path / 'pid')!r}, 'w').write(str(other.pid))\n"
        f"print({ANSWER!r}, flush=True)\n"
        "other.wait()\n"
    )
    asked = child(program)
    asked.ask(TakeMemory(), 30)
    asked.close()
    end = time.monotonic() + 30
    while runs((tmp_path / "pid").read_text()) and time.monotonic() < end:
        time.sleep(0.05)
    assert not runs((tmp_path / "pid").read_text())


def runs(pid):
    """Whether a process is there and no zombie."""
    try:
        return Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def cold(tmp_path, contender="nothing", timeout_s=60.0, python=sys.executable, **options):
    entry = Entry(name="it", contender=contender, options=Options(**options), python=str(python))
    return cold_start(entry, PHOTO, timeout_s, tmp_path / "log")


def test_a_cold_start_is_timed_to_the_first_readings(tmp_path):
    start = time.perf_counter()
    took = cold(tmp_path, "edgereader", precision="int8", canvas_px=320)
    assert 0.05 < took < time.perf_counter() - start


def test_a_cold_start_that_fails_says_why(tmp_path):
    assert "no-such-bundle" in cold(tmp_path, "edgereader", bundle="no-such-bundle")


def test_a_cold_start_that_takes_too_long_is_given_up(tmp_path):
    script = tmp_path / "python"
    script.write_text("#!/bin/sh\nsleep 60\n")
    script.chmod(0o755)
    assert cold(tmp_path, timeout_s=0.5, python=script) == "no reading in 0 s after a cold start"
