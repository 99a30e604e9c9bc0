import os

import pytest

from edgereader.runtime.diagnosis import host as module


def test_files(make_host):
    host = make_host({"proc/model": "NVIDIA Jetson\0", "a/1/x": "", "a/2/x": ""})
    assert host.read("proc/model") == "NVIDIA Jetson"
    assert host.read("proc/none") is None
    assert host.read("proc/model/below") is None
    assert host.find("a/*") == ["a/1", "a/2"]
    assert host.has("a/1")
    assert not host.has("a/3")
    assert host.unknown == []


def test_a_file_that_cannot_be_read_is_noted_once(make_host):
    host = make_host({"proc/folder/x": ""})
    assert host.read("proc/folder") is None
    assert host.read("proc/folder") is None
    assert host.unknown == ["/proc/folder: Is a directory"]


def test_bytes_that_are_no_text(make_host):
    host = make_host({"x": ""})
    (host.root / "x").write_bytes(b"Orin\xff\n")
    assert host.read("x") == "Orin\ufffd"


def test_commands(make_host, command, monkeypatch):
    host = make_host({})
    monkeypatch.setenv("LC_ALL", "de_DE.UTF-8")
    command("speak", 'echo "$1 $LC_ALL"')
    assert host.run("speak", "; echo no shell") == "; echo no shell C"
    assert host.run("no-such-command") is None
    assert host.unknown == []
    command("fail", "echo must be root >&2; exit 3")
    command("quiet", "exit 4")
    assert host.run("fail", "-q") is None
    assert host.run("quiet") is None
    assert host.unknown == ["fail -q: must be root", "quiet: exit code 4"]


def test_a_command_that_hangs_or_cannot_start(make_host, command, monkeypatch):
    host = make_host({})
    monkeypatch.setattr(module, "PATIENCE_S", 0.2)
    command("hang", "while :; do :; done")
    assert host.run("hang") is None
    command("broken", "")
    (host.root.parent / "commands" / "broken").write_bytes(b"\x7fELF no program")
    assert host.run("broken") is None
    assert host.unknown == ["hang: no answer in 0.2 s", "broken: Exec format error"]


def test_commands_for_administrators_are_found(make_host, tmp_path, command, monkeypatch):
    command("nvpmodel", "echo 15W")
    monkeypatch.setenv("PATH", os.fspath(tmp_path))
    monkeypatch.setattr(module, "ADMIN_FOLDERS", str(tmp_path / "commands"))
    assert make_host({}).run("nvpmodel") == "15W"


def test_a_probe_that_fails_is_noted(make_host):
    host = make_host({"x": "no number"})
    assert host.learn("a number", lambda host: int(host.read("x")), None) is None
    assert host.learn("text", lambda host: host.read("x"), None) == "no number"
    (noted,) = host.unknown
    assert noted.startswith("a number: ValueError: ")
    with pytest.raises(KeyboardInterrupt):
        host.learn("x", _interrupt, None)


def _interrupt(host):
    raise KeyboardInterrupt
