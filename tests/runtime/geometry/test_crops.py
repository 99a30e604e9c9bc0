import numpy as np
import pytest
from msgspec.structs import replace

from edgereader.runtime.bundles.bundle import Bundle
from edgereader.runtime.geometry.crops import BATCH_PX, MOST_CROPS, batch_size, fill_crop, plan_cut
from edgereader.runtime.geometry.images import box
from edgereader.runtime.geometry.rotation import upside_down

FRAME = np.random.default_rng(0).integers(0, 256, (200, 1200, 3), np.uint8)


@pytest.fixture(scope="module")
def spec(make_bundle):
    return Bundle.open(make_bundle(widths=(64, 128, 512), stretch=2.0)).recognizer


@pytest.mark.parametrize(
    ("quad_hw", "width", "used"),
    [((40, 20), 64, 32 / 64), ((40, 41), 128, 65 / 128), ((40, 400), 512, 384 / 512), ((40, 1000), 512, 1)],
)
def test_a_crop_has_the_least_width_that_holds_it(spec, quad_hw, width, used):
    cut = plan_cut(spec, FRAME, box(10, 10, quad_hw[1], quad_hw[0]))
    assert (cut.width, cut.margin) == (width, 0)
    crop = np.zeros((32, width, 1), np.uint8)
    assert fill_crop(spec, cut, crop) == used
    columns = round(used * width)
    assert (crop[:, columns:] == crop[:, columns - 1 : columns]).all(), "the rest repeats the last column"


def test_a_margin_counts_for_the_width(spec):
    plain, roomy = (plan_cut(spec, FRAME, box(50, 50, 40, 40), margin) for margin in (0, 0.5))
    assert (plain.width, roomy.width, roomy.margin) == (64, 64, 0.5)
    assert plan_cut(spec, FRAME, box(50, 50, 400, 100), 0.1).width == 512
    np.testing.assert_array_equal(roomy.quad, box(30, 30, 80, 80))


def test_easyocrs_steps_are_for_text_that_was_not_turned(make_bundle):
    spec = Bundle.open(make_bundle(widths=(32, 64, 128), as_easyocr=True)).recognizer
    level, turned = box(10, 10, 80.5, 40), upside_down(box(10, 10, 80.5, 40))
    cut = plan_cut(spec, FRAME, level, 0.1)
    assert (cut.width, cut.quad.tolist()) == (64, box(6, 6, 88, 48).tolist())
    crop = np.zeros((32, 64, 1), np.uint8)
    assert fill_crop(spec, cut, crop) == 58 / 64
    cut = plan_cut(spec, FRAME, turned, 0.1)
    assert cut.quad.tolist() == pytest.approx(upside_down(box(6, 6, 88.5, 48)))
    assert fill_crop(spec, cut, crop) == 59 / 64
    with pytest.raises(ValueError, match="as_easyocr only with keep_ratio and CTC, got None-VGG-None-Attn"):
        make_bundle(prediction="Attn", as_easyocr=True)
    with pytest.raises(ValueError, match="as_easyocr only with keep_ratio and CTC, got crops that are stretched"):
        make_bundle(keep_ratio=False, as_easyocr=True)


def test_a_batch_of_wide_crops_holds_fewer(spec):
    assert [batch_size(spec, width) for width in spec.widths] == [32, 32, 8]
    tall = replace(spec, image_hw=(64, 8192), widths=(32, 1024, 8192))
    assert [batch_size(tall, width) for width in tall.widths] == [32, 2, 1]
    assert all(batch_size(spec, width) * 32 * width <= BATCH_PX for width in spec.widths)
    assert batch_size(replace(spec, widths=()), 512) == MOST_CROPS, "one width: as many as ever"
