import sys
import time
from pathlib import Path

import msgspec
import pytest

from edgereader.benchmarks.contenders import Options
from edgereader.benchmarks.speed import child as module
from edgereader.benchmarks.speed.child import (
    Child,
    Entry,
    Finish,
    Job,
    Missing,
    Ready,
    cold_start,
    contender,
    death,
    first_pass,
)
from edgereader.benchmarks.speed.loadgen import Measure, Streams, Turn
from edgereader.benchmarks.speed.photos import decode, find
from edgereader.runtime import Bundle
from edgereader.runtime.bundles.bundle import shipped

ANSWER = '{"missing": {"kind": "missing", "outcome": "skipped", "reason": "none"}}'
CONNECTED = "import sys; from multiprocessing.connection import Connection; parent = Connection(int(sys.argv[-1]))\n"


@pytest.fixture
def child(tmp_path):
    started = []

    def start(code):
        started.append(Child([sys.executable, "-c", CONNECTED * ("parent" in code) + code], tmp_path / "log"))
        return started[-1]

    yield start
    for process in started:
        process.close()


def test_every_question_has_its_answer_also_when_answers_come_at_once(child):
    asked = child(f"while parent.recv_bytes(): parent.send_bytes({ANSWER.encode()})")
    for _ in range(2):
        assert asked.ask("?", int, 30) == Missing(outcome="skipped", reason="none")
    asked = child("""parent.send_bytes(b'{"found": 1}'); parent.send_bytes(b'{"found": [2]}'); parent.recv_bytes()""")
    assert (asked.ask("?", int, 30), asked.ask("?", list[int], 30)) == (1, [2])


def test_a_process_that_dies_says_why_whether_asked_before_or_not(child):
    asked = child("parent.recv_bytes(); raise RuntimeError('out of memory')")
    died = Missing(outcome="failed", reason="RuntimeError: out of memory")
    assert [asked.ask("?", int, 30), asked.ask("?", int, 30)] == [died, died]
    asked = child("import os, signal; os.kill(os.getpid(), signal.SIGSEGV)")
    asked._process.wait()
    assert asked.ask("?", int, 30) == Missing(outcome="failed", reason="SIGSEGV: it said nothing")
    assert death(1, f"Traceback\n  line\n{'x' * 2000}\n\n") == "x" * 500


def test_what_is_no_answer_is_told(child):
    asked = child("parent.send_bytes(b'Python 2.7'); parent.recv_bytes()")
    assert "expected an answer in JSON, got another one" in asked.ask("?", int, 30).reason


def test_a_process_that_is_silent_is_given_up(child):
    asked = child("import time; time.sleep(60)")
    assert asked.ask("?", int, 0.5) == Missing(outcome="failed", reason="no answer in 0 s")


def test_a_process_is_ended_with_those_that_it_started(child, tmp_path):
    code = (
        "import subprocess, sys\n"
        "other = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)'])\n"
        f"open({str(tmp_path / 'pid')!r}, 'w').write(str(other.pid))\n"
        f"parent.send_bytes({ANSWER.encode()})\n"
        "other.wait()\n"
    )
    asked = child(code)
    asked.ask("?", int, 30)
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


SERVED = """
import os, sys
from edgereader.benchmarks.contenders import Unavailable
from edgereader.benchmarks.speed.child import serve
from edgereader.runtime.errors import BundleError

def answers(questions):
    assert sys.stdin.read() == ""
    for question in questions:
        os.write(1, b"a library's chatter\\n")
        yield from {"1": [2], "skip": fail(Unavailable("no such library")), "fail": fail(BundleError("no file"))}.get(
            question.decode().strip().strip('"'), fail(ZeroDivisionError()))

def fail(error):
    raise error
    yield

serve(answers)
"""


