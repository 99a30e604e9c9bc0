import json
import signal
import socket
import sqlite3
import subprocess
import sys

import cv2
import httpx
import pytest
from click.testing import CliRunner

from edgereader.runtime.cli import main
from edgereader.runtime.stream.cli import EXAMPLE
from edgereader.runtime.stream.configuration.config import load
from edgereader.runtime.stream.settings import Evidence as Keeping
from edgereader.runtime.stream.settings import Settings
from edgereader.runtime.stream.sinks.evidence import Evidence
from edgereader.runtime.stream.sinks.journal import Journal
from edgereader.runtime.stream.sinks.mqtt.outbox import Outbox

from .broker import free_port
from .fakes import files_up_to, until

PROGRAM = [sys.executable, "-c", "from edgereader.runtime.cli import main; main()", "stream"]
FAST = ("--backend", "cpu", "--threads", "1", "--min-confidence", "0.1")


@pytest.fixture
def pictures(tmp_path, scene):
    """A folder of five equal pictures in which the test bundle reads 7 and 5."""
    (tmp_path / "pictures").mkdir()
    for number in range(5):
        cv2.imwrite(str(tmp_path / f"pictures/{number}.png"), scene)
    return tmp_path / "pictures"


@pytest.fixture
def run(bundle_folder, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    def run(*arguments, bundle=("--bundle", bundle_folder), **options):
        return CliRunner().invoke(main, ["stream", *map(str, (*arguments, *bundle, *FAST))], **options)

    return run


def failed(result, code=2):
    """The lines of a failure."""
    assert result.exit_code == code, result.output
    assert result.stdout == ""
    assert "Traceback" not in result.stderr
    return result.stderr.splitlines()


def test_a_source_is_read_and_printed_line_by_line(run, pictures, tmp_path):
    result = run("--every-frame", pictures)
    assert result.exit_code == 0, result.output
    found = [line.split("  ")[1:3] for line in result.stdout.splitlines()]
    assert sorted(found) == [["number", "5"], ["number", "7"]]
    assert result.stderr.startswith("5 frames, 0 dropped, 0 broken, 0 failed, ")
    assert result.stderr.count("\n") == 1
    assert [path.name for path in tmp_path.iterdir()] == ["pictures"], "nothing is written unasked"


def test_json_goes_to_standard_output_and_to_files(run, pictures, tmp_path):
    result = run("--every-frame", "--json", "--jsonl", "a.jsonl", "--name", "x", pictures)
    events = [json.loads(line) for line in result.stdout.splitlines()]
    assert sorted(event["text"] for event in events) == ["5", "7"]
    assert {event["stream"] for event in events} == {"x"}
    assert (tmp_path / "a.jsonl").read_text() == result.stdout


def test_a_configuration_is_run_and_options_go_before_it(run, pictures, tmp_path):
    (tmp_path / "elsewhere").mkdir()
    text = '[camera]\nsource = "../pictures"\nevery_frame = true\n[[number]]\nname = "shirt"\n'
    (tmp_path / "elsewhere/a.TOML").write_text(f'{text}[[jsonl]]\npath = "a.jsonl"\n')
    result = run("elsewhere/a.TOML", "--region", "0,0.6 1,1", "--jsonl", "b.jsonl", "--folder", "other")
    assert result.exit_code == 75, "the folder is not there yet"
    (tmp_path / "other").mkdir()
    result = run("elsewhere/a.TOML", "--region", "0,0.6 1,1", "--jsonl", "b.jsonl", "--folder", "other")
    assert (result.exit_code, result.stdout) == (0, ""), result.output
    (event,) = [json.loads(line) for line in (tmp_path / "other/a.jsonl").read_text().splitlines()]
    assert (event["text"], event["name"]) == ("5", "shirt")
    assert (tmp_path / "b.jsonl").read_text() == (tmp_path / "other/a.jsonl").read_text()


def test_the_example_is_printed_and_right(run, tmp_path):
    result = CliRunner().invoke(main, ["stream", "--example"])
    assert result.stdout == EXAMPLE.read_text(encoding="utf-8")
    (tmp_path / "a.toml").write_text(result.stdout)
    assert load(tmp_path / "a.toml").camera.source == 0


def test_check_says_what_would_run_and_runs_nothing(run, pictures, tmp_path):
    before = sorted(tmp_path.iterdir())
    result = run("--check", "--keep", "all", "--history", "h", "--kind", "counter", "--http", "8000", pictures)
    assert result.exit_code == 0, result.output
    rows = dict(line.split(maxsplit=1) for line in result.stdout.splitlines())
    assert rows["camera"] == f"{pictures}, latest frame"
    assert rows["reader"].endswith("detector on cpu in fp32, recognizer on cpu in fp32")
    assert rows["http"] == "http://127.0.0.1:8000/, without a token"
    assert sorted(tmp_path.iterdir()) == before


def test_check_says_all_that_is_wrong(run, tmp_path):
    (tmp_path / "a.toml").write_text("name = 1\n[camera]\nsource = 0\nfps = 'x'\n[nix]\n")
    assert failed(run("--check", "a.toml")) == [
        "error: a.toml:1: name: expected 1 to 64 of A-Z, a-z, 0-9, - and _, the first no sign, got 1",
        'error: a.toml:4: camera.fps: expected a number from 0 to 1000, got the text "x"',
        "error: a.toml:5: nix: expected a known key, got this one; known are " + ", ".join(Settings.__struct_fields__),
    ]
    (line,) = failed(run("a.toml"))
    assert line.endswith("got 1 (and 2 more: edgereader stream --check a.toml)")


def test_the_schema_is_printed(run):
    schema = json.loads(CliRunner().invoke(main, ["stream", "--schema"]).stdout)
    assert schema["$defs"]["Settings"]["required"] == ["camera"]


def test_check_says_how_what_it_opened_is(run, pictures):
    result = run("--check", "--history", "h.sqlite", "--http", free_port(), pictures)
    assert result.exit_code == 0, result.output
    opened = [line.split(maxsplit=1)[1] for line in result.stdout.splitlines() if line.startswith("opened")]
    assert [line.split(": ")[0] for line in opened] == ["camera", "http", "files"]
    assert opened[0] == "camera: a picture of 640 × 480 px"


def test_check_lists_what_does_not_open_beside_what_is_wrong(run, pictures, tmp_path):
    taken, port = taken_port()
    result = run("--check", "--history", "nix/h.sqlite", *port, pictures)
    taken.close()
    assert result.exit_code == 75
    assert "stream    camera" in result.stdout
    assert [line.split(": ")[:2] for line in result.stderr.splitlines()] == [["error", "http"], ["error", "files"]]
    text = f'name = 1\n[camera]\nsource = "{pictures}"\n[http]\nport = {port[1]}\n[history]\npath = "nix/h"\n'
    (tmp_path / "a.toml").write_text(text)
    lines = failed(run("--check", "a.toml", "--bundle", "nix", bundle=()))
    assert [line.split(": ")[1][:6] for line in lines] == ["a.toml", "no bun", "files"]


def test_check_opens_the_bundle(run, tmp_path):
    (tmp_path / "a.toml").write_text("[camera]\nsource = 0\n[reader]\nbundle = 'nix'\n")
    assert failed(run("--check", "a.toml", bundle=()))[0].startswith("error: no bundle 'nix'")


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ((), "expected a SOURCE or a CONFIG.toml, got none"),
        (("nix.mp4",), "error: command line: camera.source: expected a file or folder that is there"),
        (("nix.toml",), "error: nix.toml: expected a configuration, got: No such file or directory"),
        (("0", "--region", "1 2"), "expected corners such as '0.1,0.2 0.9,0.4', got '1 2'"),
        (("0", "--region", "0,0 0,1 0,0.5"), "error: command line: number.region: expected corners around an area"),
        (("0", "--region", "0,0 2,2"), "error: command line: number.region: expected a number from 0 to 1, got 2"),
        (("0", "--http", "a:b:c"), "expected [HOST:]PORT, got something else"),
        (("0", "--http", "0.0.0.0:80"), "error: command line: http.host: 0.0.0.0: expected a token"),
        (("0", "--mqtt", "mqtt://me:geheim@host"), "expected HOST[:PORT], got something else"),
        (("0", "--mqtt", "host:99999"), "error: command line: mqtt.port: expected a whole number from 1 to 65535"),
        (("0", "--name", "a/b"), "error: command line: name: expected 1 to 64 of"),
        (
            ("0", "--decimal", ",", "--thousands", ".,"),
            "error: command line: reader.thousands: expected other characters than decimal, got the same one",
        ),
        (("0", "--mqtt", "host"), "error: command line: name: expected a name of its own for a stream with mqtt"),
    ],
)
def test_a_wrong_option_is_reported_in_a_line(run, monkeypatch, arguments, expected):
    monkeypatch.delenv("EDGEREADER_TOKEN", raising=False)
    lines = failed(run(*arguments))
    assert expected in lines[-1]
    assert "geheim" not in "".join(lines)


