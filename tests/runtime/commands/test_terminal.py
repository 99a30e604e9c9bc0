"""`edgereader read` as a shell starts it: streams that are closed or full, names of any bytes, pipes, and signals."""

import ctypes
import errno
import io
import json
import os
import signal
import struct
import subprocess
import sys
import time
import zlib
from pathlib import Path

import cv2
import pytest

from edgereader.runtime import Reader
from edgereader.runtime.bundles.writing import append_whole
from edgereader.runtime.commands import batch
from edgereader.runtime.commands.batch import read_all, shown
from edgereader.runtime.commands.terminal import ARENAS, Heedless, ended_in_order

COMMAND = f"{sys.executable} -c 'from edgereader.runtime.cli import main; main()'"


@pytest.fixture
def shell(bundle_folder, tmp_path, scene):
    """shell('read a.png > x') → what became of it, in a folder with a.png; `read` and `split` are edgereader's."""
    cv2.imwrite(str(tmp_path / "a.png"), scene)

    def run(line, **options):
        functions = f'read() {{ {COMMAND} read --bundle {bundle_folder} "$@"; }}\n'
        functions += f'split() {{ {COMMAND} split --bundle {bundle_folder} "$@"; }}\n'
        done = subprocess.run(
            ["bash", "-c", functions + line], cwd=tmp_path, capture_output=True, timeout=60, check=False, **options
        )
        assert b"Traceback" not in done.stderr
        assert b"Exception ignored" not in done.stderr
        return done

    return run


@pytest.mark.parametrize(
    ("line", "code", "texts"),
    [
        ("read a.png --json 2>/dev/full", 0, 2),
        pytest.param("read a.png no.png --json 2>/dev/full", 1, 2, marks=pytest.mark.slow),
        ("read a.png --json -v 2>&-", 0, 2),
        pytest.param("read a.png --json -v 2> >(exit)", 0, 2, marks=pytest.mark.slow),
        pytest.param("read a.png --json <&-", 0, 2, marks=pytest.mark.slow),
        ("read - --json <&-", 1, 0),
        pytest.param("read a.png --json >&-", 0, None, marks=pytest.mark.slow),
        ("read a.png --json >&- 2>&- <&-", 0, None),
        ("read a.png --json >/dev/full", 75, None),
        pytest.param("read nix.png --json >/dev/full", 75, None, marks=pytest.mark.slow),
    ],
)
def test_streams_that_are_closed_or_full(shell, line, code, texts):
    done = shell(line)
    assert done.returncode == code
    if texts is None:
        assert done.stdout == b""
    else:
        found = json.loads(done.stdout.splitlines()[0])
        assert len(found.get("readings", [])) == texts
        assert ("error" in found) == (texts == 0)


def test_a_file_never_takes_the_place_of_a_closed_stream(shell, tmp_path):
    assert shell("read a.png --save out >&- 2>&- <&-").returncode == 0
    assert cv2.imread(str(tmp_path / "out" / "a.png")) is not None


NAMES = [b"caf\xe9.png", b"\xff\xfe.png", b"new\nline.png", "ümläut 字.png".encode(), b"\xed\xa0\x80.png"]


def test_names_of_any_bytes(shell, tmp_path):
    (tmp_path / "in").mkdir()
    for name in NAMES:
        path = Path(os.fsdecode(os.fsencode(tmp_path / "in") + b"/" + name))
        path.write_bytes((tmp_path / "a.png").read_bytes())
        path.with_suffix(".jpg").write_bytes(b"no picture")
    done = shell("read in --json --save out; split in --to digits; PYTHONIOENCODING=ascii read in")
    assert done.returncode == 1
    found = [json.loads(line) for line in done.stdout.splitlines()[: 2 * len(NAMES)]]
    shown = sorted("in/" + name.decode("utf-8", "backslashreplace") for name in NAMES)
    whole = [each for each in found if "readings" in each]
    assert sorted(each["path"] for each in whole) == shown
    assert all([reading["text"] for reading in each["readings"]] == ["7", "5"] for each in whole)
    assert all("got something else" in each["error"] for each in found if each not in whole)
    assert len(list((tmp_path / "out").iterdir())) == len(NAMES)
    photos = {json.loads(line)["photo"] for line in (tmp_path / "digits" / "digits.jsonl").read_text().splitlines()}
    assert photos == set(shown)


