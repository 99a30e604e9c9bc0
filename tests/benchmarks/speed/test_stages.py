import sys

import cv2
import numpy as np
import pytest

from edgereader.benchmarks.contenders import Options, opener
from edgereader.benchmarks.flops import gflop, gflop_of
from edgereader.benchmarks.speed import stages
from edgereader.benchmarks.speed.results import STAGES
from edgereader.benchmarks.speed.stages import (
    KERNELS,
    Clocks,
    clocks,
    located,
    measure,
    peak_gops,
    summed,
    work_of,
)
from edgereader.runtime import Bundle
from edgereader.runtime.bundles.bundle import shipped
from edgereader.runtime.detector import Detector
from edgereader.runtime.geometry.crops import plan_cut

PHOTO = shipped("samples") / "meter.jpg"


@pytest.fixture(scope="module")
def edgereader():
    return opener("edgereader")("edgereader", Options(precision="int8", backend="cpu", canvas_px=320))


def test_the_runtime_has_every_function_and_binding():
    names = [name for names in stages.FUNCTIONS.values() for name in names]
    assert all(callable(getattr(*located(name))) for name in names)
    for name in stages.BINDINGS:
        binding = getattr(*located(name))
        assert callable(binding.start)
        assert callable(binding.wait)


def test_every_stage_takes_its_time(edgereader):
    edgereader.read(stages.files.read_photo(PHOTO).frame)
    with clocks() as found:
        stages.read(edgereader, PHOTO)
    assert all(found.seconds[stage] > 0 for stage in STAGES), found.seconds


def test_clocks_are_taken_off_again(edgereader):
    before = [getattr(*located(name)) for names in stages.FUNCTIONS.values() for name in names]
    with pytest.raises(RuntimeError), clocks():
        assert getattr(*located("detector:fit")) is not before[2]
        raise RuntimeError
    assert [getattr(*located(name)) for names in stages.FUNCTIONS.values() for name in names] == before


def test_a_clock_leaves_out_what_a_clocked_function_inside_takes(monkeypatch):
    ticks = iter((0.0, 1.0, 3.5, 4.0, 5.0, 6.0))
    monkeypatch.setattr(stages.time, "perf_counter", lambda: next(ticks))
    made = Clocks()
    made.on(made.on(lambda: None, "cut"), "text")()
    assert (made.seconds["cut"], made.seconds["text"]) == (2.5, 1.5)
    with pytest.raises(ZeroDivisionError):
        made.on(lambda: 1 // 0, "cut")()
    assert (made.seconds["cut"], made._inside) == (3.5, [])


def test_photos_are_measured_with_clocks_and_without(edgereader):
    found = measure(edgereader, [PHOTO], seconds=0.0)
    assert found.photos == stages.LEAST_PHOTOS
    assert [stage.stage for stage in found.stages] == list(STAGES)
    assert found.sum_ms == pytest.approx(sum(stage.mean_ms for stage in found.stages))


def test_the_share_outside_the_networks_leaves_decoding_out():
    spent = {"decode": 0.1, "fit": 0.01, "detect": 0.06, "boxes": 0.01, "cut": 0.01, "recognize": 0.04, "text": 0.01}
    found = summed([spent, spent], [0.25, 0.35])
    assert found.whole_ms == pytest.approx(300)
    assert found.sum_ms == pytest.approx(240)
    assert found.outside_networks == pytest.approx(0.04 / 0.2)


@pytest.mark.parametrize("precision", list(KERNELS))
def test_a_peak_is_that_of_the_fastest_kernel_and_measured_once(precision, monkeypatch):
    monkeypatch.setattr(stages, "SIDE", 64)
    found = peak_gops(precision, 1, 0.0)
    assert 0 < found < 1e5
    assert peak_gops(precision, 1, 0.0) == found
    monkeypatch.setattr(stages, "product", lambda _operator, left, _right, _threads: left)
    monkeypatch.setattr(stages, "fastest_s", lambda run, _: {"float32": 0.001, "uint8": 0.001, "int8": 0.5}[run])
    assert peak_gops(precision, 3) == pytest.approx(2 * 64**3 / 1e6)


PEAKS = {"fp32": 100.0, "int8": 200.0}


@pytest.fixture
def bundle(monkeypatch):
    monkeypatch.setattr(stages, "peak_gops", lambda precision, _threads: PEAKS[precision])
    return Bundle.open("digits-edge")


def work(precision, frames, **options):
    return work_of(Options(backend="cpu", precision=precision, **options), frames)


def canvases(bundle, *canvases_hw):
    return sum(gflop(bundle.file("detector"), {"image": (1, *hw, 3)}) for hw in canvases_hw)


def test_a_photo_without_text_asks_for_its_canvases_only(bundle):
    found = work("fp32", [np.full((512, 512, 3), 128, np.uint8)])
    assert found.gop_per_frame == pytest.approx(canvases(bundle, (768, 768), (384, 384), (192, 192), (128, 128)))
    assert found.peak_gops == pytest.approx(100)
    assert found.limit_ms == pytest.approx(10 * found.gop_per_frame)


def test_photos_count_on_average_with_their_crops(bundle, repository):
    empty, bib = np.full((512, 512, 3), 128, np.uint8), cv2.imread(str(repository / "models/zoo/samples/bib.jpg"))
    one, other, both = (work("int8", frames).gop_per_frame for frames in ([empty], [bib], [empty, bib]))
    assert both == pytest.approx((one + other) / 2)
    detector, spec = Detector(bundle, "cpu", "int8"), bundle.recognizer
    looking = detector.start(bib)
    regions = detector.finish(looking)
    windows = [window.plan.canvas_hw for window in looking.windows]
    looks = canvases(bundle, *(plan.canvas_hw for plan in detector.plans(*bib.shape[:2])), *windows)
    widths = [plan_cut(spec, bib, region.quad, spec.margin).width for region in regions]
    crops = sum(gflop_of(bundle, "recognizer", (1, spec.image_hw[0], width, spec.channels)) for width in widths)
    assert other == pytest.approx(looks + crops)
    assert len(set(widths)) > 1
    assert windows


def test_each_network_has_the_peak_of_its_precision_if_there_are_kernels(bundle, monkeypatch):
    frames = [np.full((300, 300, 3), 128, np.uint8)]
    assert work("fp16", frames) is None
    assert work(None, frames, canvas_px=256).peak_gops == pytest.approx(PEAKS[bundle.precision("detector")])
    assert work(None, frames, canvas_px=256).gop_per_frame < work(None, frames).gop_per_frame
    monkeypatch.setitem(sys.modules, "onnx", None)
    assert work(None, frames) is None
