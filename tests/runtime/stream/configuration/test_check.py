import os
import socket
import sqlite3
import subprocess
import threading
import time

import cv2
import numpy as np
import pytest

from edgereader.runtime.stream.configuration import check
from edgereader.runtime.stream.configuration.check import look
from edgereader.runtime.stream.settings import Camera, Evidence, History, Http, JsonLines, Mqtt, Settings
from edgereader.runtime.stream.sinks.mqtt.outbox import Outbox

from ..broker import Listener, needs_mosquitto
from ..fakes import FakeSource, numbered, write_video


@pytest.fixture
def found(tmp_path, monkeypatch):
    """found(state=None, **tables) -> what is said of each table; the camera gives numbered frames."""
    frames = [numbered(number) for number in range(4)]
    monkeypatch.setattr(check, "open_source", lambda _: FakeSource([*frames, None]))

    def found(state=None, without=(), **tables):
        camera = tables.pop("camera", Camera(source=0))
        said = look(Settings(name="cellar", camera=camera, **tables), state, without)
        return {each.what: (each.said, each.wrong) for each in said}

    return found


def test_a_camera_is_told_by_its_picture(found, monkeypatch):
    said, wrong = found()["camera"]
    assert said.startswith("a picture of 320 × 240 px, ")
    assert said.endswith(" frames a second")
    assert not wrong
    assert found(camera=Camera(source=0, turn=90))["camera"][0].startswith("a picture of 240 × 320 px")
    monkeypatch.setattr(check, "open_source", lambda _: FakeSource([np.zeros((8, 8, 3), np.uint8), None]))
    assert found()["camera"] == ("a picture of 8 × 8 px, but it is black: check lens and light", False)
    monkeypatch.setattr(check, "open_source", lambda _: FakeSource([None]))
    assert found()["camera"] == ("0: expected a picture, got none; check the camera, its power and its network", True)
    assert found(without={"camera"}) == {}, "what is wrong already is not opened"


def test_a_video_has_the_speed_of_its_frames_and_pictures_have_none(tmp_path):
    camera = Camera(source=str(write_video(tmp_path / "a.avi", fps=10)))
    assert str(look(Settings(camera=camera), None)[0]) == "camera: a picture of 320 × 240 px, 10.0 frames a second"
    (tmp_path / "pictures").mkdir()
    cv2.imwrite(str(tmp_path / "pictures/1.png"), numbered(9))
    camera = Camera(source=str(tmp_path / "pictures"))
    assert str(look(Settings(camera=camera), None)[0]) == "camera: a picture of 320 × 240 px"


def test_what_does_not_answer_is_given_up_and_the_rest_is_said(found, monkeypatch):
    monkeypatch.setattr(check, "LIMIT_S", 0.2)
    hangs = threading.Event()
    monkeypatch.setattr(check, "open_source", lambda _: FakeSource([hangs, None]))
    said = found(http=Http(port=0))
    hangs.set()
    assert said["camera"][0].startswith("expected an answer within 0.2 s, got none")
    assert said["http"] == ("port 0 is free", False)


def test_a_port_that_is_taken(found):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        said, wrong = found(http=Http(port=taken.getsockname()[1]))["http"]
    assert wrong
    assert "expected a free port, got: Address already in use; choose another port" in said


def test_files_are_looked_at_and_left_as_they_are(found, tmp_path):
    tables = {
        "jsonl": [JsonLines(path=str(tmp_path / "a.jsonl"))],
        "history": History(path=str(tmp_path / "h.sqlite")),
        "evidence": Evidence(keep="all", folder=str(tmp_path / "deep/er")),
    }
    said, wrong = found(tmp_path / "s.sqlite", **tables)["files"]
    assert said.startswith("4 to write, ")
    assert not wrong
    assert list(tmp_path.iterdir()) == []


