import gc
import os
import subprocess
import sys
import time
import tracemalloc
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import cv2
import numpy as np
import psutil
import pytest

from edgereader.runtime import NUMBERS, Bundle, Reader
from edgereader.runtime.errors import BundleError, BundleNotFound, ImageError
from edgereader.runtime.geometry.files import read_photo
from edgereader.runtime.geometry.heatmaps import Region
from edgereader.runtime.reader import DISAGREEMENT, LONE_POWER, Reading, make_reading, select, without_doubles
from edgereader.runtime.sessions.lending import MAX_BINDINGS
from edgereader.runtime.sessions.onnx_runtime import OnnxRuntimeBinding
from edgereader.runtime.text.decoding import Text

from .graphs import grey_of, paint_number, paint_word

SHIPPED = "digits-edge"


@pytest.fixture(scope="module")
def reader(bundle_folder):
    return Reader(bundle_folder)


def texts(readings):
    return [reading.text for reading in readings]


def test_threads_and_the_longest_side_reach_the_networks(bundle_folder, scene):
    few = Reader(bundle_folder, threads=1, long_side_px=128)
    for session in few.sessions.values():
        assert session._session.get_session_options().intra_op_num_threads == 1
    few.read(scene)
    assert {max(canvas_hw) for canvas_hw, _ in few._detector._buffers.idle} == {128}


def test_the_default_reads_numbers_only(reader, scene):
    readings = reader.read(scene)
    assert texts(readings) == ["7", "5"]
    first = readings[0]
    assert 0.9 < first.confidence <= 1
    assert np.abs(first.quad - [[60, 50], [180, 50], [180, 90], [60, 90]]).max() < 12
    (character,) = first.characters
    assert (character.text, character.confidence) == ("7", pytest.approx(first.confidence))
    assert np.abs(character.quad - first.quad).max() < 0.01
    assert (first.peaks, first.agrees, first.ambiguous_rotation, first.value) == (1, True, False, 7)
    with pytest.raises(AttributeError):
        first.text = "8"


def test_all_text_a_mask_and_a_pattern(bundle_folder, scene):
    assert texts(Reader(bundle_folder, alphabet=None).read(scene)) == ["7", "c", "5"]
    assert texts(Reader(bundle_folder, alphabet="5", find="text").read(scene)) == ["5", "5", "5"]
    assert texts(Reader(bundle_folder, alphabet="5", min_confidence=0).read(scene)) == ["5", "5"], "no word"
    assert texts(Reader(bundle_folder, find="text").read(scene)) == ["7", "c", "5"]
    assert texts(Reader(bundle_folder, pattern="[0-5]").read(scene)) == ["5"]
    assert NUMBERS == "0123456789$%#+-/.,:"


