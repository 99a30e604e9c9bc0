import numpy as np
import pytest

from edgereader.runtime.bundle import Bundle
from edgereader.runtime.detector import MAX_BINDINGS, Detector
from edgereader.runtime.errors import BundleError, ImageError
from edgereader.runtime.manifest import ShapeRange
from edgereader.runtime.sessions.onnx_runtime import OnnxRuntimeSession


@pytest.fixture(scope="module")
def detector(bundle_folder):
    return Detector(Bundle.open(bundle_folder))


@pytest.mark.parametrize("scale", [1, 0.25, 3])
def test_quads_are_in_frame_pixels(detector, scale):
    frame = np.zeros((round(480 * scale), round(640 * scale), 3), np.uint8)
    left, top, right, bottom = (round(each * scale) for each in (200, 120, 440, 200))
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
    assert [len(each._sides_px) for each in (detector, alone)] == [2, 1]
    for size in (3000, 500):
        frame = np.zeros((size * 3 // 4, size, 3), np.uint8)
        frame[size // 4 : size // 2, size // 3 : size * 2 // 3, 2] = 255
        (_, found), (expected,) = detector.detect(frame), alone.detect(frame)
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
    quads = [each.quad[:, ::-1] if turned else each.quad for each in found]
    for (left, right), quad in zip(places, sorted(quads, key=lambda each: each[:, 0].min()), strict=True):
        assert np.abs((*quad.min(axis=0), *quad.max(axis=0)) - np.array((left, 30, right, 70))).max() < 12


def test_long_frames_share_one_canvas_and_leave_no_trace(bundle_folder):
    detector = Detector(Bundle.open(bundle_folder), long_side_px=256)
    bright, dark = np.full((60, 5000, 3), 255, np.uint8), np.zeros((60, 5000, 3), np.uint8)
    assert len(detector.detect(bright)) == 1
    assert detector.detect(dark) == []
    assert len(detector._bindings) == 1


def test_a_second_look_sees_a_long_frame_at_half_the_size(make_bundle):
    detector = Detector(Bundle.open(make_bundle(coarse_side_px=384)), long_side_px=768)
    for size in ((100, 12_000), (600, 12_000), (200, 300), (3000, 4000)):
        fine, coarse = (plan.scale_xy[0] for plan in detector.plans(*size))
        assert 0.45 < coarse / fine < 0.52


def test_what_lies_in_the_margin_alone_is_no_text(detector):
    """A bright last row is repeated there: it is a line of the frame, not a text of the margin's height."""
    frame = np.zeros((480, 640, 3), np.uint8)
    frame[-1, 100:300, 2] = 255
    assert all(np.ptp(each.quad[:, 1]) > 0 for each in detector.detect(frame))


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
    assert len(detector._bindings) == MAX_BINDINGS


def test_two_frames_under_way_at_once(detector):
    left, right = np.zeros((480, 640, 3), np.uint8), np.zeros((480, 640, 3), np.uint8)
    left[100:180, 50:250, 2] = right[100:180, 350:550, 2] = 255
    first, second = detector.start(left, slot=0), detector.start(right, slot=1)
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
    canvases = [canvas for canvas, _ in detector._bindings]
    assert max(height for height, _ in canvases) <= 224
    assert max(width for _, width in canvases) <= 320
    told = [each.getMessage() for each in caplog.records]
    assert any("pictures of 640x480 are read at 208x156" in each for each in told)
    before = len(told)
    detector.detect(np.zeros((640, 480, 3), np.uint8))
    assert len(caplog.records) == before


def test_an_earlier_frame_leaves_no_trace(detector):
    bright = np.full((400, 640, 3), 255, np.uint8)
    assert detector.detect(bright)
    assert detector.detect(np.zeros((300, 640, 3), np.uint8)) == []


def test_grey_frames_and_no_frames(detector):
    assert detector.detect(np.full((100, 100), 255, np.uint8))
    with pytest.raises(ImageError):
        detector.detect(None)


def test_thresholds_come_from_the_bundle(make_bundle):
    from edgereader.runtime.manifest import Thresholds

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
