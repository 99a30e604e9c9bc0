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