def test_uncertain_readings_are_left_out(bundle_folder, scene):
    every = Reader(bundle_folder, alphabet=None, min_confidence=0).read(scene)
    middle = sorted(reading.confidence for reading in every)[len(every) // 2]
    kept = Reader(bundle_folder, alphabet=None, min_confidence=middle).read(scene)
    assert [reading.text for reading in kept] == [reading.text for reading in every if reading.confidence >= middle]
    assert Reader(bundle_folder, alphabet=None, min_confidence=1.01).read(scene) == []


def reading(text, confidence, left, right):
    box = np.array([[left, 0], [right, 0], [right, 20], [left, 20]], np.float32)
    return Reading(text, confidence, box, characters=(), peaks=len(text), agrees=True)


def test_of_readings_of_one_place_the_fullest_stays():
    part, whole, beside = reading("573", 0.98, 20, 80), reading("1573", 0.9, 0, 80), reading("7", 0.5, 90, 100)
    assert without_doubles([part, whole, beside]) == [whole, beside]
    assert without_doubles([whole, reading("1578", 0.4, 2, 82)]) == [whole]
    assert without_doubles([part, reading("573", 0.98, 70, 130)]) != [part]
    assert without_doubles([]) == []


def tilted(degrees, x, y, width=200, height=30):
    """A quad around x, y."""
    turn = np.radians(degrees)
    right, down = (
        np.array([np.cos(turn), np.sin(turn)]) * width / 2,
        np.array([-np.sin(turn), np.cos(turn)]) * height / 2,
    )
    return np.array([x, y] + np.stack((-right - down, right - down, right + down, down - right)), np.float32)


@pytest.mark.parametrize("degrees", [0, 10, 25, 45, 70, 90, -30])
def test_parallel_lines_keep_both_readings(degrees):
    turn = np.radians(degrees)
    lines = [
        Reading(
            text, 0.95, tilted(degrees, 300 - 36 * at * np.sin(turn), 300 + 36 * at * np.cos(turn)), (), 4, agrees=True
        )
        for at, text in enumerate(("1234", "5678", "9012"))
    ]
    assert without_doubles(lines) == lines
    shifted = replace(lines[1], confidence=0.9, quad=lines[1].quad + np.float32(4))
    assert without_doubles([*lines, shifted]) == lines


def test_confidence_stays_a_probability_when_a_score_is_above_one():
    quad = np.array([[0, 0], [40, 0], [40, 20], [0, 20]], np.float32)
    lone = make_reading(Region(quad, quad[None], 1.07), Text("7", 0.9, (0.9,), positions=(0.5,)))
    assert lone.confidence == pytest.approx(0.9)


def test_texts_of_easyocrs_boxes_are_left_without_ink_at_their_ends(make_bundle, scene, monkeypatch):
    bundle, seen = Bundle.open(make_bundle(as_easyocr=True)), []
    monkeypatch.setattr("edgereader.runtime.reader.with_ends", lambda _, regions: seen.append(len(regions)) or regions)
    every, numbers = Reader(bundle, alphabet=None), Reader(bundle)
    assert {reading.text for reading in every.read(scene)} == {"7", "c", "5"}
    assert seen == []
    assert {reading.text for reading in numbers.read(scene)} == {"7", "5"}
    assert seen == [3]


@pytest.mark.parametrize(
    ("text", "dropped", "open_ends", "unread"),
    [
        ("18", (), (True, False), 1),  # the sign is not there
        ("18", (), (True, True), 2),
        ("118", (), (True, False), 1),  # it was taken for a digit
        ("-18", (), (True, False), 0),
        ("18.", (), (True, True), 1),
        ("18", (0.1,), (True, False), 0),  # a letter before the number, left out as a unit
        ("18", (0.95,), (True, False), 1),
        ("18", (), (False, False), 0),
    ],
)
def test_ink_at_an_end_that_was_not_read_halves_the_confidence(text, dropped, open_ends, unread):
    quad = np.array([[0, 0], [60, 0], [60, 20], [0, 20]], np.float32)
    peaks = np.stack([quad * [1 / 3, 1] + [20 * at, 0] for at in range(3)]).astype(np.float32)
    positions = tuple(0.2 + 0.6 * at / (len(text) - 1) for at in range(len(text)))
    read = Text(text, 0.9, (0.95,) * len(text), True, positions, dropped)
    plain = make_reading(Region(quad, peaks, 0.9), read).confidence
    assert make_reading(Region(quad, peaks, 0.9, open_ends), read).confidence == pytest.approx(plain * 0.5**unread)


def test_a_second_look_finds_the_same_text_only_once(make_bundle, scene):
    assert texts(Reader(make_bundle(coarse_side_px=448)).read(scene)) == ["7", "5"]


@pytest.fixture(scope="module")
def numbers(make_bundle):
    """A reader's options → a reader of whole numbers."""
    folder = make_bundle(steps=10)
    return lambda **options: Reader(folder, min_confidence=0.5, **options)


@pytest.fixture
def lying():
    """A frame whose one number runs downwards."""
    frame = np.zeros((400, 400, 3), np.uint8)
    paint_number(frame, "7586", 100, 180)
    return np.rot90(frame, 3)


def two_groups():
    frame = np.zeros((300, 500, 3), np.uint8)
    paint_number(frame, "7586", 60, 120)
    paint_number(frame, "495", 260, 120)
    return frame


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [(None, ["7586", "495"]), ("[0-9]{7}", ["7586495"]), ("[0-9]+ [0-9]+", ["7586 495"]), ("[0-9]{3}", ["495"])],
)
def test_groups_of_one_line_are_one_number_where_a_pattern_asks_for_it(numbers, pattern, expected):
    reader = numbers(pattern=pattern)
    found = reader.read(two_groups())
    assert texts(found) == expected
    assert [texts(readings) for readings in reader.read_many([two_groups()] * 2)] == [expected] * 2
    if len(expected[0]) >= 7:
        assert np.abs(found[0].quad - [[60, 120], [380, 120], [380, 160], [60, 160]]).max() < 12
        assert [character.text for character in found[0].characters] == list(expected[0])
        assert (found[0].peaks, found[0].quad[1, 0] > 360) == (7, True)


