import json
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise

import numpy as np
import pytest

from edgereader.runtime.bundles.bundle import Bundle
from edgereader.runtime.bundles.manifest import ShapeRange
from edgereader.runtime.detector import Detector
from edgereader.runtime.errors import BackendError, BundleError
from edgereader.runtime.geometry.images import box
from edgereader.runtime.sessions.lending import MAX_BINDINGS
from edgereader.runtime.sessions.onnx_runtime import OnnxRuntimeSession


@pytest.fixture(scope="module")
def detector(bundle_folder):
    return Detector(Bundle.open(bundle_folder))


@pytest.mark.parametrize("scale", [1, 0.25, 3])
def test_quads_are_in_frame_pixels(detector, scale):
    frame = np.zeros((round(480 * scale), round(640 * scale), 3), np.uint8)
    left, top, right, bottom = (round(edge * scale) for edge in (200, 120, 440, 200))
    frame[top:bottom, left:right, 2] = 255
    (found,) = detector.detect(frame)
    grown = 20 * scale
    assert np.abs(found.quad - [[left, top], [right, top], [right, bottom], [left, bottom]]).max() < grown
    assert found.quad.dtype == np.float32
    assert found.characters.shape == (1, 4, 2)
    assert found.score == pytest.approx(1, abs=0.02)


def test_quads_stay_inside_the_frame(detector):
    frame = np.full((333, 517, 3), 255, np.uint8)
    (found,) = detector.detect(frame)
    assert (found.quad >= 0).all()
    assert (found.quad <= (516, 332)).all()
    assert found.quad.max() > 510


@pytest.mark.parametrize("size", [(1, 1), (1, 5000), (5000, 1), (2, 3)])
def test_extreme_frames(detector, size):
    for value in (0, 255):
        detector.detect(np.full((*size, 3), value, np.uint8))


