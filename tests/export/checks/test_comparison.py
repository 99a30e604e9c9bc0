"""Which batches are compared, and with which images."""

from pathlib import Path
from types import SimpleNamespace

import cv2
import numpy as np
import pytest
from msgspec.structs import replace

from edgereader.export.checks.comparison import (
    Trial,
    bind,
    compare_all,
    images_of,
    in_turn,
    open_trial,
    row_errors,
    run,
    sizes_of,
)
from edgereader.export.precision.pictures import Picture
from edgereader.runtime.bundles.bundle import Bundle
from edgereader.runtime.bundles.manifest import ShapeRange
from edgereader.runtime.errors import BackendError

from ...runtime.graphs import write_test_bundle


def trial_of(kind, pictures=(), root="digits-edge"):
    bundle = Bundle.open(root)
    return open_trial(Bundle(bundle.root, replace(bundle.manifest, canary=None)), kind, "cpu", "fp32", pictures)


def limited(kind, shapes, root="digits-edge"):
    trial = trial_of(kind, (), root)
    session = SimpleNamespace(limits=lambda name: shapes if name in {"image", "crops"} else None)
    return Trial(trial.bundle, kind, session, trial.reference, ())


@pytest.fixture
def of_one_width(tmp_path):
    return Path(write_test_bundle(tmp_path / "one_width", image_hw=(32, 128), detector=False))


def test_a_session_without_limits_is_tried_at_usual_sizes(of_one_width):
    assert sizes_of(trial_of("recognizer", root=of_one_width)) == {(32, 128): [1, 8, 32]}
    assert sizes_of(trial_of("detector")) == {(256, 384): [1, 3], (448, 768): [1]}


def test_a_recognizer_of_several_widths_is_tried_at_three_with_as_many_crops_as_the_runtime_reads(tmp_path):
    bundle = Bundle.open(write_test_bundle(tmp_path / "bundle", widths=(64, 96, 128, 256, 512), detector=False))
    cv2.imwrite(str(tmp_path / "crop.png"), np.arange(32 * 200, dtype=np.uint8).reshape(32, 200))
    trial = open_trial(bundle, "recognizer", "cpu", "fp32", (Picture(tmp_path / "crop.png", None),) * 3)
    assert sizes_of(trial) == {(32, 64): [1, 8, 32], (32, 128): [1, 8, 32], (32, 512): [1, 8]}
    assert images_of(trial, (32, 64)).shape == (4, 32, 64, 1)
    assert {found.shape[1:3]: found.alone < 1e-5 for found in compare_all(trial)} == dict.fromkeys(
        sizes_of(trial), True
    )


def test_a_session_with_limits_is_tried_at_its_usual_and_its_largest(of_one_width):
    crops = ShapeRange(min=(1, 32, 128, 1), opt=(4, 32, 128, 1), max=(16, 32, 128, 1))
    assert sizes_of(limited("recognizer", crops, of_one_width)) == {(32, 128): [1, 4, 16]}
    image = ShapeRange(min=(1, 32, 32, 3), opt=(1, 448, 768, 3), max=(2, 768, 768, 3))
    assert sizes_of(limited("detector", image)) == {(256, 384): [1, 2], (448, 768): [1], (768, 768): [1, 2]}
    image = ShapeRange(min=(1, 32, 32, 3), opt=(1, 192, 192, 3), max=(1, 192, 192, 3))
    assert sizes_of(limited("detector", image)) == {(192, 192): [1]}


def test_images_are_all_different(tmp_path):
    for index in range(5):
        cv2.imwrite(str(tmp_path / f"{index}.png"), np.full((50, 90, 3), 40 * index, np.uint8))
    pictures = tuple(Picture(tmp_path / f"{index}.png", None) for index in range(5))
    images = images_of(trial_of("detector", pictures), (64, 96))
    assert images.shape == (4, 64, 96, 3)
    assert [image.mean() for image in images[:3]] == [0, 40, 80]
    assert images[3].std() > 20, "noise"
    box = np.array(((10, 5), (60, 5), (60, 30), (10, 30)), np.float32)
    boxed = tuple(Picture(picture.path, (box,)) for picture in pictures)
    crops = images_of(trial_of("recognizer", boxed), (32, 128))
    assert crops.shape == (6, 32, 128, 1)


def test_rows_are_compared_with_those_of_their_images():
    right = {"maps": np.arange(6.0).reshape(3, 2), "other": np.ones((3, 1))}
    got = {name: in_turn(rows, 7) for name, rows in right.items()}
    assert row_errors(got, right, list(right)) == [0] * 7
    got["maps"] = got["maps"][::-1]
    assert row_errors(got, right, ["other"]) == [0] * 7
    assert sum(error > 0 for error in row_errors(got, right, list(right))) == 4


def test_more_outputs_than_the_graph_has_are_an_error():
    trial = trial_of("recognizer")
    images = np.zeros((5, 32, 128, 1), np.uint8)
    outputs = run(trial.session, trial, images, 5)
    assert outputs["symbols"].shape == outputs["log_probs"].shape[:2]
    assert len(run(trial.session, trial, images, 1)["symbols"]) == 5
    with pytest.raises(BackendError, match="more"):
        bind(trial.session, trial, images.shape, {"more": np.zeros(3)})