def test_groups_are_joined_with_rotations_too(numbers):
    assert texts(numbers(pattern="[0-9]{7}", rotations=True).read(two_groups())) == ["7586495"]


def test_readings_come_row_by_row(numbers):
    frame = np.zeros((400, 500, 3), np.uint8)
    for text, x, y in (("95", 300, 52), ("75", 60, 60), ("58", 280, 200), ("87", 60, 195)):
        paint_number(frame, text, x, y)
    assert texts(numbers().read(frame)) == ["75", "95", "87", "58"]


def test_every_digit_has_its_quad(numbers):
    frame = np.zeros((300, 400, 3), np.uint8)
    paint_number(frame, "7586", 100, 120)
    (found,) = numbers().read(frame)
    assert (found.text, found.peaks, found.agrees) == ("7586", 4, True)
    assert "".join(character.text for character in found.characters) == "7586"
    for index, character in enumerate(found.characters):
        left = 100 + 40 * index
        expected = [[left, 120], [left + 40, 120], [left + 40, 160], [left, 160]]
        assert np.abs(character.quad - expected).max() < 14
        assert character.quad.mean(axis=0) == pytest.approx((left + 20, 140), abs=7)


def test_another_number_of_characters_lowers_the_confidence(numbers):
    frame = np.zeros((300, 400, 3), np.uint8)
    paint_number(frame, "7586", 100, 120, valleys=False)
    reader = numbers()
    (found,) = reader.read(frame)
    assert (found.text, found.peaks, found.agrees) == ("7586", 1, False)
    ((_, text),) = reader.look(frame)
    assert found.confidence == pytest.approx(text.confidence * DISAGREEMENT)
    assert len(found.characters) == 4
    centres = [character.quad[:, 0].mean() for character in found.characters]
    assert centres == pytest.approx([120, 160, 200, 240], abs=12)
    assert select(reader.look(frame), text.confidence) == [], "the lowered confidence is what counts"


def test_a_lone_digit_is_as_certain_as_the_detector_is():
    quad = np.array([[0, 0], [40, 0], [40, 20], [0, 20]], np.float32)
    one, two = quad[None], np.stack([quad * [0.5, 1], quad * [0.5, 1] + [20, 0]]).astype(np.float32)
    lone = make_reading(Region(quad, one, 0.8), Text("7", 0.9, (0.9,), positions=(0.5,)))
    pair = make_reading(Region(quad, two, 0.8), Text("78", 0.9, (0.95, 0.95), positions=(0.25, 0.75)))
    assert lone.confidence == pytest.approx(0.9 * 0.8**LONE_POWER)
    assert pair.confidence == pytest.approx(0.9)


