from types import SimpleNamespace

import numpy as np
import pytest

from edgereader.runtime import Reader
from edgereader.runtime.errors import AlphabetError, BundleError
from edgereader.runtime.geometry.heatmaps import Region
from edgereader.runtime.geometry.images import box
from edgereader.runtime.geometry.quads import overlap
from edgereader.runtime.stream.settings import Detection, Number
from edgereader.runtime.stream.sources.frames import Shot
from edgereader.runtime.stream.tracking.watcher import COARSE_FRAMES, MOST_TRACKS, WORD_FRAMES, Watcher

from .. import meters
from .rows import alphabet, place

SIZE_HW = 240, 320
HERE, THERE = box(40, 100, 100, 30), box(180, 60, 80, 30)
QUIET = Detection(motion=False, unsure=False)


class Scenes:
    """A reader, and the frames that it reads: each a dictionary of texts and their quads; "~" is unreadable."""

    def __init__(self, *scenes):
        self.scenes, self.alphabet, self.min_confidence = scenes, alphabet(), 0.7
        self.sessions = {"detector": None, "recognizer": None}
        self.looked, self.batches, self.seen_hw = [], [], []

    def shots(self, size_hw=SIZE_HW):
        return [Shot(self.frame(at, size_hw), at, at / 25, at / 25) for at in range(len(self.scenes))]

    def frame(self, at, size_hw=SIZE_HW):
        frame = np.full((*size_hw, 3), 90, np.uint8)
        frame[:, :, 0] = at
        for quad in self.scenes[at].values():
            (left, top), (right, bottom) = quad.min(0).astype(int), quad.max(0).astype(int)
            frame[top:bottom, left:right, 1:] = 60
            frame[top:bottom:8, left:right, 1:] = 250
        return frame

    def detect(self, frame, *, coarse):
        self.looked.append((int(frame[0, 0, 0]), coarse))
        self.seen_hw.append(frame.shape[:2])
        characters = np.empty((0, 4, 2), np.float32)
        scene = self.scenes[frame[0, 0, 0]]
        return [Region(quad, characters, 0.95) for text, quad in scene.items() if not text.startswith("~")]

    def read_places(self, places):
        batch = list(places)
        self.batches.append(len(batch))
        return [self._read(self.scenes[frame[0, 0, 0]], quad) for frame, quad in batch]

    @staticmethod
    def _read(scene, quad):
        text = max(scene, key=lambda text: overlap(scene[text], quad, of="union"), default="~")
        if text.startswith("~") or overlap(scene[text], quad, of="union") < 0.5:
            return place("abcd")
        shown = np.ptp(quad[:, 0]) / np.ptp(scene[text][:, 0])
        return place(text[: round(len(text) * shown)])


def watch(reader, detection=QUIET, numbers=None, at_once=1, **options):
    watcher, shots = Watcher(reader, detection, numbers or [Number()], **options), reader.shots()
    return [seen for at in range(0, len(shots), at_once) for seen in watcher.look(shots[at : at + at_once])]


def texts(seen):
    return [[track.fused.text for track in one.tracks] for one in seen]


def detected(seen):
    return [at for at, one in enumerate(seen) if one.detected]


def test_the_detector_looks_rarely_and_places_are_read_often():
    reader = Scenes(*[{"4711": HERE, "83": THERE}] * 12)
    seen = watch(reader, Detection(every_frames=5, motion=False))
    assert detected(seen) == [0, 5, 10]
    assert texts(seen) == [["4711", "83"]] * 12
    assert [[track.id for track in one.tracks] for one in seen] == [[1, 2]] * 12
    assert [one.tracks[0].age for one in seen] == list(range(1, 13))
    assert [one.recognized for one in seen] == reader.batches == [2, 2, 2, 2, 2, 4, 2, 2, 2, 2, 4, 2]
    assert all(track.read for one in seen for track in one.tracks)
    assert seen[11].tracks[0].fused.frames == 8


