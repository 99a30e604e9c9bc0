import cv2
import numpy as np
import pytest
from msgspec.structs import replace

from ..stream.fakes import files_up_to
from .stand import NUMBERS, WRONG_BODIES, make_event

CROP = np.full((30, 100, 3), 120, np.uint8)


@pytest.fixture
def client(stand, visit):
    for number in range(1, 6):
        stand.emit(make_event(number, f"0012{number}"), CROP if number != 5 else None)
    stand.emit(make_event(6, "B-ER 1", "gate", sure=False), CROP)
    return visit(stand.app())


def ids(answer):
    return [event["id"] for event in answer.json()["events"]]


def test_the_newest_events(client):
    events = client.get("/history").json()["events"]
    assert [event["id"] for event in events] == [6, 5, 4, 3, 2, 1]
    assert events[0]["text"] == "B-ER 1"
    assert [event["picture"] for event in events[:3]] == [True, False, True]
    assert events[0]["corrected"] is None
    assert ids(client.get("/history?n=2")) == [6, 5]
    assert ids(client.get("/history?n=2&name=water")) == [5, 4]
    assert ids(client.get("/history?name=nix")) == []


@pytest.mark.parametrize("given", ["0", "-1", "1001", "x", "", "1.5", "٣", "9" * 40, "1%00"])
def test_wrong_numbers(client, given):
    assert client.get(f"/history?n={given}").status_code == 400
    assert client.get(f"/series?hours={given if given != '1001' else 10000}").status_code == 400


def test_without_a_history(stand, visit):
    stand.history = None
    for number in (1, 2):
        stand.board.send(make_event(number, value=number / 2), None)
    stand.board.send(make_event(3, sure=False), None)
    stand.board.send(make_event(4, "B-ER 1", "gate"), None)
    client = visit(stand.app())
    assert ids(client.get("/history?name=water&n=2")) == [3, 2]
    points = client.get("/series?name=water&hours=8000").json()["points"]
    assert [value for _, value in points] == [0.5, 1.0]
    assert points[1][0] - points[0][0] == 1


def test_the_course_of_a_number(client):
    points = client.get("/series?name=water&hours=8000").json()["points"]
    assert [value for _, value in points] == [121, 122, 123, 124, 125]
    assert client.get("/series?name=nix").json() == {"points": []}


def test_pictures_are_found_by_their_number_only(client, tmp_path):
    answer = client.get("/crop/1")
    assert answer.headers["content-type"] == "image/jpeg"
    assert cv2.imdecode(np.frombuffer(answer.content, np.uint8), cv2.IMREAD_COLOR).shape == (30, 100, 3)
    for path in (
        "/crop/5",
        "/crop/99",
        f"/crop/{'9' * 40}",
        "/crop/1.jpg",
        "/crop/..%2f1",
        "/crop/-1",
        "/crop/",
        "/crop/%2e%2e/x",
    ):
        assert client.get(path).status_code == 404, path


def test_correcting(client, stand):
    answer = client.post("/correct", json={"id": 1, "text": " 00999 "})
    assert answer.json() == {"id": 1, "text": "00999", "shown": "00999"}
    assert (stand.evidence._folder / "labels.tsv").read_text().startswith("images/1.jpg\t00999\t")
    (event,) = [event for event in client.get("/history").json()["events"] if event["id"] == 1]
    assert (event["text"], event["corrected"]) == ("00121", "00999")
    assert 999 in [value for _, value in client.get("/series?name=water&hours=8000").json()["points"]]
    assert client.post("/correct", json={"id": 6, "text": ""}).json()["text"] == "", "there is no number"


def test_corrections_of_what_is_not_kept(client, stand, visit):
    for number in (5, 99, 0, (1 << 63) - 1):
        assert client.post("/correct", json={"id": number, "text": "1"}).status_code == 404
    stand.evidence_of_the_app, stand.evidence = stand.evidence, None
    assert visit(stand.app()).post("/correct", json={"id": 1, "text": "1"}).status_code == 404
    assert visit(stand.app()).get("/crop/1").status_code == 404
    stand.evidence = stand.evidence_of_the_app


@pytest.mark.parametrize(
    "body",
    [
        *WRONG_BODIES,
        b'{"id": 1}',
        b'{"id": "../../etc/passwd", "text": "1"}',
        b'{"id": -1, "text": "1"}',
        b'{"id": 1e99, "text": "1"}',
        b'{"id": 9223372036854775808, "text": "1"}',
        b'{"id": 1, "text": 5}',
        b'{"id": 1, "text": "a\\tb"}',
        b'{"id": 1, "text": "a\\nb"}',
        b'{"id": 1, "text": "\\u202e1"}',
        b'{"id": 1, "text": "\\ud800"}',
        b'{"id": 1, "text": "' + b"1" * 65 + b'"}',
        b'{"id": 1, "text": "1", "more": 1}',
    ],
)
def test_wrong_corrections(client, stand, body):
    answer = client.post("/correct", content=body)
    assert answer.status_code == 400, answer.text
    assert not (stand.evidence._folder / "labels.tsv").exists()


@pytest.mark.parametrize("text", ["inf", "nan", "1_000", "1e3", "0x1f", "١٢٣", "１２３", "12 m", "+-5", "७"])
def test_a_counter_says_a_number_as_the_reader_reads_them(client, stand, text):
    answer = client.post("/correct", json={"id": 1, "text": text})
    assert (answer.status_code, "digits 0 to 9" in answer.json()["error"]) == (400, True)
    assert not (stand.evidence._folder / "labels.tsv").exists()


@pytest.mark.parametrize("text", ["00124", "124.5", "124,5", "1.234,5", ""])
def test_a_counter_may_be_written_in_any_way_that_the_reader_knows(client, text):
    assert client.post("/correct", json={"id": 1, "text": text}).status_code == 200


def test_a_correction_on_a_full_disk_is_answered_and_may_come_again(client, stand, caplog):
    with files_up_to(3):
        for _ in range(2):
            answer = client.post("/correct", json={"id": 1, "text": "00999"})
            assert (answer.status_code, "check the disk" in answer.json()["error"]) == (507, True)
    assert "Traceback" not in caplog.text
    assert not (stand.evidence._folder / "labels.tsv").exists()
    assert client.post("/correct", json={"id": 1, "text": "00999"}).status_code == 200
    (event,) = [event for event in client.get("/history").json()["events"] if event["id"] == 1]
    assert event["corrected"] == "00999"


def test_a_value_is_shown_with_its_decimals_before_and_after_a_correction(stand, visit):
    stand.board.numbers = (replace(NUMBERS[0], decimals=3), NUMBERS[1])
    stand.emit(make_event(1, "00123460", value=123.46), CROP)
    stand.emit(make_event(2, "B-ER 1", "gate"), CROP)
    client = visit(stand.app())
    shown = lambda: {event["id"]: event["shown"] for event in client.get("/history").json()["events"]}  # noqa: E731
    assert shown() == {1: "123.460", 2: "B-ER 1"}
    assert client.post("/correct", json={"id": 1, "text": "00123470"}).json()["shown"] == "123.470"
    assert client.post("/correct", json={"id": 2, "text": ""}).json()["shown"] == ""
    assert shown() == {1: "123.470", 2: ""}