def test_numbers_that_may_stand_on_their_heads_are_flagged(numbers):
    frame = np.zeros((300, 400, 3), np.uint8)
    paint_number(frame, "86", 50, 50)
    assert [reading.ambiguous_rotation for reading in numbers().read(frame)] == [True]
    assert [reading.ambiguous_rotation for reading in numbers(upright=True).read(frame)] == [False]
    assert [reading.ambiguous_rotation for reading in numbers(pattern="8.").read(frame)] == [False]
    paint_number(frame, "57", 50, 200)
    assert [(reading.text, reading.ambiguous_rotation) for reading in numbers().read(frame)] == [
        ("86", False),
        ("57", False),
    ]


def test_text_that_lies_on_its_side_is_read_with_rotations(numbers, lying):
    assert texts(numbers().read(lying)) != ["7586"]
    (found,) = numbers(rotations=True, upright=True).read(lying)
    assert (found.text, found.peaks, found.agrees) == ("7586", 4, True)
    first = found.characters[0].quad
    assert found.quad[0] == pytest.approx(first[0], abs=1)
    assert found.quad[1, 1] > found.quad[0, 1] + 100, "from its top left the text runs downwards"
    assert first[:, 1].mean() < found.characters[-1].quad[:, 1].mean()


def test_text_that_is_not_certain_is_tried_upside_down(numbers):
    frame = np.zeros((300, 400, 3), np.uint8)
    paint_number(frame, "7586", 100, 120)
    upside = np.ascontiguousarray(frame[::-1, ::-1])
    reader = numbers(rotations=True, pattern="7.*")
    (found,) = reader.read(upside)
    assert found.text == "7586"
    assert found.quad[0, 0] > found.quad[1, 0] + 100, "from its top left the text runs to the left"
    assert found.characters[0].quad[:, 0].mean() > found.characters[-1].quad[:, 0].mean()
    assert found.agrees
    assert numbers(pattern="7.*").read(upside) == []


def test_many_frames_read_as_one_by_one(reader, scene):
    small = np.ascontiguousarray(scene[:200, :300])
    frames = [scene, small, np.zeros_like(scene), scene[..., ::-1], scene, small]
    found = list(reader.read_many(iter(frames)))
    expected = [reader.read(frame) for frame in frames]
    assert [texts(readings) for readings in found] == [texts(readings) for readings in expected]
    assert [texts(readings) for readings in found][:3] == [["7", "5"], ["7"], []]
    for one, other in zip(found, expected, strict=True):
        for first, second in zip(one, other, strict=True):
            assert np.array_equal(first.quad, second.quad)
    assert list(reader.read_many([])) == []
    (only,) = reader.read_many([scene])
    assert texts(only) == ["7", "5"]


def test_many_frames_are_taken_one_ahead(reader, scene):
    taken = []
    found = reader.read_many(taken.append(number) or scene for number in range(5))
    next(found)
    assert taken == [0, 1]
    next(found)
    assert taken == [0, 1, 2]


def test_many_frames_with_rotations_and_errors(bundle_folder, make_bundle, scene):
    assert [texts(readings) for readings in Reader(bundle_folder, rotations=True).read_many([scene] * 2)] == [
        ["7", "5"]
    ] * 2
    with pytest.raises(ImageError):
        list(Reader(bundle_folder).read_many([scene, None]))
    with pytest.raises(BundleError, match="with a detector"):
        list(Reader(make_bundle(detector=False)).read_many([scene]))


def test_what_runs_is_told(bundle_folder, make_bundle):
    ran = Reader(bundle_folder).sessions
    assert {kind: (session.backend, session.precision) for kind, session in ran.items()} == {
        "detector": ("cpu", "fp32"),
        "recognizer": ("cpu", "fp32"),
    }
    assert list(Reader(make_bundle(detector=False)).sessions) == ["recognizer"]


def test_crops_get_one_text_each(reader):
    crops = [np.full((40, 80, 3), round(grey_of(character)), np.uint8) for character in "7c5"]
    found = reader.recognize(crops)
    assert [text.accepted for text in found] == [True, False, True]
    assert [text.text for text in found][::2] == ["7", "5"]
    assert found[1].text in set("0123456789")


