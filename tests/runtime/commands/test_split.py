import json

import cv2
import numpy as np
import pytest

from edgereader.models.data.labels_tsv import is_scene_set, read_labels
from edgereader.models.data.samples import read_image
from edgereader.runtime import Character, Reader, Reading
from edgereader.runtime.commands.batch import find_sources
from edgereader.runtime.commands.split import DigitFolder, as_mnist, cut_character, folder_name, split_all, write_counts
from edgereader.runtime.geometry.files import Photo

from ..graphs import paint_number


@pytest.fixture(scope="module")
def reader(make_bundle):
    return Reader(make_bundle(steps=10), min_confidence=0.5)


@pytest.fixture
def photos(tmp_path):
    """A photo of 7586 in the middle and 45 at an edge, a broken one, and one of the same name with 8."""
    frame = np.zeros((300, 400, 3), np.uint8)
    paint_number(frame, "7586", 100, 120)
    paint_number(frame, "45", 0, 260)
    (tmp_path / "photos" / "more").mkdir(parents=True)
    cv2.imwrite(str(tmp_path / "photos" / "a b.png"), frame)
    (tmp_path / "photos" / "broken.jpg").write_text("no picture")
    frame = np.zeros((100, 100, 3), np.uint8)
    paint_number(frame, "8", 30, 30)
    cv2.imwrite(str(tmp_path / "photos" / "more" / "a,b.png"), frame)
    return tmp_path / "photos"


def split(reader, photos, folder, **options):
    sources = find_sources([str(photos)])
    return list(split_all(reader, sources, DigitFolder(folder, **options)))


def test_every_digit_becomes_a_picture_under_its_label(reader, photos, tmp_path):
    outcomes = split(reader, photos, tmp_path / "digits")
    assert [outcome.error is None for outcome in outcomes] == [True, False, True]
    assert [[reading["text"] for reading in outcome.readings] for outcome in outcomes] == [["7586", "45"], [], ["8"]]
    written = {str(path.relative_to(tmp_path / "digits")) for path in (tmp_path / "digits").rglob("*.png")}
    assert written == {
        "7/a_b-1-1.png", "5/a_b-1-2.png", "8/a_b-1-3.png", "6/a_b-1-4.png", "4/a_b-2-1.png", "5/a_b-2-2.png",
        "8/a_b_2-1-1.png",
    }  # fmt: skip
    shape = cv2.imread(str(tmp_path / "digits" / "5" / "a_b-1-2.png")).shape
    assert np.abs(np.array(shape) - (54, 46, 3)).max() < 12, "its own pixels and a margin"


def test_training_reads_the_labels(reader, photos, tmp_path):
    split(reader, photos, tmp_path / "digits")
    labels = read_labels(tmp_path / "digits")
    assert [label.text for label in labels] == list("7586458")
    assert not is_scene_set(tmp_path / "digits", labels)
    for label in labels:
        assert label.quad is None
        assert label.path.parent.name == label.text
        assert read_image(label.path, where=label.where).size > 0


def test_details_are_in_the_photos_pixels(reader, tmp_path, monkeypatch):
    frame = np.zeros((600, 800, 3), np.uint8)
    paint_number(frame, "7586", 200, 240, width=80, height=80)
    cv2.imwrite(str(tmp_path / "a b.png"), frame)
    monkeypatch.setattr("edgereader.runtime.geometry.files.LARGEST_FRAME_PIXELS", 200_000)
    split(reader, tmp_path / "a b.png", tmp_path / "digits")
    details = [json.loads(line) for line in (tmp_path / "digits" / "digits.jsonl").read_text().splitlines()]
    assert [digit["label"] for digit in details] == list("7586")
    assert [digit["place"] for digit in details] == [1, 2, 3, 4]
    second = details[1]
    assert second["path"] == "5/a_b-1-2.png"
    assert second["photo"] == str(tmp_path / "a b.png")
    assert (second["reading"], second["agrees"]) == ("7586", True)
    assert 0 < second["reading_confidence"] <= second["confidence"] <= 1
    assert np.mean(second["quad"], axis=0) == pytest.approx((320, 280), abs=16)
    assert cv2.imread(str(tmp_path / "digits" / second["path"])).shape[0] < 70, "the pixels of the frame that was read"


def test_a_set_is_never_written_over(reader, photos, tmp_path):
    split(reader, photos, tmp_path / "digits")
    before = sorted(path.read_bytes() for path in (tmp_path / "digits").rglob("*.png"))
    with pytest.raises(FileExistsError, match="expected a folder without labels.tsv.*name a new folder"):
        DigitFolder(tmp_path / "digits")
    assert sorted(path.read_bytes() for path in (tmp_path / "digits").rglob("*.png")) == before


QUAD = np.array([[2, 2], [8, 2], [8, 12], [2, 12]], np.float32)


