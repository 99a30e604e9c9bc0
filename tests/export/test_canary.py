"""The shipped bundle's canary: both precisions read it, and what a broken backend would see is told apart."""

import shutil

import cv2
import numpy as np
import pytest
from click.testing import CliRunner
from msgspec.structs import replace

from edgereader.export.canary import NUMBER, canary_check, draw, drawn_text, write_canary
from edgereader.export.cli import export
from edgereader.runtime import Reader
from edgereader.runtime.bundles.bundle import Bundle, shipped, write_bundle
from edgereader.runtime.errors import BackendError, BundleError
from edgereader.runtime.sessions.canary import MAP_TOLERANCE, as_picture, maps_of
from edgereader.runtime.sessions.opening import open_unproven

KINDS = "detector", "recognizer"


@pytest.fixture(scope="module")
def copied(tmp_path_factory):
    root = tmp_path_factory.mktemp("zoo") / "digits-edge"
    shutil.copytree(shipped("digits-edge"), root)
    write_canary(root)
    return root


def off(root, image, precision="fp32"):
    """How far the maps of a picture are from the canary's, as a share of the canary's mean."""
    session = open_unproven(Bundle.open(root), "detector", "cpu", precision)
    expected = cv2.imread(str(root / "canary.maps.png"))
    seen = as_picture(maps_of(session, np.ascontiguousarray(image)))
    return float(cv2.absdiff(seen, expected).mean() / expected.mean())


@pytest.mark.parametrize("precision", ["fp32", "int8"])
def test_the_number_is_found_and_read(copied, precision):
    image = cv2.imread(str(copied / "canary.png"))
    (reading,) = Reader(Bundle.open(copied), "cpu", precision).read(image)
    assert (reading.text, reading.agrees) == (NUMBER, True)
    assert reading.confidence > 0.99
    assert Bundle.open(copied).manifest.canary.text == NUMBER
    assert canary_check(Bundle.open(copied), "recognizer", "cpu", precision) == f"reads {NUMBER!r}"
    assert "allowed" in canary_check(Bundle.open(copied), "detector", "cpu", precision)


def test_int8_is_nearer_than_swapped_colours_by_far(copied):
    image = cv2.imread(str(copied / "canary.png"))
    assert off(copied, image) == 0
    assert 0 < off(copied, image, "int8") < MAP_TOLERANCE / 3
    assert off(copied, image[..., ::-1]) > 1.5 * MAP_TOLERANCE
    assert off(copied, np.roll(image, 4, axis=1)) > 1.5 * MAP_TOLERANCE
    other = draw("83905", 768)[0]
    assert off(copied, other) > 1.5 * MAP_TOLERANCE
    assert off(copied, np.zeros_like(image)) > 5 * MAP_TOLERANCE


def test_another_model_under_the_same_name_is_found_out(copied, tmp_path):
    bundle = Bundle.open(copied)
    canary = bundle.manifest.canary
    stale = Bundle(copied, replace(bundle.manifest, canary=replace(canary, text="40713", maps=None)))
    with pytest.raises(BackendError, match=r"cpu: expected to read '40713' .*got '40712'.*`edgereader export canary"):
        canary_check(stale, "recognizer")
    with pytest.raises(BundleError, match="maps of the canary, got none"):
        canary_check(stale, "detector")


def test_it_is_written_again_with_the_same_bytes(copied):
    before = {path.name: path.read_bytes() for path in copied.iterdir()}
    write_canary(copied)
    assert {path.name: path.read_bytes() for path in copied.iterdir()} == before


@pytest.mark.parametrize("kind", KINDS)
def test_a_bundle_with_one_network(copied, tmp_path, kind):
    shutil.copytree(copied, tmp_path / "one")
    manifest = Bundle.open(copied).manifest
    other = next(other for other in KINDS if other != kind)
    write_bundle(tmp_path / "one", replace(manifest, canary=None, **{other: None}))
    canary = write_canary(tmp_path / "one")
    assert (canary.maps is None, canary.text is None) == (kind == "recognizer", kind == "detector")
    assert canary_check(Bundle.open(tmp_path / "one"), "detector" if kind == "detector" else "recognizer")


def test_the_command_names_what_it_wrote(copied):
    result = CliRunner().invoke(export, ["canary", str(copied)])
    assert result.output == f"{copied / 'canary.png'}: {NUMBER}\n"
    assert result.exit_code == 0


@pytest.mark.parametrize(
    ("charset", "text"),
    [("0123456789", NUMBER), ("01", "01"), ("abcdefgh", "abcde"), ("0123", "0123"), ("你好", NUMBER), (".,7", "7")],
)
def test_what_is_drawn_for_a_charset(charset, text):
    assert drawn_text(charset) == text


@pytest.mark.parametrize("side", [64, 100, 256, 1280])
@pytest.mark.parametrize("text", ["1", NUMBER, "WWWWW"])
def test_the_picture_is_a_canvas_that_holds_the_text(side, text):
    image, (x, y, width, height) = draw(text, side)
    assert image.shape[0] % 32 == image.shape[1] % 32 == 0
    assert max(image.shape) <= side
    assert min(x, y) >= 0
    assert min(width, height) > 0
    assert (x + width, y + height) <= (image.shape[1], image.shape[0])
    outside = image.copy()
    outside[y : y + height, x : x + width] = outside[0, 0]
    assert (outside == outside[0, 0]).all(), "some ink lies outside of the box"