def test_files_that_are_anothers_in_use_or_nowhere(found, tmp_path, monkeypatch):
    path = tmp_path / "q.sqlite"
    mqtt = Mqtt(host="127.0.0.1", port=9, queue=str(path))
    queue = Outbox(path, 9)
    said, wrong = found(mqtt=mqtt)["files"]
    queue.close()
    assert wrong
    assert said.endswith("got one in use; give each stream a path of its own; or this stream runs already")
    assert not found(mqtt=mqtt)["files"][1]
    with sqlite3.connect(tmp_path / "h.sqlite") as theirs:
        theirs.execute("CREATE TABLE theirs (x)")
    theirs.close()
    assert "another program's file" in found(history=History(path=str(tmp_path / "h.sqlite")))["files"][0]
    (tmp_path / "bad.sqlite").write_bytes(b"no database " * 100)
    assert "damaged or foreign" in found(history=History(path=str(tmp_path / "bad.sqlite")))["files"][0]
    nowhere = tmp_path / "nix/a.jsonl"
    assert found(jsonl=[JsonLines(path=str(nowhere))])["files"] == (
        f"{nowhere}: expected a folder that is there, got none; make it: mkdir -p {nowhere.parent}",
        True,
    )
    monkeypatch.setattr(os, "access", lambda *_: False)
    assert "check its owner" in found(history=History(path=str(path)))["files"][0]
    monkeypatch.setattr(check, "LEAST_BYTES", 1 << 62)
    monkeypatch.undo()
    monkeypatch.setattr(check, "LEAST_BYTES", 1 << 62)
    assert "on the disk, got less; make room" in str(look(Settings(camera=Camera(source=0)), path)[-1])


@needs_mosquitto
def test_a_broker_is_told_by_how_it_is_reached_and_what_one_may_say(found, mosquitto, tmp_path):
    port, table = mosquitto().port, {"queue": str(tmp_path / "q.sqlite")}
    with Listener(port) as listener:
        rights = "may publish under edgereader/cellar and homeassistant/device/edgereader_cellar"
        assert found(mqtt=Mqtt(host="127.0.0.1", port=port, **table))["mqtt"] == (f"connected, MQTT 5, {rights}", False)
        old = Mqtt(host="127.0.0.1", port=port, version="3.1.1", home_assistant="", **table)
        assert found(mqtt=old)["mqtt"][0] == "connected, MQTT 3.1.1, which does not tell what one may publish"
        assert all(payload == b"" and not retained for _, payload, retained in listener.messages)
        assert {topic.rpartition("/")[2] for topic, _, _ in listener.messages} <= {"check"}


@needs_mosquitto
def test_a_broker_that_refuses_says_what(found, mosquitto, tmp_path):
    table = {"host": "127.0.0.1", "queue": str(tmp_path / "q.sqlite")}
    (tmp_path / "rights").write_text("topic readwrite edgereader/#\n")
    said, wrong = found(mqtt=Mqtt(port=mosquitto(f"acl_file {tmp_path}/rights").port, **table))["mqtt"]
    assert wrong
    assert "homeassistant/device/edgereader_cellar/check is refused: Not authorized; check username" in said
    (tmp_path / "passwords").write_text("")
    said, wrong = found(mqtt=Mqtt(port=mosquitto(f"password_file {tmp_path}/passwords").port, **table))["mqtt"]
    assert wrong
    assert "refused: Not authorized; check username and password" in said
    said, wrong = found(mqtt=Mqtt(port=9, **table))["mqtt"]
    assert said == "mqtt 127.0.0.1:9: Connection refused; check host, port, tls, and whether the broker runs"
    with socket.create_server(("127.0.0.1", 0)) as mute:
        started = time.monotonic()
        said, wrong = found(mqtt=Mqtt(port=mute.getsockname()[1], **table))["mqtt"]
        assert "no answer, is this a broker of MQTT 5?" in said
        assert time.monotonic() - started < check.LIMIT_S


@needs_mosquitto
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_a_broker_over_tls(found, mosquitto, tmp_path):
    new = ("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost")
    files = ("-addext", "subjectAltName=DNS:localhost", "-keyout", "key.pem", "-out", "cert.pem")
    subprocess.run(["openssl", *new, *files], cwd=tmp_path, check=True, capture_output=True)
    port = mosquitto(f"certfile {tmp_path}/cert.pem", f"keyfile {tmp_path}/key.pem").port
    table = {"port": port, "queue": str(tmp_path / "q.sqlite"), "tls": True}
    trusted = Mqtt(host="localhost", ca_file=str(tmp_path / "cert.pem"), **table)
    assert found(mqtt=trusted)["mqtt"][0].startswith("connected by TLS, MQTT 5, may publish")
    said, wrong = found(mqtt=Mqtt(host="localhost", **table))["mqtt"]
    assert wrong
    assert f"mqtt localhost:{port}: TLS: self" in said
