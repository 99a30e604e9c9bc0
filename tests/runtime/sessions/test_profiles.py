import pytest

from edgereader.runtime.bundles.bundle import Bundle
from edgereader.runtime.bundles.manifest import CANVAS_SIDES_PX, ShapeRange
from edgereader.runtime.errors import BundleError
from edgereader.runtime.geometry.canvases import plan_fit
from edgereader.runtime.geometry.crops import MOST_CROPS
from edgereader.runtime.sessions.profiles import default_profile


@pytest.fixture(scope="module")
def bundle(make_bundle):
    return Bundle.open(make_bundle(long_side_px=768))


def test_a_detector_takes_every_canvas_of_its_long_side(bundle):
    (name, shapes), *rest = default_profile(bundle, "detector").items()
    assert (name, rest) == ("image", [])
    assert shapes == ShapeRange(min=(1, 32, 32, 3), opt=(1, 448, 768, 3), max=(1, 768, 768, 3))
    for height, width in ((1080, 1920), (1920, 1080), (768, 768), (20, 4000), (5, 5)):
        canvas = plan_fit(height, width, long_side_px=768, enlarge=1.5).canvas_hw
        assert all(low <= side <= high for low, side, high in zip(shapes.min[1:], canvas, shapes.max[1:], strict=False))


def test_a_detector_is_fastest_with_the_first_canvas_and_takes_all_that_are_named(bundle):
    shapes = default_profile(bundle, "detector", [(736, 1280), (1280, 736)], 4)["image"]
    assert shapes == ShapeRange(min=(1, 32, 32, 3), opt=(1, 736, 1280, 3), max=(4, 1280, 1280, 3))


def test_a_recognizer_takes_every_batch_that_the_runtime_runs(bundle):
    shapes = default_profile(bundle, "recognizer")
    assert shapes == {"crops": ShapeRange(min=(1, 32, 100, 1), opt=(8, 32, 100, 1), max=(MOST_CROPS, 32, 100, 1))}
    assert default_profile(bundle, "recognizer", max_batch=4)["crops"].opt[0] == 4
    assert default_profile(bundle, "recognizer", max_batch=64)["crops"].max[0] == 64


def test_a_recognizer_takes_all_its_widths_and_is_fastest_with_the_middle_one(make_bundle):
    bundle = Bundle.open(make_bundle(widths=(64, 96, 128, 256)))
    assert default_profile(bundle, "recognizer") == {
        "crops": ShapeRange(min=(1, 32, 64, 1), opt=(8, 32, 128, 1), max=(MOST_CROPS, 32, 256, 1))
    }


@pytest.mark.parametrize("side", CANVAS_SIDES_PX)
def test_min_opt_and_max_are_in_order_for_every_long_side(make_bundle, bundle, side):
    from msgspec.structs import replace

    manifest = replace(bundle.manifest, detector=replace(bundle.detector, long_side_px=side))
    assert default_profile(Bundle(bundle.root, manifest), "detector")["image"].max == (1, side, side, 3)


def test_a_model_that_is_not_there(make_bundle):
    with pytest.raises(BundleError, match="expected a detector, got none"):
        default_profile(Bundle.open(make_bundle(detector=False)), "detector")
