import os
import shutil
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest

from edgereader.runtime.errors import SinkError
from edgereader.runtime.stream.numbers.events import Event
from edgereader.runtime.stream.settings import JsonLines
from edgereader.runtime.stream.sinks import jsonl as module
from edgereader.runtime.stream.sinks.jsonl import LogFile, StandardOutput

from ..fakes import files_up_to
from ..made import make_event


@pytest.fixture
def path(tmp_path):
    (tmp_path / "log").mkdir()
    return tmp_path / "log" / "events.jsonl"


def numbers(path) -> list[int]:
    """What the lines of a file say; each must be a whole event."""
    lines = path.read_bytes().splitlines(keepends=True)
    assert all(line.endswith(b"\n") for line in lines)
    return [int(msgspec.json.decode(line, type=Event).text) for line in lines]


def test_each_event_is_a_line_at_once(path):
    sink = LogFile(JsonLines(path=str(path)))
    for number in range(3):
        sink.take(make_event(number))
        assert numbers(path) == list(range(number + 1))
    assert msgspec.json.decode(path.read_bytes().splitlines()[2], type=Event) == make_event(2)
    sink.close(1)
    sink = LogFile(JsonLines(path=str(path)))
    sink.take(make_event(3))
    sink.close(1)
    assert numbers(path) == [0, 1, 2, 3]


@pytest.mark.parametrize(
    ("lines", "keep", "kept"),
    [
        (3.5, 2, {"events.jsonl.2": [13, 14, 15], "events.jsonl.1": [16, 17, 18], "events.jsonl": [19, 20]}),
        (1.5, 0, {"events.jsonl": [20]}),
        (0.1, 1, {"events.jsonl.1": [19], "events.jsonl": [20]}),
    ],
    ids=["bounded", "nothing old", "an event larger than a file"],
)
def test_files_are_rotated_and_their_number_is_bounded(path, lines, keep, kept):
    line = len(msgspec.json.encode(make_event(10))) + 1
    sink = LogFile(JsonLines(path=str(path), rotate_mb=lines * line / 1e6, keep=keep))
    for number in range(10, 21):
        sink.take(make_event(number))
    sink.close(1)
    assert {file.name: numbers(file) for file in path.parent.iterdir()} == kept


def test_a_line_is_whole_or_not_there_on_a_full_disk(path):
    sink = LogFile(JsonLines(path=str(path)))
    sink.take(make_event(0))
    with files_up_to(int(2.5 * path.stat().st_size)):
        sink.take(make_event(1))
        for _ in range(2):
            with pytest.raises(SinkError, match=f"{path}: expected to write events, got:.*; check the disk"):
                sink.take(make_event(2))
        assert numbers(path) == [0, 1]
        assert sink.last_id == make_event(1).id
    sink.take(make_event(2))
    assert numbers(path) == [0, 1, 2]
    sink.close()


def test_a_vanished_folder_is_an_error_until_it_is_back(path):
    sink = LogFile(JsonLines(path=str(path)))
    sink.take(make_event(0))
    shutil.rmtree(path.parent)
    with pytest.raises(SinkError, match="No such file or directory"):
        sink.take(make_event(1))
    path.parent.mkdir()
    sink.take(make_event(1))
    assert numbers(path) == [1]
    sink.close()


def test_an_event_that_is_there_is_not_written_again(path):
    """Nor after a restart, nor when its file was full and is FILE.1 now."""
    large = JsonLines(path=str(path), rotate_mb=1e-6)
    sink = LogFile(large)
    for number in (1, 2, 2, 1):
        sink.take(make_event(number))
    sink.close()
    assert (numbers(path.with_name("events.jsonl.1")), numbers(path)) == ([1], [2])
    again = LogFile(large)
    assert again.last_id == make_event(2).id
    again.take(make_event(2))
    again.close()
    path.write_bytes(b"")
    assert LogFile(large).last_id == make_event(1).id
    assert numbers(path) == []


@pytest.mark.parametrize(
    ("tail", "last"), [(b"my own notes\n", 5), (b'{"mine":1}\n', 5), (b'{"id":7, "at', 5), (b"", 5)]
)
def test_the_last_event_of_a_file_is_found_whatever_follows(path, tail, last):
    path.write_bytes(b'{"id":4}\n{"id":5}\n' + tail)
    assert LogFile(JsonLines(path=str(path))).last_id == last


def test_a_file_that_was_moved_away_is_begun_anew(path):
    sink = LogFile(JsonLines(path=str(path)))
    sink.take(make_event(0))
    path.rename(path.with_name("old"))
    sink.take(make_event(1))
    sink.close(1)
    assert (numbers(path.with_name("old")), numbers(path)) == ([0], [1])


@pytest.mark.parametrize(
    ("tail", "kept"),
    [(b'{"id":170000, "at', b""), (b'{"mine":1}', b'{"mine":1}\n'), (b"my own notes", b"my own notes\n"), (b"", b"")],
)
def test_half_a_line_of_a_power_cut_is_cut_off_and_anything_else_is_ended(path, tail, kept):
    before = b'{"id":1}\n'
    assert msgspec.json.encode(make_event()).startswith(module.START), "as the one that is cut off begins"
    path.write_bytes(before + tail)
    sink = LogFile(JsonLines(path=str(path)))
    sink.take(make_event(1))
    sink.close(1)
    assert path.read_bytes() == before + kept + msgspec.json.encode(make_event(1)) + b"\n"


def test_a_file_that_can_never_be_written_is_an_error_at_the_start(tmp_path):
    for path, got in (
        (tmp_path / "no" / "x", "No such file"),
        (tmp_path, "Is a directory"),
        ("/dev/full", "no regular"),
    ):
        with pytest.raises(SinkError, match=f"{path}: expected a file for events, got: {got}"):
            LogFile(JsonLines(path=str(path)))
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(SinkError, match="no regular file"):
        LogFile(JsonLines(path=str(tmp_path / "pipe")))


SCRIPT = """
import sys
sys.path.insert(0, {tests!r})
from made import make_event
from edgereader.runtime.stream.sinks.jsonl import StandardOutput
sink = StandardOutput()
try:
    for number in range(100_000):
        sink.send(make_event(number, text="½"), None)
except BrokenPipeError:
    sink.close(1)
    sys.exit(7)
"""


def test_standard_output_has_each_event_at_once_and_a_broken_pipe_is_reported_without_complaint(request):
    script = SCRIPT.format(tests=str(request.path.parents[1]))
    environment = {**os.environ, "LC_ALL": "C", "PYTHONIOENCODING": "ascii"}
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    with subprocess.Popen([sys.executable, "-c", script], env=environment, **pipes) as process:
        assert msgspec.json.decode(process.stdout.readline(), type=Event) == make_event(0, text="½")
        process.stdout.close()
        complaint = process.stderr.read()
    assert (process.returncode, complaint) == (7, b"")


def test_standard_output_on_a_full_disk_is_said_once(monkeypatch, caplog):
    sink = StandardOutput()
    with monkeypatch.context() as patch, Path("/dev/full").open("w") as full, Path(os.devnull).open("w") as nowhere:
        patch.setattr(sys, "stdout", full)
        for number in range(3):
            sink.send(make_event(number), None)
        os.dup2(nowhere.fileno(), full.fileno())  # for what it still holds
    assert caplog.messages == ["standard output: expected to write events, got: No space left on device; some are lost"]