@pytest.mark.parametrize("at_once", [2, 5, 12])
def test_tracks_of_several_frames_are_read_in_one_batch(at_once):
    scenes = [{"4711": HERE, "83": THERE}] * 12
    one_by_one, reader = watch(Scenes(*scenes), Detection(every_frames=5)), Scenes(*scenes)
    seen = watch(reader, Detection(every_frames=5), at_once=at_once)
    assert texts(seen) == texts(one_by_one)
    assert [one.shot.number for one in seen] == list(range(12))
    assert [one.recognized for one in seen] == [one.recognized for one in one_by_one]
    assert max(reader.batches) == {2: 4}.get(at_once, 8)


def test_a_changed_value_is_seen_without_the_detector():
    seen = watch(Scenes(*[{"4711": HERE}] * 6, *[{"4712": HERE}] * 4), Detection())
    assert detected(seen) == [0]
    assert texts(seen)[5:] == [["4711"], ["4711"], ["4712"], ["4712"], ["4712"]]
    assert [one.tracks[0].id for one in seen] == [1] * 10


def test_one_broken_frame_changes_nothing_and_calls_no_detector():
    seen = watch(Scenes(*[{"4711": HERE}] * 5, {}, *[{"4711": HERE}] * 5), Detection())
    assert detected(seen) == [0]
    assert texts(seen) == [["4711"]] * 11
    assert [one.tracks[0].read for one in seen] == [True] * 5 + [False] + [True] * 5
    assert seen[5].tracks[0].fused == seen[4].tracks[0].fused


def test_a_look_at_a_broken_frame_concludes_nothing():
    shifted = {"4711": HERE + np.float32([90, 60]), "5555": box(20, 20, 80, 30)}
    reader = Scenes(*[{"4711": HERE}] * 6, shifted, *[{"4711": HERE}] * 6)
    seen = watch(reader, Detection(every_frames=6))
    assert seen[6].detected
    assert not seen[6].tracks[0].read
    assert texts(seen) == [["4711"]] * 13
    assert {one.tracks[0].id for one in seen} == {1}


def test_what_cannot_be_read_any_more_is_looked_for_less_and_less_and_ends():
    seen = watch(Scenes(*[{"4711": HERE}] * 6, *[{}] * 80), Detection(motion=False, every_frames=1000))
    looks = detected(seen)[1:]
    assert looks[0] <= 8, "the second unreadable frame, or the next"
    assert 4 <= len(looks) <= 7
    assert np.diff(looks).tolist() == sorted(np.diff(looks).tolist())
    (ended,) = [track for one in seen for track in one.ended]
    assert (ended.id, ended.fused.text, ended.read) == (1, "4711", False)
    assert seen[-1].tracks == ()


def test_a_text_that_moves_is_followed():
    scenes = [{"4711": HERE + np.float32([4 * at, 2 * at])} for at in range(30)]
    reader = Scenes(*scenes)
    seen = watch(reader, Detection())
    assert {tuple(track.id for track in one.tracks) for one in seen} == {(1,)}
    assert {track.fused.text for one in seen for track in one.tracks} == {"4711"}
    for at in range(8, 30):
        assert overlap(seen[at].tracks[0].quad, scenes[at]["4711"], of="union") > 0.7
    assert len(reader.looked) < 16


def test_what_appears_is_found_by_motion():
    reader = Scenes(*[{}] * 5, *[{"4711": HERE}] * 8)
    assert texts(watch(reader, Detection(every_frames=1000)))[-1] == ["4711"]
    assert [at for at, _ in reader.looked] == [0, 6]
    still = Scenes(*reader.scenes)
    assert texts(watch(still))[-1] == []


def test_a_text_that_becomes_longer_is_seen_whole():
    wide = box(40, 100, 140, 30)
    reader = Scenes(*[{"9.9": HERE}] * 6, *[{"1000": wide}] * 8)
    seen = watch(reader, Detection(every_frames=1000))
    assert texts(seen)[-1] == ["1000"]
    assert (seen[-1].tracks[0].quad == wide).all()
    assert {track.id for one in seen for track in one.tracks} == {1}


