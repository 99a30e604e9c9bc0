import json
import os
import sys

import msgspec
import pytest

from edgereader.benchmarks.gpu import child
from edgereader.benchmarks.gpu.figures import Prepared
from edgereader.benchmarks.gpu.jobs import CPU, DRY, Job
from edgereader.runtime.errors import BackendUnavailable

JOB = Job(section="detector", contender=CPU, sizes=("a", "b"), folder="", bundle="", scale=DRY)


def answers(capfd, monkeypatch, section):
    """What the process says on its standard output when this is what its section does."""
    monkeypatch.setitem(child.measures.SECTIONS, "detector", section)
    kept = os.dup(1)
    try:
        child.main([msgspec.json.encode(JOB).decode()])
    finally:
        sys.stdout.flush()
        os.dup2(kept, 1)
        os.close(kept)
    out, err = capfd.readouterr()
    return [json.loads(line) for line in out.splitlines()], err


def test_answers_are_lines_of_json_and_nothing_else_is_among_them(capfd, monkeypatch):
    def section(job):
        for size in job.sizes:
            os.write(1, b"a library's chatter\n")
            yield size, Prepared(seconds=1.0, detail="made")

    found, err = answers(capfd, monkeypatch, section)
    assert [each["size"] for each in found] == ["a", "b"]
    assert found[0]["found"] == {"kind": "prepared", "seconds": 1.0, "detail": "made", "works": []}
    assert err.count("chatter") == 2


def test_a_backend_that_is_not_there_is_skipped_at_every_size(capfd, monkeypatch):
    def section(job):
        raise BackendUnavailable("no driver")

    found, _ = answers(capfd, monkeypatch, section)
    assert [(each["size"], each["found"]["outcome"]) for each in found] == [("a", "skipped"), ("b", "skipped")]


def test_what_nobody_foresaw_ends_the_process(capfd, monkeypatch):
    def section(job):
        yield "a", Prepared(seconds=1.0, detail="made")
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        answers(capfd, monkeypatch, section)


def test_versions_are_of_what_was_loaded(monkeypatch):
    monkeypatch.setitem(sys.modules, "tensorrt", type(sys)("tensorrt"))
    monkeypatch.setattr(sys.modules["tensorrt"], "__version__", "10.3.0", raising=False)
    monkeypatch.delitem(sys.modules, "pycuda", raising=False)
    assert child.versions()["tensorrt"] == "10.3.0"
    assert "pycuda" not in child.versions()