@pytest.mark.parametrize(
    ("question", "outcome", "reason"),
    [
        ("skip", "skipped", "no such library"),
        ("fail", "failed", "no file"),
        ("?", "failed", "ZeroDivisionError"),
    ],
)
def test_answers_are_alone_on_standard_output_and_errors_of_ours_are_the_last(
    child, tmp_path, question, outcome, reason
):
    asked = child(SERVED)
    assert asked.ask(1, int, 60) == 2
    assert asked.ask(question, int, 60) == Missing(outcome=outcome, reason=reason)
    assert asked._process.wait() == (question == "?")
    said = (tmp_path / "log").read_text()
    assert said.count("chatter") == 2
    assert ("Traceback" in said) == (question == "?")


@pytest.fixture
def job(tmp_path):
    photos = find(())
    pixels = decode(photos, (), tmp_path / "pixels")

    def make(name, streams=1, **options):
        return Job(
            entry=Entry(name, name, Options(**options), streams=streams), pixels=str(pixels.path),
            shapes_hw=pixels.shapes_hw, paths=[str(photo.path) for photo in photos], folder=str(tmp_path),
            first_pass_s=60.0,
        )  # fmt: skip

    return make


def answers(*questions):
    return list(contender(msgspec.json.encode(question) for question in questions))


def test_edgereader_says_where_it_runs_and_what_it_read(job):
    ask = Measure(scenario="SingleStream", seconds=0.1, seed=0, batch=1, expected_ms=9, target_qps=1, target_ms=1)
    job = job("edgereader", streams=2, precision="int8", backend="cpu", canvas_px=320)
    ready, turn, found = answers(job, ask, Finish(seconds=0.0))
    assert isinstance(ready, Ready)
    assert isinstance(turn, Turn)
    assert (ready.backend, ready.precision, ready.bundle) == ("cpu", "int8", "digits-edge")
    assert "edgereader" in ready.versions
    manifest = Bundle.open("digits-edge").manifest
    assert ready.files == {kind: getattr(manifest, kind).files["int8"].sha256 for kind in ("detector", "recognizer")}
    assert len(ready.texts) == len(ready.times_ms) == 3
    assert found.stages.photos > 0
    assert found.memory.peak_mib >= found.memory.steady_mib > 10
    assert found.memory.allocations_per_frame is not None
    assert found.work is not None


@pytest.mark.parametrize(("name", "count"), [("shared", 1), ("fake", 3)])
def test_threads_share_a_contender_that_may_be_shared(monkeypatch, name, count):
    made = []
    monkeypatch.setattr(module, "SHAREABLE", {"shared"})
    monkeypatch.setattr(module, "opener", lambda asked: lambda *_: made.append(asked) or object())
    found = module.opened(Entry(name, name, Options(), streams=3))
    assert len(found) == 3
    assert (len(made), len(set(map(id, found)))) == (count, count)


def test_the_first_pass_ends_in_time_and_warms_all_readers(fake, frames):
    readers = [fake(seconds=0.4), fake(), fake()]
    texts, times_ms = first_pass(Streams(readers), frames, 0.6)
    assert texts == [["12"], ["12"]]
    assert len(times_ms) == 2
    assert [reader.seen for reader in readers] == [[0, 1]] * 3


def cold(tmp_path, name="nothing", timeout_s=60.0, python=sys.executable, **options):
    photo = shipped("samples") / "meter.jpg"
    return cold_start(Entry(name, name, Options(**options), str(python)), photo, timeout_s, tmp_path / "log")


def test_a_cold_start_is_timed_to_the_first_readings(tmp_path):
    start = time.perf_counter()
    took = cold(tmp_path, "edgereader", precision="int8", canvas_px=320)
    assert 0.05 < took < time.perf_counter() - start


def test_a_cold_start_that_fails_or_takes_too_long_is_given_up(tmp_path):
    assert "no-such-bundle" in cold(tmp_path, "edgereader", bundle="no-such-bundle").reason
    script = tmp_path / "python"
    script.write_text("#!/bin/sh\nsleep 60\n")
    script.chmod(0o755)
    assert cold(tmp_path, timeout_s=0.5, python=script).reason == "cold start: no answer in 0 s"