def test_a_second_look_is_fitted_from_the_first(make_bundle):
    """Where it finds text is the same, to a pixel of its canvas; a frame that was enlarged first is fitted anew."""
    bundle = Bundle.open(make_bundle(coarse_side_px=256))
    detector, alone = Detector(bundle, long_side_px=512), Detector(bundle, long_side_px=256)
    assert [opened._sides_px for opened in (detector, alone)] == [[512, 256, 128, 64], [256, 128, 64]]
    for size in (3000, 500):
        frame = np.zeros((size * 3 // 4, size, 3), np.uint8)
        frame[size // 4 : size // 2, size // 3 : size * 2 // 3, 2] = 255
        (_, found, *_), (expected, *_) = detector.detect(frame), alone.detect(frame)
        assert np.abs(found.quad - expected.quad).max() <= size / 256


@pytest.mark.parametrize("turned", [False, True])
@pytest.mark.parametrize("width", [900, 12_000])
def test_text_of_any_length_is_found_once_in_long_frames(detector, width, turned):
    """What lies on seams is one region, as long as it may be."""
    frame = np.zeros((100, width, 3), np.uint8)
    places = [(20, 60), (150, width // 2), (width // 2 + 50, width - 100)]
    for left, right in places:
        frame[30:70, left:right, 2] = 255
    found = detector.detect(np.ascontiguousarray(frame.transpose(1, 0, 2)) if turned else frame)
    assert len(found) == 3
    quads = [region.quad[:, ::-1] if turned else region.quad for region in found]
    for (left, right), quad in zip(places, sorted(quads, key=lambda corners: corners[:, 0].min()), strict=True):
        assert np.abs((*quad.min(axis=0), *quad.max(axis=0)) - np.array((left, 30, right, 70))).max() < 12


def test_long_frames_share_one_canvas_and_leave_no_trace(bundle_folder):
    detector = Detector(Bundle.open(bundle_folder), long_side_px=256)
    bright, dark = np.full((60, 5000, 3), 255, np.uint8), np.zeros((60, 5000, 3), np.uint8)
    assert len(detector.detect(bright)) == 1
    assert detector.detect(dark) == []
    assert len(detector._buffers.idle) == 1


def test_each_further_look_sees_a_frame_at_half_the_size(make_bundle):
    detector = Detector(Bundle.open(make_bundle(coarse_side_px=384)), long_side_px=768)
    for size in ((100, 12_000), (600, 12_000), (200, 300), (3000, 4000)):
        scales = [plan.scale_xy[0] for plan in detector.plans(*size)]
        assert len(scales) == 4
        assert all(0.43 < coarse / fine < 0.52 for fine, coarse in pairwise(scales))


def test_what_lies_in_the_margin_alone_is_no_text(detector):
    """A bright last row is repeated there: it is a line of the frame, not a text of the margin's height."""
    frame = np.zeros((480, 640, 3), np.uint8)
    frame[-1, 100:300, 2] = 255
    assert all(np.ptp(region.quad[:, 1]) > 0 for region in detector.detect(frame))


@pytest.mark.parametrize(
    ("size", "smallest", "full"),
    [
        ((480, 640), 10 / 1.5, None),
        ((2 * 1264, 3 * 1264), 30, 3840),
        ((1264, 1264), 10, None),
        ((100, 12_000), 10 / 1.5, None),
        ((1264, 12_000), 20, 2560),
        ((9000, 12_000), 10 * 12_000 / 1264, 8192),
    ],
)
def test_a_detector_knows_how_small_a_text_it_sees(detector, bundle_folder, size, smallest, full):
    sight = detector.sight(*size)
    assert sight.smallest_text_px == pytest.approx(smallest, rel=2e-3)
    assert sight.full_size_px == (None if full is None else pytest.approx(full, abs=5))
    if full is not None and full < 8192:
        closer = Detector(Bundle.open(bundle_folder), long_side_px=sight.full_size_px)
        assert closer.sight(*size).full_size_px is None


def test_few_bindings_are_kept(bundle_folder):
    detector = Detector(Bundle.open(bundle_folder), long_side_px=512)
    for width in range(64, 512, 40):
        detector.detect(np.zeros((300, width, 3), np.uint8))
    assert len(detector._buffers.idle) == MAX_BINDINGS


def test_two_frames_under_way_at_once(detector):
    left, right = np.zeros((480, 640, 3), np.uint8), np.zeros((480, 640, 3), np.uint8)
    left[100:180, 50:250, 2] = right[100:180, 350:550, 2] = 255
    first, second = detector.start(left), detector.start(right)
    (found_left,), (found_right,) = detector.finish(first), detector.finish(second)
    assert found_left.quad[:, 0].max() < 300 < found_right.quad[:, 0].min()


def test_frames_fit_into_what_an_engine_takes(bundle_folder, monkeypatch, caplog):
    limits = ShapeRange(min=(1, 32, 32, 3), opt=(1, 224, 320, 3), max=(1, 224, 320, 3))
    monkeypatch.setattr(OnnxRuntimeSession, "limits", lambda _, name: limits if name == "image" else None)
    detector = Detector(Bundle.open(bundle_folder))
    for size in ((480, 640), (640, 480), (200, 3000), (224, 320)):
        frame = np.zeros((*size, 3), np.uint8)
        frame[: size[0] // 2, : size[1] // 2, 2] = 255
        (found,) = detector.detect(frame)
        scale = max(size[0] / 224, size[1] / 320)
        assert np.abs(found.quad[2] - (size[1] // 2, size[0] // 2)).max() < 20 * scale
    canvases = [canvas for canvas, _ in detector._buffers.idle]
    assert max(height for height, _ in canvases) <= 224
    assert max(width for _, width in canvases) <= 320
    told = [record.getMessage() for record in caplog.records]
    assert any("pictures of 640x480 are read at 208x156" in line for line in told)
    before = len(told)
    detector.detect(np.zeros((640, 480, 3), np.uint8))
    assert len(caplog.records) == before


def test_thresholds_come_from_the_bundle(make_bundle):
    from edgereader.runtime.bundles.manifest import Thresholds

    frame = np.zeros((480, 640, 3), np.uint8)
    frame[100:200, 100:300, 2] = 150
    assert Detector(Bundle.open(make_bundle())).detect(frame) == []
    assert Detector(Bundle.open(make_bundle(thresholds=Thresholds(text=0.5)))).detect(frame)


def test_wrong_arguments(bundle_folder, make_bundle):
    with pytest.raises(ValueError, match="long_side_px: expected"):
        Detector(Bundle.open(bundle_folder), long_side_px=10_000)
    with pytest.raises(BundleError, match="fp16"):
        Detector(Bundle.open(bundle_folder), precision="fp16")
    with pytest.raises(BundleError, match="expected a detector"):
        Detector(Bundle.open(make_bundle(detector=False)))


def looks_at(detector, monkeypatch):
    """Canvases of each run, as they come."""
    seen, bind = [], detector._buffers._make

    def watched(canvas_hw):
        binding = bind(canvas_hw)
        start = binding.start
        binding.start = lambda batch: seen.append(canvas_hw) or start(batch)
        return binding

    monkeypatch.setattr(detector._buffers, "_make", watched)
    return seen


@pytest.mark.parametrize(
    ("size", "canvases"),
    [
        ((192, 256), [(320, 448), (128, 192), (64, 128), (64, 64)]),  # enlarged 1.5 times
        ((120, 100), [(256, 192), (128, 64), (64, 64), (64, 64)]),
        ((480, 640), [(768, 1024), (256, 320), (128, 192), (128, 128)]),
    ],
)
def test_further_looks_are_on_smaller_canvases(make_bundle, monkeypatch, size, canvases):
    """The two smallest ones show this text too low, and leave it to the others."""
    detector = Detector(Bundle.open(make_bundle(coarse_side_px=384)))
    seen = looks_at(detector, monkeypatch)
    frame = np.zeros((*size, 3), np.uint8)
    frame[10:50, 20:90, 2] = 255
    found = detector.detect(frame)
    assert seen == canvases
    assert len(found) == 2
    assert len(detector.detect(frame, coarse=False)) == 1


def test_small_text_is_looked_at_again_larger(make_bundle, monkeypatch):
    detector = Detector(Bundle.open(make_bundle(zoom=2)), long_side_px=640)
    seen = looks_at(detector, monkeypatch)
    frame = np.zeros((960, 1280, 3), np.uint8)
    frame[301:313, 401:461, 2] = 255
    frame[601:701, 801:1101, 2] = 255
    frame[40:52, 1020:1080, 2] = 140  # it may be text
    frame[40:52, 120:180, 2] = 110  # it is none
    looking = detector.start(frame)
    large, small = detector.finish(looking)
    assert seen == [(512, 640), (128, 192), (128, 192)]
    assert [window.plan.canvas_hw for window in looking.windows] == seen[1:]
    assert np.abs(large.quad - box(801, 601, 300, 100)).max() < 60
    assert np.abs(small.quad - box(401, 301, 60, 12)).max() < 12
    assert np.abs(small.characters.mean((0, 1)) - (431, 307)).max() < 2
    assert len(detector.detect(frame, coarse=False)) == 2
    assert len(seen) == 4


def test_small_text_that_is_longer_than_a_window_stays_as_it_was_seen(make_bundle):
    detector = Detector(Bundle.open(make_bundle(zoom=2)), long_side_px=640)
    frame = np.zeros((960, 1280, 3), np.uint8)
    frame[500:512, 20:1260, 2] = 255
    (found,) = detector.detect(frame)
    assert np.abs(found.quad - box(20, 500, 1240, 12)).max() < 20


@pytest.mark.parametrize(
    ("size", "closer"), [((960, 1280), 0.97), ((480, 640), 1.5), ((360, 480), None), ((2700, 3600), 0.346)]
)
def test_small_text_is_enlarged_where_that_gives_it_pixels(make_bundle, size, closer):
    """A frame that is enlarged already has none to give; `sight` counts the larger look."""
    once, twice = (Detector(Bundle.open(make_bundle(**more)), long_side_px=640) for more in ({}, {"zoom": 2}))
    looking = twice.start(np.zeros((*size, 3), np.uint8))
    assert looking.looks[0].closer_scale == (closer and pytest.approx(closer, rel=0.01))
    twice.finish(looking)
    gain = once.sight(*size).smallest_text_px / twice.sight(*size).smallest_text_px
    assert gain == pytest.approx(2 if closer and closer < 1.5 else 1.5 / 0.975 if closer else 1, rel=0.01)


def test_frames_are_fitted_as_by_easyocr_where_the_bundle_says_so(make_bundle):
    detector = Detector(Bundle.open(make_bundle(as_easyocr=True)), long_side_px=320)
    frame = np.zeros((333, 800, 3), np.uint8)
    frame[101:201, 301:701, 2] = 255
    (plan,) = detector.plans(333, 800)
    assert (plan.size_hw, plan.canvas_hw, plan.plain) == ((133, 320), (160, 320), True)
    (found,) = detector.detect(frame)
    assert np.abs(found.quad - box(301, 101, 400, 100)).max() < 25


def test_an_engine_that_makes_looks_equal_runs_one(make_bundle, monkeypatch):
    limits = ShapeRange(min=(1, 32, 32, 3), opt=(1, 256, 256, 3), max=(1, 256, 256, 3))
    monkeypatch.setattr(OnnxRuntimeSession, "limits", lambda _, name: limits if name == "image" else None)
    detector = Detector(Bundle.open(make_bundle(coarse_side_px=384)))
    seen = looks_at(detector, monkeypatch)
    detector.detect(np.zeros((480, 640, 3), np.uint8))
    assert seen == [(256, 256), (128, 192), (128, 128)]


def test_two_looks_on_canvases_of_one_size_keep_their_own(make_bundle):
    """Sides that are no canvas's, as no bundle may have them any more."""
    detector = Detector(Bundle.open(make_bundle(coarse_side_px=384)))
    detector._sides_px, detector.long_side_px = [440, 400], 440
    frame = np.zeros((440, 440, 3), np.uint8)
    frame[120:200, 240:400, 2] = 255
    first, second = detector.plans(440, 440)
    assert first.canvas_hw == second.canvas_hw == (448, 448)
    fine, coarse = detector.detect(frame)
    (alone,) = detector.detect(frame, coarse=False)
    assert np.array_equal(fine.quad, alone.quad)
    assert np.abs(fine.quad - coarse.quad).max() <= 4


def test_a_frame_is_finished_once(detector):
    looking = detector.start(np.zeros((100, 100, 3), np.uint8))
    assert detector.finish(looking) == []
    with pytest.raises(BackendError, match="got one that is finished; start it again"):
        detector.finish(looking)


def test_another_thread_may_finish_and_go_on(detector):
    frame = np.zeros((480, 640, 3), np.uint8)
    frame[100:180, 50:250, 2] = 255
    with ThreadPoolExecutor(1) as pool:
        looking = pool.submit(detector.start, frame).result()
        assert len(detector.finish(looking)) == len(detector.detect(frame)) == 1
        assert len(pool.submit(detector.detect, frame).result()) == 1


@pytest.mark.parametrize("sides", [{"long_side_px": 32}, {"coarse_side_px": 400}, {"coarse_side_px": 32}])
def test_sides_that_no_canvas_has_are_no_bundles(make_bundle, bundle_folder, tmp_path, sides):
    """Neither written nor opened."""
    with pytest.raises(BundleError, match="_side_px: expected"):
        make_bundle(**sides)
    manifest = json.loads((bundle_folder / "bundle.json").read_text())
    manifest["detector"] |= sides
    (tmp_path / "bundle.json").write_text(json.dumps(manifest))
    with pytest.raises(BundleError, match="_side_px: expected"):
        Bundle.open(tmp_path)


def test_a_second_look_is_smaller_than_the_first(make_bundle):
    assert Bundle.open(make_bundle(long_side_px=512, coarse_side_px=448)).detector.coarse_side_px == 448
    with pytest.raises(BundleError, match=r"expected a canvas below 512 \(64, 128, .*, 448\), got 512; choose one"):
        make_bundle(long_side_px=512, coarse_side_px=512)
