from pathlib import Path

from edgereader.runtime.reader import Reader
from edgereader.runtime.stream.configuration.plan import plan
from edgereader.runtime.stream.settings import (
    Camera,
    Detection,
    Evidence,
    History,
    Http,
    JsonLines,
    Mqtt,
    Number,
    Reading,
    Settings,
)


def test_the_least(bundle_folder):
    reader = Reader(bundle_folder, "cpu")
    rows = dict(plan(Settings(camera=Camera(source=0), reader=Reading(bundle="mine")), reader, Path("/a.json")))
    assert rows == {
        "stream": "camera",
        "camera": "0, latest frame",
        "reader": "mine: detector on cpu in fp32, recognizer on cpu in fp32",
        "detect": "every 50 frames, on motion, when unsure",
        "number": "number: free, whole picture, sure from 95% and 3 frames",
        "print": "a line for each event on standard output",
        "state": "/a.json",
    }


def test_everything_and_no_secret(bundle_folder, tmp_path):
    (tmp_path / "token").write_text("geheim-geheim-geheim")
    meter = Number(
        name="water", kind="counter", digits=8, decimals=3, region=[(0, 0), (1, 0), (1, 1)], pattern="[0-9]+"
    )
    settings = Settings(
        name="cellar",
        camera=Camera(source="rtsp://me:geheim@host/1", preset="jetson-rtsp", every_frame=True),
        detect=Detection(every_frames=5, motion=False, unsure=False),
        number=[meter, Number(name="gate", kind="plate")],
        mask=[[(0, 0), (1, 0), (1, 1)]],
        jsonl=[JsonLines(), JsonLines(path="/a")],
        mqtt=Mqtt(host="broker", tls=True, username="me", password_file="/password"),
        http=Http(host="::1", token_file=str(tmp_path / "token")),
        history=History(path="/h"),
        evidence=Evidence(keep="unsure", folder="/e"),
    )
    rows = list(plan(settings, Reader(bundle_folder, "cpu"), Path("/cellar.state.sqlite")))
    sure = "sure from 95% and 3 frames"
    assert rows[1] == ("camera", "rtsp://***@host/1, jetson-rtsp, every frame of a file")
    assert rows[3:] == [
        ("detect", "every 5 frames"),
        (
            "number",
            f"water: counter, 8 digits, 3 behind the point, region of 3 corners, pattern [0-9]+, {sure}",
        ),
        ("number", "gate: plate, whole picture, sure from 95% and 3 frames"),
        ("mask", "1 part of the picture"),
        ("jsonl", "standard output"),
        ("jsonl", "/a, 5 more of 10 MB"),
        ("mqtt", "broker:1883, TLS, user me, topics edgereader/cellar/..., discovery under homeassistant"),
        ("http", "http://[::1]:8765/, with a token"),
        ("history", "/h, 90 days, up to 100 MB"),
        ("evidence", "unsure in /e, up to 100 MB"),
        ("state", "/cellar.state.sqlite"),
    ]
    assert "geheim" not in str(rows)


def test_tenths_of_the_last_wheel_are_one_more_digit(bundle_folder):
    meter = Number(name="water", kind="counter", digits=6, decimals=3, wheels=True, tenths=True)
    rows = dict(plan(Settings(camera=Camera(source=0), number=[meter]), Reader(bundle_folder, "cpu"), None))
    assert rows["number"].startswith(
        "water: counter, 7 digits, 4 behind the point, the last one tenths of a wheel, whole picture"
    )