def test_words_and_what_is_doubtful_are_not_followed():
    reader = Scenes(*[{"volt": HERE, "83": THERE}] * 3)
    assert texts(watch(reader)) == [["83"]] * 3


def test_of_quads_around_one_text_the_clearest_is_followed():
    class Doubtful(Scenes):
        @staticmethod
        def _read(_scene, quad):
            return place("4711") if np.ptp(quad[:, 0]) < 110 else place("4711m", rivals={4: ("3", 0.25)})

    with_unit, without = box(40, 100, 130, 30), box(40, 100, 100, 30)
    for scene in ({"4711m": with_unit, "4711": without}, {"4711": without, "4711m": with_unit}):
        (seen,) = watch(Doubtful(scene))
        (track,) = seen.tracks
        assert (track.quad == without).all()
        assert track.fused.confidence > 0.95


def test_words_are_not_read_at_every_look():
    reader = Scenes(*[{"volt": HERE, "83": THERE}] * (2 * WORD_FRAMES + 1))
    seen = watch(reader, Detection(every_frames=1))
    assert detected(seen) == list(range(2 * WORD_FRAMES + 1))
    assert [at for at, one in enumerate(seen[1:], 1) if one.recognized == 3] == [WORD_FRAMES, 2 * WORD_FRAMES]
    turned = Scenes(*[{"volt": HERE}] * 3, *[{"4711": HERE}] * WORD_FRAMES)
    assert texts(watch(turned, Detection(every_frames=1)))[-1] == ["4711"]


def test_the_coarse_look_is_left_out_now_and_then():
    reader = Scenes(*[{"83": THERE}] * (COARSE_FRAMES + 2))
    watch(reader, Detection(every_frames=1))
    assert [coarse for _, coarse in reader.looked] == [True] + [False] * (COARSE_FRAMES - 1) + [True, False]


def test_numbers_have_their_regions():
    left = Number(name="left", region=[(0, 0.3), (0.5, 0.3), (0.5, 0.7), (0, 0.7)])
    right = Number(name="right", region=[(0.5, 0), (1, 0), (1, 0.5), (0.5, 0.5)], kind="counter")
    seen = watch(Scenes({"4711": HERE, "83": THERE, "5": box(20, 200, 20, 30)}), numbers=[left, right])
    assert sorted((track.name, track.fused.text) for track in seen[0].tracks) == [("left", "4711"), ("right", "83")]


def test_quads_of_a_region_are_in_the_frames_pixels():
    class Cropped(Scenes):
        def detect(self, frame, **_options):
            rows, columns = (frame[..., 2] != 90).any(1).nonzero()[0], (frame[..., 2] != 90).any(0).nonzero()[0]
            quad = box(columns[0], rows[0], np.ptp(columns) + 1, np.ptp(rows) + 1)
            return [Region(quad, np.empty((0, 4, 2), np.float32), 0.9)]

    region = [(0.1, 0.3), (0.5, 0.3), (0.5, 0.7), (0.1, 0.7)]
    (seen,) = watch(Cropped({"4711": HERE}), numbers=[Number(region=region)])
    assert (seen.tracks[0].quad == HERE).all()


def test_masks_are_not_looked_at():
    mask = [(0.1, 0.3), (0.5, 0.3), (0.5, 0.7), (0.1, 0.7)]
    assert texts(watch(Scenes({"4711": HERE, "83": THERE}), masks=[mask])) == [["83"]]


def test_motion_in_a_mask_is_none():
    region = [(0.1, 0.1), (0.9, 0.1), (0.9, 0.9), (0.1, 0.9)]
    mask = [(0.5, 0.2), (0.85, 0.2), (0.85, 0.5), (0.5, 0.5)]
    reader = Scenes(*[{"4711": HERE}] * 4, *[{"4711": HERE, "83": THERE}] * 6)
    assert detected(watch(reader, Detection(), [Number(region=region)])) == [0, 5]
    assert detected(watch(reader, Detection(), [Number(region=region)], masks=[mask])) == [0]