def taken_port():
    taken = socket.create_server(("127.0.0.1", 0))
    return taken, ("--http", taken.getsockname()[1])


def held_folder(path):
    return Evidence(Keeping(keep="all", folder=str(path / "edgereader-evidence"))), ("--keep", "all")


def held_log(path):
    return Journal(path / "h.state.sqlite"), ("--history", "h.sqlite")


def held_queue(path):
    queue = Outbox(path / "edgereader-mqtt.sqlite", 9)
    return queue, ("--mqtt", "127.0.0.1", "--name", "gate")


def no_folder(_path):
    return None, ("--jsonl", "nix/a.jsonl")


SLOWER = [pytest.param(trouble, marks=pytest.mark.slow) for trouble in (held_folder, held_log, no_folder)]


@pytest.mark.parametrize("trouble", [taken_port, held_queue, *SLOWER])
def test_what_may_pass_has_an_exit_code_of_its_own(run, pictures, tmp_path, monkeypatch, trouble):
    """And nothing is left of the first try: once it has passed, the same command runs."""
    monkeypatch.setattr("edgereader.runtime.stream.run.CLOSE_S", 0.1)
    monkeypatch.setattr("edgereader.runtime.stream.sinks.database.WAIT_S", 0.05)
    held, arguments = trouble() if trouble is taken_port else trouble(tmp_path)
    (line,) = failed(run("--every-frame", *arguments, pictures), code=75)
    assert line.startswith("error: ")
    if held is None:
        (tmp_path / "nix").mkdir()
    else:
        held.close(*[0] * isinstance(held, Evidence))
    result = run("--every-frame", "--seconds", 20, *arguments, pictures)
    assert result.exit_code == 0, result.output


