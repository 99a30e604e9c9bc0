import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgereader.models.data.datasets import open_crops
from edgereader.models.data.labels_tsv import read_labels
from edgereader.models.data.samples import TrainingDataError
from edgereader.runtime.errors import DatasetError, SinkError
from edgereader.runtime.stream import settings
from edgereader.runtime.stream.sinks.evidence import Evidence

from ..fakes import files_up_to
from ..made import make_event


def event(number, text="12", *, sure=False):
    return make_event(id=number, text=text, sure=sure)


def crop(grey=128, side=32):
    return np.full((side, 3 * side, 3), grey, np.uint8)


def send(evidence, event, crop):
    """As a stream does: what is to be kept is encoded first."""
    evidence.take(event, evidence.encoded(event, crop))


@pytest.fixture
def open_evidence(tmp_path):
    opened = []

    def open_evidence(keep="all", max_mb=100.0):
        opened.append(Evidence(settings.Evidence(keep=keep, folder=str(tmp_path / "seen"), max_mb=max_mb)))
        return opened[-1]

    yield open_evidence
    for evidence in opened:
        evidence.close(0)


def pictures(folder):
    return sorted(int(path.stem) for path in (folder / "seen/images").iterdir())


def kept(folder):
    return [json.loads(line)["id"] for line in (folder / "seen/readings.jsonl").read_text().splitlines()]


@pytest.mark.parametrize(("keep", "expected"), [("all", [1, 2]), ("unsure", [2]), ("none", [])])
def test_what_is_kept(open_evidence, tmp_path, keep, expected):
    evidence = open_evidence(keep)
    send(evidence, event(1, sure=True), crop())
    send(evidence, event(2, sure=False), crop())
    send(evidence, event(3, sure=False), None)
    assert pictures(tmp_path) == kept(tmp_path) == expected


def test_corrections_are_what_training_reads(open_evidence, tmp_path):
    evidence = open_evidence()
    for number in range(1, 6):
        send(evidence, event(number, text="wrong"), crop(40 * number))
    with pytest.raises(TrainingDataError, match="expected labels"):
        open_crops(tmp_path / "seen")
    assert evidence.correct(4, " 00123.4 ")
    assert evidence.correct(2, "KÄ 17")
    assert evidence.correct(2, "KÄ 18")
    assert evidence.correct(5, "")
    assert not evidence.correct(99, "1")
    crops = open_crops(tmp_path / "seen")
    assert [crops[at][1] for at in range(len(crops))] == ["KÄ 18", "00123.4", ""]
    assert [round(float(crops[at][0].mean()) / 40) for at in range(len(crops))] == [2, 4, 5]


@pytest.mark.parametrize("text", ["a\tb", "a\nb", "x" * 65, "a\x00", "\u2028", "a\x85b", "\u202e12"])
def test_a_correction_that_would_break_the_labels_is_refused(open_evidence, tmp_path, text):
    evidence = open_evidence()
    send(evidence, event(1), crop())
    with pytest.raises(DatasetError, match="expected at most 64 printable characters"):
        evidence.correct(1, f"1{text}1")
    assert not (tmp_path / "seen/labels.tsv").exists()


@given(text=st.text(max_size=70))
def test_any_correction_is_refused_or_read_back(tmp_path_factory, text):
    folder = tmp_path_factory.mktemp("any")
    evidence = Evidence(settings.Evidence(keep="all", folder=str(folder)))
    send(evidence, event(1), crop())
    try:
        evidence.correct(1, text)
    except DatasetError:
        return
    finally:
        evidence.close(0)
    (label,) = read_labels(folder)
    assert label.text == text.strip()
    Evidence(settings.Evidence(keep="all", folder=str(folder))).close(0)


def test_the_oldest_go_first_and_corrected_ones_last(open_evidence, tmp_path):
    evidence = open_evidence(max_mb=1.0)  # 244 blocks of 4 KiB
    for number in range(1, 201):
        send(evidence, event(number), crop())
    evidence.correct(1, "11")
    evidence.correct(3, "33")
    for number in range(201, 301):
        send(evidence, event(number), crop())
    left = pictures(tmp_path)
    assert left[:2] == [1, 3]
    assert left[2:] == list(range(left[2], 301))
    assert 235 <= len(left) <= 244
    assert (evidence.picture(2), evidence.picture(1) is not None) == (None, True)
    assert (2 in evidence, 1 in evidence) == (False, True)
    assert not evidence.correct(2, "22")
    evidence.close(0)
    again = open_evidence(max_mb=1.0)
    assert pictures(tmp_path) == left
    assert kept(tmp_path) == left
    assert again.correct(300, "300")
    assert [label.text for label in read_labels(tmp_path / "seen")] == ["11", "33", "300"]