def test_motion_around_something_unreadable_does_not_wear_out_the_detector():
    moving = [{"4711": HERE}] * 6 + [{"~": HERE, f"~{at}": box(200, 20 + 5 * at, 60, 20)} for at in range(30)]
    looks = detected(watch(Scenes(*moving), Detection(every_frames=1000)))
    assert len(looks) < 15


def test_a_numbers_own_pattern_decides():
    (seen,) = watch(Scenes({"4711": HERE}), numbers=[Number(pattern="[0-9]{4}")])
    assert seen.tracks[0].fused.accepted
    (seen,) = watch(Scenes({"4711": HERE}), numbers=[Number(pattern="[0-9]{5}")])
    assert not seen.tracks[0].fused.accepted
    with pytest.raises(AlphabetError):
        Watcher(Scenes(), QUIET, [Number(pattern="[")])


def test_another_plate_in_the_same_place_is_another_track():
    gate = Number(kind="plate")
    seen = watch(Scenes(*[{"84711": HERE}] * 6, *[{"39560": HERE}] * 6), numbers=[gate])
    assert texts(seen)[0] + texts(seen)[-1] == ["84711", "39560"]
    assert [one.tracks[0].id for one in (seen[0], seen[-1])] == [1, 2]
    (ended,) = [track for one in seen for track in one.ended]
    assert (ended.id, ended.fused.text) == (1, "84711")
    assert seen[-1].tracks[0].best.shape[2] == 3


def test_frames_may_change_their_size_in_mid_stream():
    reader = Scenes(*[{"4711": HERE}] * 4, *[{"4711": HERE * 2}] * 4)
    watcher = Watcher(reader, Detection(every_frames=1000), [Number()])
    shots = reader.shots()[:4] + reader.shots((480, 640))[4:]
    seen = watcher.look(shots)
    assert detected(seen) == [0, 4]
    assert {tuple(track.id for track in one.tracks) for one in seen} == {(1,)}
    assert overlap(seen[-1].tracks[0].quad, HERE * 2, of="union") > 0.9
    assert all(one.tracks[0].read for one in seen)
    small = watcher.look([Shot(np.zeros((2, 3, 3), np.uint8), 0, 9, 9)])
    assert not small[0].tracks or not small[0].tracks[0].read


def test_tracks_have_a_ceiling():
    many = {f"{4000 + at}": box(8 * (at % 38), 8 * (at // 38), 7, 7) for at in range(2 * MOST_TRACKS)}
    assert len(watch(Scenes(many))[0].tracks) == MOST_TRACKS


def test_nothing_to_look_at():
    watcher = Watcher(Scenes({}), QUIET, [Number()])
    assert watcher.look([]) == []
    (seen,) = watch(Scenes({}))
    assert (seen.tracks, seen.ended, seen.recognized, seen.detected) == ((), (), 0, True)


def test_a_reader_without_detector_cannot_watch():
    with pytest.raises(BundleError):
        Watcher(SimpleNamespace(sessions={"recognizer": None}), QUIET, [Number()])


def test_the_shipped_bundle_reads_a_meter_in_bad_light_with_few_looks():
    meter = meters.Meter(value_at=lambda second: 27416 + 0.5 * (second > 2), rolls=False, frames=90, seed=3)
    watcher = Watcher(Reader(upright=True), Detection(), [Number(name="meter", kind="counter", region=meter.region)])
    right = looks = 0
    for at, (frame, truth) in enumerate(meter):
        (one,) = watcher.look([Shot(frame, at, at / 25, at / 25)])
        right += truth.texts[0] in [track.fused.text for track in one.tracks]
        looks += one.detected
    assert right >= 85
    assert looks < 20