def test_a_disk_that_is_full_at_the_start_may_pass(run, pictures):
    with files_up_to(100):
        assert "error: " in failed(run("--every-frame", "--history", "h.sqlite", pictures), code=75)[0]
    assert run("--every-frame", "--history", "h.sqlite", pictures).exit_code == 0


def test_another_programs_file_is_a_wrong_word(run, pictures, tmp_path):
    (tmp_path / "h.sqlite").write_bytes(b"")
    database = sqlite3.connect(tmp_path / "h.sqlite")
    database.execute("CREATE TABLE theirs (x)")
    database.close()
    assert "another program's file" in failed(run("--every-frame", "--history", "h.sqlite", pictures))[0]


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("8000", {"port": 8000}),
        ("host", {"host": "host"}),
        ("h:80", {"host": "h", "port": 80}),
        ("[::1]:80", {"host": "::1", "port": 80}),
    ],
)
def test_addresses(value, expected):
    from edgereader.runtime.stream.cli import address

    assert address(None, None, value) == expected


def test_the_seconds_are_over(run, pictures):
    result = run("--every-frame", "--loop", "--seconds", "0.2", pictures)
    assert result.exit_code == 0, result.output
    assert " frames, " in result.stderr


def test_a_file_that_is_no_video_is_an_error_and_another_exit_code(run, tmp_path):
    (tmp_path / "a.mp4").write_bytes(b"nothing" * 100)
    assert failed(run("a.mp4"), code=1)[0].startswith("error: ")


