"""`verify` passes a good bundle and names what is wrong with another."""

import shutil
from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from msgspec.structs import replace
from onnx import helper, numpy_helper

from edgereader.export.checks.files import gated, verify_bundle
from edgereader.export.pipeline import Target, export_detector, export_recognizer
from edgereader.runtime.bundles.bundle import Bundle
from edgereader.runtime.bundles.manifest import Quantized
from edgereader.runtime.errors import CheckpointError, ExportError

from ...runtime.graphs import write_test_bundle
from ..bundles import with_graph


@pytest.fixture(scope="module")
def exported(make_recognizer, tmp_path_factory):
    """A folder with a bundle, the checkpoint of its recognizer and another one; its detector is a tiny graph."""
    root = Path(write_test_bundle(tmp_path_factory.mktemp("verify") / "bundle", recognizer=False)).parent
    sizes = {"num_classes": 11, "width": 0.1, "image_hw": (32, 64), "even_contrast": True}
    state = make_recognizer("None-VGG-None-CTC", **sizes).state_dict()
    torch.save(state, root / "recognizer.pt")
    torch.save({key: value * 1.01 for key, value in state.items()}, root / "other.pt")
    told = {"charset": "digits", "image_hw": (32, 64), "even_contrast": True}
    export_recognizer(root / "recognizer.pt", Target(root / "bundle"), **told)
    return root


@pytest.fixture
def bundle(exported, tmp_path):
    """A copy that a test may spoil."""
    return Path(shutil.copytree(exported / "bundle", tmp_path / "bundle"))


def failures(bundle, *checkpoints):
    return {
        f"{check.subject}: {check.name}": check.detail
        for check in verify_bundle(Bundle.open(bundle), checkpoints)
        if not check.passed
    }


def replace_graph(bundle, change):
    """Alter the recognizer's graph, with a manifest that vouches for it."""
    model = onnx.load(bundle / "recognizer.onnx")
    change(model)
    with_graph(bundle, "recognizer", model, "fp32")


@pytest.mark.slow
def test_a_good_bundle_passes(bundle, exported, thin_craft, save):
    detector = save(thin_craft, "detector.pt")
    export_detector(detector, Target(bundle))
    checks = list(verify_bundle(Bundle.open(bundle), (exported / "recognizer.pt", detector)))
    assert all(check.passed for check in checks), [check for check in checks if not check.passed]
    names = {check.name for check in checks}
    assert names == {"checksum", "contract", "recorded parity", "batches", "mask", "parity with the checkpoint"}


def test_another_checkpoint_fails_and_a_missing_one_is_named(exported):
    found = failures(exported / "bundle", exported / "other.pt")
    assert "0.0002" in found["recognizer fp32: parity with the checkpoint"]
    assert "checkpoint of the CRAFT detector" in found["detector fp32: parity with the checkpoint"]
    with pytest.raises(CheckpointError):
        failures(exported / "bundle", exported / "bundle" / "bundle.json")


def test_an_altered_file_fails(bundle):
    contents = bytearray((bundle / "detector.onnx").read_bytes())
    contents[len(contents) // 2] ^= 1
    (bundle / "detector.onnx").write_bytes(contents)
    assert "SHA-256" in failures(bundle)["detector fp32: file"]


def test_a_graph_of_another_contract_fails(bundle):
    def rename(model):
        model.graph.input[0].name = "pixels"

    replace_graph(bundle, rename)
    assert "expected inputs" in failures(bundle)["recognizer fp32: file"]


def test_a_graph_that_ignores_its_image_fails(bundle):
    def ignore(model):
        node = next(node for node in model.graph.node if node.op_type == "Cast")
        model.graph.initializer.append(numpy_helper.from_array(np.zeros((), np.float32), "nothing"))
        model.graph.node.insert(1, helper.make_node("Mul", ["cast", "nothing"], [node.output[0]]))
        node.output[0] = "cast"

    replace_graph(bundle, ignore)
    assert "different outputs" in failures(bundle)["recognizer fp32: batches"]


def test_a_graph_that_ignores_the_mask_fails(bundle):
    def ignore(model):
        node = next(node for node in model.graph.node if "allowed" in node.input)
        model.graph.initializer.append(numpy_helper.from_array(np.zeros(11, np.float32), "nothing"))
        model.graph.node.insert(0, helper.make_node("Mul", ["allowed", "nothing"], ["ignored"]))
        node.input[list(node.input).index("allowed")] = "ignored"

    replace_graph(bundle, ignore)
    assert "forbidden symbols never" in failures(bundle)["recognizer fp32: mask"]


@pytest.mark.parametrize("figures", [{"strings_equal": 0.0}, {"strings_equal": 0.98}, {"hmean_loss": 0.6}])
def test_a_gate_that_was_not_passed_is_refused(figures):
    entry = Quantized(
        calibrated_on=1, validated_on=1, labelled=False, strings=9, strings_equal=1.0, regions=9, hmean_loss=0.0,
        kept_fp32=[], speed_ratio=2.0, speed_on="", versions={},
    )  # fmt: skip
    assert "2.00 times" in gated(entry)
    assert gated(replace(entry, speed_ratio=None, speed_on=None)) == "1 pictures"
    with pytest.raises(ExportError, match="of the strings equal"):
        gated(replace(entry, **figures))