def one_reading(letters):
    characters = tuple(Character(letter, 0.9, QUAD + np.float32((7 * at, 0))) for at, letter in enumerate(letters))
    return Reading(letters, 0.8, QUAD, characters, len(letters), agrees=True)


@pytest.mark.parametrize("source", ["../../../etc/passwd", "..", "/", "a/..\\..\\b.png", "x\ty\n.png", "é" * 300, "-"])
def test_no_name_leads_out_of_the_folder(source, tmp_path):
    folder = DigitFolder(tmp_path / "set" / "digits", all_characters=True)
    photo = Photo(np.zeros((20, 60, 3), np.uint8), 1)
    assert folder.add(source, photo, [one_reading("1/.A\\:")]) == [6]
    written = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert all(path.is_relative_to(tmp_path / "set" / "digits") for path in written)
    names = [path.relative_to(tmp_path / "set" / "digits") for path in written if path.suffix == ".png"]
    assert len(names) == 6
    assert all(len(name.parts) == 2 and str(name).isascii() and not str(name).startswith(".") for name in names)
    assert [label.text for label in read_labels(tmp_path / "set" / "digits")] == list("1/.A\\:")


def test_only_digits_unless_all_characters_are_wanted(tmp_path):
    photo = Photo(np.zeros((20, 60, 3), np.uint8), 1)
    assert DigitFolder(tmp_path / "a").add("a.png", photo, [one_reading("$1.5k"), one_reading("²٣")]) == [2, 0]
    assert DigitFolder(tmp_path / "b", all_characters=True).add("a.png", photo, [one_reading("1 \t")]) == [1]


@pytest.mark.parametrize(("label", "name"), [("7", "7"), ("k", "k"), ("K", "U+004B"), (".", "U+002E"), ("/", "U+002F")])
def test_folders_are_apart_where_case_does_not_count(label, name):
    assert folder_name(label) == name


@pytest.mark.parametrize("angle", [0.0, 0.4, 1.9, 3.1])
def test_a_cut_is_straight_and_as_large_as_its_quad(angle):
    frame = np.zeros((200, 200, 3), np.uint8)
    turn = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
    quad = (np.array([[-15, -25], [15, -25], [15, 25], [-15, 25]]) @ turn + 100).astype(np.float32)
    cv2.fillConvexPoly(frame, quad.round().astype(np.int32), (255, 255, 255))
    top = (np.array([[-15, -25], [15, -25], [15, 0], [-15, 0]]) @ turn + 100).astype(np.float32)
    cv2.fillConvexPoly(frame, top.round().astype(np.int32), (0, 0, 255))
    crop = cut_character(frame, quad)
    assert np.abs(np.array(crop.shape) - (58, 38, 3)).max() <= 1
    assert crop[15, 19].tolist() == [0, 0, 255], "red is on top"
    assert crop[45, 19].tolist() == [255, 255, 255]
    assert crop[0, 0].max() < 128, "the margin shows what is around"


@pytest.mark.parametrize("quad", [QUAD * 0, QUAD - 5, QUAD + 30, QUAD * np.float32((0.01, 1)), QUAD[[2, 3, 0, 1]]])
def test_quads_at_the_edge_and_without_a_size(quad):
    crop = cut_character(np.full((20, 20, 3), 9, np.uint8), quad)
    assert min(crop.shape) >= 1
    assert (crop == 9).all()


@pytest.mark.parametrize(("ground", "ink"), [(200, 60), (30, 140)])
def test_mnist_is_light_on_black_and_centred(ground, ink):
    crop = np.full((60, 40, 3), ground, np.uint8)
    crop[10:40, 22:30] = ink
    small = as_mnist(crop, 28)
    assert (small.shape, small.dtype) == ((28, 28), np.uint8)
    assert small[0, 0] == 0
    assert small.max() == 255
    y, x = np.argwhere(small > 128).mean(axis=0)
    assert (x, y) == pytest.approx((13.5, 13.5), abs=0.6)
    assert np.ptp(np.argwhere(small > 128)[:, 0]) + 1 == pytest.approx(14, abs=1), "30 of 60 pixels are 14 of 28"


@pytest.mark.parametrize("shape", [(1, 1), (1, 90), (90, 1), (28, 28)])
def test_a_picture_of_one_colour_is_black(shape):
    assert not as_mnist(np.full((*shape, 3), 77, np.uint8), 28).any()


def test_the_table_counts_digits(reader, photos, tmp_path, capsys):
    sources = find_sources([str(photos)])
    write = write_counts(sources)
    for outcome in split_all(reader, sources, DigitFolder(tmp_path / "digits")):
        write(outcome)
    head, *rows = capsys.readouterr().out.splitlines()
    assert head.split() == ["picture", "digits", "readings"]
    assert [row.rpartition(".")[2].split()[1:] for row in rows] == [
        ["6", "7586", "45"], ["0", "cannot", "be", "read"], ["1", "8"],
    ]  # fmt: skip