def test_what_is_detected_can_be_read_in_other_frames(reader, scene):
    regions = reader.detect(scene)
    assert len(regions) == 3
    darker = (scene * 0.999).astype(np.uint8)
    found = reader.read_places((frame, region.quad) for frame in (scene, darker) for region in regions)
    assert [place.text for place in found[:3]] == [text for _, text in reader.look(scene)]
    assert [place.text.accepted for place in found] == [True, False, True] * 2
    assert found[0].log_probs.shape == found[5].log_probs.shape
    assert reader.alphabet.numbers
    with pytest.raises(ImageError):
        reader.detect(None)


def test_the_second_look_may_be_left_out(make_bundle, scene):
    twice = Reader(make_bundle(coarse_side_px=448))
    assert len(twice.detect(scene)) == 2 * len(twice.detect(scene, coarse=False)) == 6


@pytest.mark.parametrize("wrong", [None, "a.jpg", np.zeros((3, 3)), np.zeros((0, 3, 3), np.uint8)])
def test_what_is_no_picture_is_an_error(reader, wrong):
    with pytest.raises(ImageError):
        reader.read(wrong)
    with pytest.raises(ImageError):
        reader.recognize([wrong])


def test_bundles_with_one_network(make_bundle, scene):
    crops_only = Reader(make_bundle(detector=False))
    assert crops_only.recognize([np.full((40, 80), round(grey_of("7")), np.uint8)])[0].text == "7"
    with pytest.raises(BundleError, match="without; use recognize"):
        crops_only.read(scene)
    with pytest.raises(BundleError, match="without; use recognize"):
        crops_only.detect(scene)
    with pytest.raises(BundleError, match="expected a recognizer"):
        Reader(make_bundle(recognizer=False))
    with pytest.raises(BundleNotFound):
        Reader("no-such-bundle")


@pytest.mark.slow
def test_a_thousand_frames_do_not_grow_memory(reader):
    frame = np.zeros((96, 128, 3), np.uint8)
    paint_word(frame, "7", 10, 10, width=60, height=30)
    process = psutil.Process()
    for _ in range(200):
        reader.read(frame)
    gc.collect()
    rss = process.memory_info().rss
    tracemalloc.start()
    reader.read(frame)
    gc.collect()
    heap = tracemalloc.get_traced_memory()[0]
    for _ in range(1000):
        assert len(reader.read(frame)) == 1
    gc.collect()
    heap_growth = tracemalloc.get_traced_memory()[0] - heap
    tracemalloc.stop()
    rss_growth = process.memory_info().rss - rss
    print(f"1,000 frames: heap {heap_growth:+} bytes, RSS {rss_growth >> 10:+} KiB")
    assert heap_growth < 64 << 10, "an array kept of every frame is 100 KiB"
    assert rss_growth < 8 << 20