def test_a_folder_full_of_corrections_keeps_them_until_it_must_not(open_evidence, tmp_path, caplog):
    evidence = open_evidence(max_mb=1.0)
    for number in range(1, 241):
        send(evidence, event(number), crop())
        evidence.correct(number, f"{number}")
    for number in range(241, 300):
        send(evidence, event(number), crop())
    assert pictures(tmp_path)[:240] == list(range(1, 241))
    assert "had to go" not in caplog.text
    evidence.close(0)
    more = tmp_path / "seen/images/1.jpg"
    more.write_bytes(more.read_bytes() + bytes(600_000))
    open_evidence(max_mb=1.0)
    left = pictures(tmp_path)
    assert left == list(range(2, 241))
    assert [int(label.text) for label in read_labels(tmp_path / "seen")] == left
    assert "had to go" in caplog.text


def test_readings_of_pictures_that_are_gone_do_not_pile_up(open_evidence, tmp_path, monkeypatch):
    monkeypatch.setattr("edgereader.runtime.stream.sinks.evidence.SPARE_LINES", 10)
    evidence = open_evidence(max_mb=1.0)
    for number in range(1, 561):
        send(evidence, event(number), crop())
    assert len(kept(tmp_path)) <= 2 * 244 + 10
    assert set(pictures(tmp_path)) <= set(kept(tmp_path))


def test_it_goes_on_after_a_power_cut(open_evidence, tmp_path):
    evidence = open_evidence()
    for number in (1, 2, 3):
        send(evidence, event(number), crop())
    evidence.close(0)
    (tmp_path / "seen/images/2.jpg").write_bytes(b"")
    (tmp_path / "seen/images/notes.jpg").write_bytes(b"somebody's")
    with (tmp_path / "seen/readings.jsonl").open("ab") as file:
        file.write(b'{"id":3,"at"')
    evidence = open_evidence()
    assert evidence.picture(2) is None
    assert kept(tmp_path) == [1, 3]
    send(evidence, event(4), crop())
    assert kept(tmp_path) == [1, 3, 4]
    assert (tmp_path / "seen/images/notes.jpg").read_bytes() == b"somebody's"


def test_a_data_set_of_somebody_else_is_left_alone(open_evidence, tmp_path):
    (tmp_path / "seen").mkdir()
    (tmp_path / "seen/labels.tsv").write_text("a.png\t1\t\n")
    with pytest.raises(DatasetError, match="expected a folder of evidence, got another data set"):
        open_evidence()
    assert [path.name for path in (tmp_path / "seen").iterdir()] == ["labels.tsv"]


def test_labels_that_were_changed_by_hand_are_not_lost(open_evidence, tmp_path):
    open_evidence().close(0)
    (tmp_path / "seen/labels.tsv").write_text("images/1.jpg\t1\t\nmine/2.jpg\t2\t\n")
    with pytest.raises(DatasetError, match=r"labels.tsv:2: expected images/NUMBER.jpg"):
        open_evidence()
    (tmp_path / "seen/labels.tsv").unlink()
    open_evidence()


def test_two_streams_do_not_share_a_folder(open_evidence):
    first = open_evidence()
    with pytest.raises(SinkError, match="expected a folder of its own, got that of a running stream"):
        open_evidence()
    first.close(0)
    open_evidence()


@pytest.mark.parametrize("room", [0, 300, 600])
def test_a_picture_is_whole_or_not_there_on_a_full_disk(open_evidence, tmp_path, room):
    """There is no room for anything, or for the reading only, or for a part of the picture too."""
    evidence = open_evidence()
    send(evidence, event(1), crop())
    noise = np.random.default_rng(1).integers(0, 255, (64, 64, 3), np.uint8)
    with files_up_to((tmp_path / "seen/readings.jsonl").stat().st_size + room):
        for _ in range(2):
            with pytest.raises(SinkError, match="evidence cannot be written: .*; check the disk"):
                send(evidence, event(2), noise)
        assert pictures(tmp_path) == kept(tmp_path) == [1]
    assert (evidence.picture(2), evidence.last_id) == (None, 1)
    send(evidence, event(2), noise)
    assert pictures(tmp_path) == kept(tmp_path) == [1, 2]


def test_what_a_killed_process_did_not_finish_is_begun_anew(open_evidence, tmp_path):
    """Killed between the reading and its picture, or within the picture."""
    evidence = open_evidence()
    send(evidence, event(1), crop())
    evidence.close(0)
    with (tmp_path / "seen/readings.jsonl").open("ab") as file:
        file.write(json.dumps({"id": 2}).encode() + b"\n")
    (tmp_path / "seen/images/.2.jpg.77-88").write_bytes(b"half")
    evidence = open_evidence()
    assert (pictures(tmp_path), evidence.last_id) == ([1], 1)
    for _ in range(2):
        send(evidence, event(2), crop())
    assert pictures(tmp_path) == kept(tmp_path) == [1, 2]