@pytest.fixture
def start(bundle_folder, pictures, tmp_path):
    """Start the command as a process that plays the pictures again and again."""
    started = []

    def start(*arguments):
        command = [*PROGRAM, "--every-frame", "--loop", "--bundle", bundle_folder, *FAST, *arguments, pictures]
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
        started.append(subprocess.Popen(list(map(str, command)), cwd=tmp_path, text=True, **pipes))
        return started[-1]

    yield start
    for process in started:
        process.kill()
        process.communicate()


def test_sigterm_stops_it_cleanly(start, tmp_path):
    process = start("--json", "--jsonl", "a.jsonl", "--history", "h.sqlite")
    lines = [process.stdout.readline() for _ in range(2)]
    process.send_signal(signal.SIGTERM)
    rest, errors = process.communicate(timeout=30)
    assert process.returncode == 0, errors
    assert " frames, " in errors
    assert errors.count("\n") == 1
    assert (tmp_path / "a.jsonl").read_text() == "".join(lines) + rest
    assert not list(tmp_path.glob("*.sqlite-wal")), "the history is closed"


def test_the_live_page_is_there_while_it_runs(start):
    port = free_port()
    process = start("--http", port)
    url = process.stderr.readline().removeprefix("live page: ").strip()
    assert url == f"http://127.0.0.1:{port}/"
    assert [process.stdout.readline() for _ in range(2)]
    until(lambda: len(httpx.get(f"{url}history").json()["events"]) == 2)
    assert httpx.get(f"{url}state").json()["counts"]["events"] == 2
    process.send_signal(signal.SIGTERM)
    assert process.wait(30) == 0
    with pytest.raises(httpx.ConnectError):
        httpx.get(url)


def test_setting_up_begins_with_a_file_and_what_is_saved_is_read_without_a_restart(start, tmp_path):
    process = start("--setup", "--http", free_port(), "--name", "cellar")
    words, url, token = (process.stderr.readline().partition(": ")[2].strip() for _ in range(3))
    assert words == "cellar.toml"
    assert token == f"{url}, with the token of {tmp_path}/cellar.token", "no terminal sees the token itself"
    headers = {"Authorization": f"Bearer {(tmp_path / 'cellar.token').read_text().strip()}"}
    assert httpx.get(f"{url}setup").status_code == 401
    until(lambda: httpx.get(f"{url}setup/frame.jpg", headers=headers).status_code == 200)
    edit = {"revision": httpx.get(f"{url}setup", headers=headers).json()["revision"], "mask": []}
    edit["number"] = [{"was": None, "name": "door", "region": [[0.5, 0.6], [1, 0.6], [1, 1], [0.5, 1]]}]
    assert httpx.post(f"{url}setup", headers=headers, json=edit).status_code == 200

    def readings():
        return [(each["name"], each["text"]) for each in httpx.get(f"{url}state", headers=headers).json()["readings"]]

    until(lambda: readings() == [("door", "5")])
    process.send_signal(signal.SIGTERM)
    assert process.wait(30) == 0
    settings = load(tmp_path / "cellar.toml")
    assert (settings.number[0].name, settings.camera.loop, settings.name) == ("door", True, "cellar")


@pytest.mark.parametrize("option", [(), ("--json",)])
def test_a_reader_that_goes_away_ends_it_quietly(start, option):
    process = start("--kind", "plate", *option)
    process.stdout.close()
    assert process.wait(30) == 0
    (line,) = process.stderr.read().splitlines()
    assert " frames, " in line


WITHOUT_EXTRA = """
import sys
for name in ("paho", "starlette", "uvicorn"):
    sys.modules[name] = None
from edgereader.runtime.cli import main
main()
"""


@pytest.mark.parametrize(
    ("option", "code", "expected"),
    [
        ((), 0, "5 frames"),
        (("--http", "8000"), 2, "error: edgereader stream needs starlette: pip install 'paho-mqtt"),
        (("--mqtt", "host", "--name", "gate"), 2, "pip install"),
    ],
)
def test_what_needs_the_extra_says_so_and_the_rest_does_without(
    pictures, bundle_folder, tmp_path, option, code, expected
):
    command = ["stream", "--every-frame", "--bundle", str(bundle_folder), *FAST, *option, str(pictures)]
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT_EXTRA, *command], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == code, done.stderr
    assert expected in done.stderr
    assert done.stderr.count("\n") == 1