def test_photos_of_a_hundred_sizes_stay_under_a_ceiling(bundle_folder):
    program = f"""
import numpy as np, psutil
from edgereader.runtime import Reader
reader = Reader({str(bundle_folder)!r})
rng = np.random.default_rng(0)
peaks = []
for _ in range(100):
    height, width = rng.integers(40, 2000, 2)
    reader.read(np.full((height, width, 3), 255, np.uint8))
    peaks.append(psutil.Process().memory_info().rss)
print(max(peaks[:25]) >> 20, max(peaks) >> 20)
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    early, ceiling = map(int, done.stdout.split())
    print(f"100 sizes: {early} MiB after 25 photos, {ceiling} MiB after 100")
    assert ceiling < 400
    assert ceiling - early < 100


def test_the_shipped_bundle_reads_the_sample_photo(repository):
    reader = Reader(SHIPPED)
    frame = read_photo(repository / "models" / "zoo" / "samples" / "meter.jpg").frame
    assert [reading.text for reading in reader.read(frame)] == ["027418"]


def painted(text):
    """A frame with one number of a place of its own; all numbers have frames of one size."""
    frame = np.zeros((480, 640, 3), np.uint8)
    paint_word(frame, text, 60, 60 * (int(text) - 3))
    return frame


def places(frame):
    return {int(row) // 60 for row in np.flatnonzero(frame[:, 100, 2])}


WAYS = {
    "read": lambda reader, frame: reader.read(frame),
    "read_many": lambda reader, frame: next(iter(reader.read_many([frame, frame]))),
    "look": lambda reader, frame: [text for _, text in reader.look(frame)],
    "recognize": lambda reader, frame: reader.recognize(frame[60 * place :][10:30, 70:170] for place in places(frame)),
    "read_places": lambda reader, frame: [
        place.text for place in reader.read_places([(frame, region.quad) for region in reader.detect(frame)])
    ],
}


@pytest.mark.parametrize("way", WAYS.values(), ids=WAYS)
def test_threads_share_a_reader(reader, way):
    numbers = "4567"

    def work(text):
        frame = painted(text)
        return [texts(way(reader, frame)) for _ in range(12)]

    with ThreadPoolExecutor(len(numbers)) as pool:
        assert list(pool.map(work, numbers)) == [[[text]] * 12 for text in numbers]
    for owner in (reader._detector, reader._recognizer):
        assert len(owner._buffers.idle) <= MAX_BINDINGS


def test_calls_of_one_thread_may_interleave(reader):
    """What is begun keeps its buffers while others are read, in whatever order."""
    first, second = (reader.read_many(map(painted, digits)) for digits in ("4567", "7654"))
    found = []
    for one, other in zip(first, second, strict=True):
        found.append((texts(one), texts(reader.read(painted("5"))), texts(other)))
    assert found == [([one], ["5"], [other]) for one, other in zip("4567", "7654", strict=True)]
    crops = [
        [np.full((40, 80, 3), round(grey_of(character)), np.uint8) for character in word] for word in ("456", "789")
    ]
    rows = zip(*(reader._recognizer.log_probs(crop) for crop in crops), strict=True)
    assert [tuple(int(step[0].argmax()) - 1 for step in pair) for pair in rows] == [(4, 7), (5, 8), (6, 9)]


def test_nothing_to_read_reaches_no_session(reader, monkeypatch):
    def runs(*_given):
        raise AssertionError("it ran")

    monkeypatch.setattr(OnnxRuntimeBinding, "_start", runs)
    assert reader.recognize([]) == []
    assert reader.read_places([]) == []
    assert reader.recognize(iter(())) == []


@pytest.mark.parametrize("share", [0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7])
@pytest.mark.parametrize("size", [(480, 640), (1080, 1920)])
def test_the_shipped_bundle_reads_numbers_of_all_sizes(size, share):
    """Digits as high as so much of the picture; the two larger canvases alone find none above 0.2."""
    scale, thick = share * size[0] / 21, max(round(share * size[0] / 10.5), 1)
    (width, _), _ = cv2.getTextSize("58", cv2.FONT_HERSHEY_DUPLEX, scale, thick)
    frame = np.full((*size, 3), 200, np.uint8)
    start = (size[1] - width) // 2, round(size[0] * (1 + share) / 2)
    cv2.putText(frame, "58", start, cv2.FONT_HERSHEY_DUPLEX, scale, (30, 30, 30), thick, cv2.LINE_AA)
    assert texts(Reader(SHIPPED).read(frame)) == ["58"]


@pytest.mark.parametrize("side", range(4))
def test_the_shipped_bundle_reads_text_at_the_border_of_a_picture(side):
    """The ink of a number is 2 px from one side; without a margin around a frame the upper one hides most of them."""
    reader = Reader(SHIPPED)
    for text in ("4711", "305", "1280"):
        drawn = np.zeros((200, 400), np.uint8)
        cv2.putText(drawn, text, (20, 120), cv2.FONT_HERSHEY_SIMPLEX, 0.8, 255, 2, cv2.LINE_AA)
        x, y, width, height = cv2.boundingRect(drawn)
        ink = (drawn[y : y + height, x : x + width, None] * 0.8).astype(np.uint8)
        left, top = ((250, 2), (638 - width, 220), (250, 478 - height), (2, 220))[side]
        frame = np.full((480, 640, 3), 225, np.uint8)
        frame[top : top + height, left : left + width] -= ink
        assert texts(reader.read(frame)) == [text]


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({}, ["17.03.24", "08:05"]),
        ({"pattern": "[0-9]{2}:[0-9]{2}"}, ["08:05"]),
        ({"pattern": "[0-9.]{8} [0-9:]{5}"}, ["17.03.24 08:05"]),
        ({"find": "text"}, ["17.03.24 08:05"]),
    ],
)
def test_the_shipped_bundle_reads_a_date_and_a_time_as_two_numbers(options, expected):
    reader = Reader(SHIPPED, **options)
    frame = np.full((250, 450, 3), 225, np.uint8)
    cv2.putText(frame, "17.03.24 08:05", (60, 137), cv2.FONT_HERSHEY_DUPLEX, 1.2, (20, 20, 20), 2, cv2.LINE_AA)
    assert texts(reader.read(frame)) == expected


@pytest.mark.timed
def test_the_shipped_bundle_gives_its_first_reading_within_a_second(repository):
    program = f"""