def test_names_as_text():
    assert shown("a b ü") == "a b ü"
    assert shown(os.fsdecode(b"caf\xe9\xff")) == "caf\\xe9\\xff"


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("mkfifo pipe; read pipe", b"pipe it to: edgereader read -"),
        ("read /dev/zero", b"pipe it to: edgereader read -"),
        ("read - < /dev/zero", b"standard input: expected a JPEG"),
        ("(printf 'BM'; cat /dev/zero) | read -", b"standard input: expected at most 335544320 bytes, got more"),
        pytest.param("read - < /dev/null", b"standard input: expected a JPEG", marks=pytest.mark.slow),
    ],
)
def test_what_never_ends_is_refused(shell, line, said):
    done = shell(f"ulimit -v 8000000; {line}")
    assert done.returncode == 1
    assert said in done.stderr


def test_a_hang_up_ends_a_batch_with_its_last_words(bundle_folder, tmp_path, scene):
    for number in range(200):
        cv2.imwrite(str(tmp_path / f"{number:03}.png"), scene)
    (tmp_path / "000.png").write_bytes(b"no picture")
    for name, number in (("SIGHUP", signal.SIGHUP), ("SIGTERM", signal.SIGTERM)):
        command = [sys.executable, "-c", "from edgereader.runtime.cli import main; main()", "read", str(tmp_path)]
        process = subprocess.Popen(
            [*command, "--bundle", str(bundle_folder), "--save", str(tmp_path / name)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env={**os.environ, "PYTHONUNBUFFERED": "1"},
        )
        assert b"picture" in process.stdout.readline()
        assert process.stdout.readline()
        process.send_signal(number)
        _, said = process.communicate(timeout=60)
        assert process.returncode == 128 + number
        assert b"1 of 200 could not be read:" in said
        saved = list((tmp_path / name).iterdir())
        assert len(saved) < 199
        assert all(cv2.imread(str(path)) is not None for path in saved)


def test_what_is_ignored_stays_ignored():
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with ended_in_order():
            os.kill(os.getpid(), signal.SIGHUP)
        with pytest.raises(SystemExit) as caught, ended_in_order():
            os.kill(os.getpid(), signal.SIGTERM)
            time.sleep(1)
        assert caught.value.code == 128 + signal.SIGTERM
        assert signal.getsignal(signal.SIGHUP) == signal.SIG_IGN
    finally:
        signal.signal(signal.SIGHUP, before)
    assert signal.getsignal(signal.SIGTERM) == signal.SIG_DFL


@pytest.fixture
def full_disk(monkeypatch):
    """A disk with room for so many more bytes: full_disk(100)."""
    real = io.open

    class Full(io.FileIO):
        left = 0

        def write(self, data):
            if len(data) > Full.left:
                super().write(bytes(data[: Full.left]))
                Full.left = 0
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            Full.left -= len(data)
            return super().write(data)

    def opened(path, mode="r", *args, **options):
        return Full(path, mode.replace("b", "")) if "w" in mode or "a" in mode else real(path, mode, *args, **options)

    def room(count):
        Full.left = count
        monkeypatch.setattr(Path, "open", lambda self, mode="r", *args, **options: opened(self, mode, *args, **options))

    return room


def test_a_full_disk_costs_annotated_pictures_but_no_readings(bundle_folder, tmp_path, scene, full_disk, capsys):
    for name in "abc":
        cv2.imwrite(str(tmp_path / f"{name}.png"), scene)
    sources = [str(tmp_path / f"{name}.png") for name in "abc"]
    reader = Reader(bundle_folder)
    list(read_all(reader, sources[:1], save=tmp_path / "once"))
    room = (tmp_path / "once" / "a.png").stat().st_size * 3 // 2
    outcomes = read_all(reader, sources, save=tmp_path / "out")
    full_disk(room)
    found = list(outcomes)
    assert [[reading["text"] for reading in outcome.readings] for outcome in found] == [["7", "5"]] * 3
    kept = [outcome.unsaved is None for outcome in found]
    assert kept == [True, False, False]
    assert "No space left on device; make room" in found[-1].unsaved
    written = sorted((tmp_path / "out").iterdir())
    assert len(written) == sum(kept), "whole or not at all, and nothing beside"
    assert all(cv2.imread(str(path)) is not None for path in written)
    batch.write_json(found[-1])
    assert set(json.loads(capsys.readouterr().out)) == {"path", "readings", "smallest_text_px", "unsaved"}


def test_lines_are_written_whole_or_not_at_all(tmp_path, full_disk):
    full_disk(30)
    append_whole(tmp_path / "a.tsv", b"one line, of 20 byte")
    with pytest.raises(OSError, match="No space left on device"):
        append_whole(tmp_path / "a.tsv", b"more than the rest\n")
    assert (tmp_path / "a.tsv").read_bytes() == b"one line, of 20 byte"


def test_a_log_that_cannot_be_written_is_no_error():
    log = io.TextIOWrapper(Heedless(os.open("/dev/full", os.O_WRONLY), "w"), "utf-8", write_through=True)
    assert log.write("words\n") == 6
    log.close()


def test_libraries_write_nothing_into_the_log(shell, tmp_path):
    """Of a JPEG that ends early and a PNG with a colour profile that is none, libjpeg and libpng have words."""
    plain = cv2.imencode(".jpg", cv2.imread(str(tmp_path / "a.png")))[1].tobytes()
    (tmp_path / "early.jpg").write_bytes(plain[:-900] + b"\xff\xd9")
    whole = (tmp_path / "a.png").read_bytes()
    profile = b"iCCPnone\0\0none"
    chunk = struct.pack(">I", len(profile) - 4) + profile + struct.pack(">I", zlib.crc32(profile))
    (tmp_path / "profile.png").write_bytes(whole[:33] + chunk + whole[33:])
    (tmp_path / "none.png").write_bytes(whole[:60] + bytes(2000) + whole[-12:])
    done = shell("read early.jpg profile.png none.png --json -v")
    assert done.returncode == 1
    log = done.stderr.decode().splitlines()
    said = [line.partition(":")[0] for line in log]
    assert said == ["recognizer", "detector", "1 of 3 could not be read", "  none.png"]
    library = f"{sys.executable} -c 'from edgereader.runtime.geometry.files import *; read_photo(Path(\"early.jpg\"))'"
    assert b"Corrupt JPEG data" in shell(library).stderr, "a program that uses EdgeReader keeps it"


HEAPS = """
import ctypes, sys, threading
from edgereader.runtime.commands.terminal import give_memory_back
if len(sys.argv) > 1:
    give_memory_back()
libc, all_there, held = ctypes.CDLL(None), threading.Barrier(6), []

def work():
    all_there.wait()
    held.append([bytes(9000) for _ in range(200)])
    all_there.wait()

threads = [threading.Thread(target=work) for _ in range(6)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
libc.fdopen.restype = ctypes.c_void_p
stream = ctypes.c_void_p(libc.fdopen(1, b"w"))
libc.malloc_info(0, stream)
libc.fflush(stream)
"""


@pytest.mark.skipif(not hasattr(ctypes.CDLL(None), "malloc_info"), reason="needs glibc")
def test_threads_share_few_heaps():
    """Each that glibc makes keeps some of what a picture took."""

    def heaps(*given):
        done = subprocess.run([sys.executable, "-c", HEAPS, *given], capture_output=True, check=True)
        return done.stdout.count(b"<heap nr=")

    assert heaps() > ARENAS
    assert heaps("few") <= ARENAS
