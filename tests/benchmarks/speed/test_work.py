import cv2
import numpy as np
import pytest

from edgereader.benchmarks.flops import gflop, gflop_of
from edgereader.benchmarks.speed import work
from edgereader.benchmarks.speed.work import work_of
from edgereader.runtime import Bundle
from edgereader.runtime.detector import Detector
from edgereader.runtime.geometry.crops import plan_cut

PEAKS = {"fp32": 100.0, "int8": 200.0}


@pytest.fixture
def bundle(monkeypatch):
    monkeypatch.setattr(work, "peak_gops", lambda precision, _threads: PEAKS[precision])
    return Bundle.open("digits-edge")


def canvases(bundle, *canvases_hw):
    return sum(gflop(bundle.file("detector"), {"image": (1, *hw, 3)}) for hw in canvases_hw)


def test_a_photo_without_text_asks_for_its_canvases_only(bundle):
    found = work_of(bundle, "fp32", [np.full((512, 512, 3), 128, np.uint8)])
    assert found.gop_per_frame == pytest.approx(canvases(bundle, (768, 768), (384, 384)))
    assert found.peak_gops == pytest.approx(100)
    assert found.limit_ms == pytest.approx(10 * found.gop_per_frame)


def test_photos_count_on_average_with_their_crops(bundle, repository):
    empty, bib = np.full((512, 512, 3), 128, np.uint8), cv2.imread(str(repository / "models/zoo/samples/bib.jpg"))
    one, other, both = (work_of(bundle, "int8", frames).gop_per_frame for frames in ([empty], [bib], [empty, bib]))
    assert both == pytest.approx((one + other) / 2)
    detector, spec = Detector(bundle, "cpu", "int8"), bundle.recognizer
    regions = detector.detect(bib)
    looks = canvases(bundle, *(plan.canvas_hw for plan in detector.plans(*bib.shape[:2])))
    widths = [plan_cut(spec, bib, each.quad, spec.margin).width for each in regions]
    crops = sum(gflop_of(bundle, "recognizer", (1, spec.image_hw[0], width, spec.channels)) for width in widths)
    assert other == pytest.approx(looks + crops)
    assert len(set(widths)) > 1


def test_each_network_has_the_peak_of_its_precision(bundle):
    frames = [np.full((300, 300, 3), 128, np.uint8)]
    assert work_of(bundle, None, frames, canvas_px=256).peak_gops == pytest.approx(PEAKS[bundle.precision("detector")])
    assert work_of(bundle, None, frames, canvas_px=256).gop_per_frame < work_of(bundle, None, frames).gop_per_frame


def test_a_precision_without_kernels_has_no_limit(bundle):
    assert work_of(bundle, "fp16", [np.zeros((64, 64, 3), np.uint8)]) is None