from pathlib import Path
from edgereader.runtime import Reader
from edgereader.runtime.geometry.files import read_photo
print(len(Reader().read(read_photo(Path({str(repository / "models/zoo/samples/meter.jpg")!r})).frame)))
"""
    command = [sys.executable, "-c", program]
    spent: list[float] = []
    while len(spent) < 15 and min(spent, default=2) >= 1:  # other programs of the machine slow some of the starts
        start = time.perf_counter()
        subprocess.run(command, capture_output=True, text=True, check=True)
        spent.append(time.perf_counter() - start)
    print(f"process start to first reading: {min(spent):.2f} s, load {os.getloadavg()[0]:.1f}")
    assert min(spent) < 1


@pytest.mark.timed
def test_two_threads_read_at_least_1_7_times_as_much_as_one(repository):
    """On two quiet cores; one thread's throughput is that of a reader that nobody shares."""
    if len(os.sched_getaffinity(0)) < 2:
        pytest.skip("needs two cores: run it without taskset")
    reader = Reader(SHIPPED, "cpu", threads=1)
    frame = read_photo(repository / "models" / "zoo" / "samples" / "meter.jpg").frame
    cv2_threads = cv2.getNumThreads()
    cv2.setNumThreads(1)

    def per_second(count):
        start = time.perf_counter()
        with ThreadPoolExecutor(count) as pool:
            list(pool.map(reader.read, [frame] * (12 * count)))
        return 12 * count / (time.perf_counter() - start)

    try:
        per_second(2)
        ratios = [per_second(2) / per_second(1) for _ in range(5)]
    finally:
        cv2.setNumThreads(cv2_threads)
    print(f"two threads beside one: {sorted(ratios)[2]:.2f} (median of {[round(ratio, 2) for ratio in ratios]})")
    assert max(ratios) >= 1.7


@pytest.mark.timed
def test_reading_around_the_networks_costs_a_tenth_of_a_frame(repository):
    """Fit, boxes, cut and text of the shipped bundle, against its networks."""
    reader = Reader(SHIPPED)
    frame = read_photo(repository / "models" / "zoo" / "samples" / "meter.jpg").frame
    networks = []
    for owner in (reader._detector, reader._recognizer):
        reader.read(frame)
        for _, binding in owner._buffers.idle:
            timed(binding, networks)
    shares = []
    for _ in range(9):
        networks.clear()
        start = time.perf_counter()
        reader.read(frame)
        shares.append(1 - sum(networks) / (time.perf_counter() - start))
    print(f"share of a frame outside the networks: {min(shares):.1%}")
    assert min(shares) < 0.1


def timed(binding, spent):
    original = binding.start

    def run(batch):
        start = time.perf_counter()
        original(batch)
        spent.append(time.perf_counter() - start)

    binding.start = run
