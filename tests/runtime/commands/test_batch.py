import json
import time

import cv2
import numpy as np
import pytest

from edgereader.runtime import Reader
from edgereader.runtime.commands import batch
from edgereader.runtime.commands.batch import find_sources, read_all, with_progress, write_json, write_table
from edgereader.runtime.errors import ImageError

from ..graphs import paint_number, paint_word


@pytest.fixture(scope="module")
def reader(bundle_folder):
    return Reader(bundle_folder)


@pytest.fixture
def photos(tmp_path, scene):
    """A readable photo, a broken one, and another readable one."""
    folder = tmp_path / "photos"
    folder.mkdir()
    cv2.imwrite(str(folder / "a.png"), scene)
    (folder / "b.jpg").write_text("no picture")
    cv2.imwrite(str(folder / "c.png"), np.zeros((50, 50, 3), np.uint8))
    return folder


def test_a_batch_goes_on(reader, photos):
    outcomes = list(read_all(reader, find_sources([str(photos)])))
    assert [[reading["text"] for reading in outcome.readings] for outcome in outcomes] == [["7", "5"], [], []]
    assert [outcome.error is None for outcome in outcomes] == [True, False, True]
    assert "b.jpg: expected a JPEG" in outcomes[1].error


def test_arguments_that_mean_no_picture_are_outcomes_too(reader, photos, tmp_path):
    (tmp_path / "empty").mkdir()
    sources = find_sources([str(tmp_path / "empty"), str(photos / "a.png"), str(photos / "*.webp")])
    assert [type(source) for source in sources] == [ImageError, str, ImageError]
    assert [bool(outcome.error) for outcome in read_all(reader, sources)] == [True, False, True]


def test_quads_are_in_the_files_pixels(reader, tmp_path, monkeypatch):
    frame = np.zeros((400, 600, 3), np.uint8)
    paint_word(frame, "7", 200, 100)
    cv2.imwrite(str(tmp_path / "a.png"), frame)
    monkeypatch.setattr("edgereader.runtime.geometry.files.LARGEST_FRAME_PIXELS", 100_000)
    (outcome,) = read_all(reader, [str(tmp_path / "a.png")])
    quad = np.array(outcome.readings[0]["quad"])
    assert np.abs(quad - [[200, 100], [320, 100], [320, 140], [200, 140]]).max() < 14


def test_annotated_pictures_never_overwrite(reader, photos, tmp_path):
    other = tmp_path / "other"
    other.mkdir()
    (other / "a.png").write_bytes((photos / "c.png").read_bytes())
    before = (photos / "a.png").read_bytes()
    sources = find_sources([str(photos / "a.png"), str(other / "a.png")])
    assert not any(outcome.error for outcome in read_all(reader, sources, save=photos))
    assert (photos / "a.png").read_bytes() == before
    assert sorted(path.name for path in photos.glob("a*")) == ["a-2.png", "a-3.png", "a.png"]
    list(read_all(reader, sources, save=tmp_path / "new" / "folder"))
    list(read_all(reader, sources, save=tmp_path / "new" / "folder"))
    assert sorted(path.name for path in (tmp_path / "new" / "folder").iterdir()) == ["a-2.png", "a.png"]


def test_json_lines(reader, photos, capsys):
    for outcome in read_all(reader, find_sources([str(photos)])):
        write_json(outcome)
    first, second, third = map(json.loads, capsys.readouterr().out.splitlines())
    assert set(first) == {"path", "readings", "smallest_text_px"}
    assert set(first["readings"][0]) == {
        "text", "value", "confidence", "quad", "characters", "confidences", "peaks", "agrees", "ambiguous_rotation",
    }  # fmt: skip
    assert np.shape(first["readings"][0]["characters"]) == (1, 4, 2)
    assert len(first["readings"][0]["confidences"]) == 1
    assert first["readings"][0]["value"] == 7
    assert set(second) == {"path", "error"}
    assert third["readings"] == []


def test_the_table(reader, photos, capsys):
    sources = find_sources([str(photos)])
    write = write_table(sources)
    for outcome in read_all(reader, sources):
        write(outcome)
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split() == ["picture", "confidence", "value", "reading"]
    assert [line.split()[-1] for line in lines[1:]] == ["7", "5", "read", "-"]
    assert [line.split()[-2] for line in lines[1:3]] == ["7", "5"]
    assert [len(line) - 1 for line in lines[1:3]] == [lines[0].index("reading")] * 2


def test_the_table_remarks_on_what_is_doubtful(make_bundle, tmp_path, capsys):
    frame = np.zeros((300, 400, 3), np.uint8)
    paint_number(frame, "86", 50, 50, valleys=False)
    cv2.imwrite(str(tmp_path / "a.png"), frame)
    sources = find_sources([str(tmp_path)])
    write = write_table(sources)
    for outcome in read_all(Reader(make_bundle(steps=10), min_confidence=0.5), sources):
        write(outcome)
    assert capsys.readouterr().out.splitlines()[1].endswith("86  (1 characters seen, maybe upside down)")


@pytest.fixture
def large(tmp_path):
    """A picture without a number, four times as large as the detector sees it, and a small one."""
    cv2.imwrite(str(tmp_path / "large.png"), np.zeros((3000, 4 * 1264, 3), np.uint8))
    cv2.imwrite(str(tmp_path / "small.png"), np.zeros((50, 50, 3), np.uint8))
    return [str(tmp_path / "large.png"), str(tmp_path / "small.png")]


def test_no_number_is_not_too_small_to_be_seen(reader, large, capsys):
    write = write_table(large)
    for outcome in read_all(reader, large):
        write(outcome)
        write_json(outcome)
    _, first, one, second, other = capsys.readouterr().out.splitlines()
    assert first.endswith("  -  (text below 40 px is too small to be read)")
    assert second.endswith("  -")
    assert json.loads(one)["smallest_text_px"] == 40
    assert json.loads(other)["smallest_text_px"] == pytest.approx(6.7)


def test_sizes_are_in_the_files_pixels(reader, large, monkeypatch):
    monkeypatch.setattr("edgereader.runtime.geometry.files.LARGEST_FRAME_PIXELS", 4_000_000)
    (outcome,) = read_all(reader, large[:1])
    assert (outcome.sight.smallest_text_px, outcome.overlooked) == (pytest.approx(40), True)


def test_crops(reader, tmp_path):
    frame = np.zeros((40, 120, 3), np.uint8)
    paint_word(frame, "7", 0, 0)
    cv2.imwrite(str(tmp_path / "a.png"), frame)
    (outcome,) = read_all(reader, [str(tmp_path / "a.png")], crops=True)
    sure = pytest.approx(1, abs=0.1)
    assert (outcome.sight, outcome.overlooked) == (None, False), "crops are seen as they are"
    assert outcome.readings == [{"text": "7", "value": 7, "confidence": sure, "accepted": True}]


def test_progress_on_long_runs(capsys, monkeypatch):
    assert list(with_progress(range(3), 3)) == [0, 1, 2]
    assert capsys.readouterr().err == ""
    monkeypatch.setattr(batch, "PROGRESS_S", 0.01)
    for _ in with_progress(range(3), 3):
        time.sleep(0.02)
    assert capsys.readouterr().err.startswith("1 of 3 pictures, ")
