"""`verify` passes a good bundle and names what is wrong with another."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import pytest
from msgspec.structs import replace
from onnx import helper, numpy_helper

from edgereader.export.checks.files import verify_bundle
from edgereader.export.pipeline import Target, export_detector, export_recognizer
from edgereader.models.craft import CRAFT
from edgereader.models.recognizer import Recognizer
from edgereader.runtime.bundles.bundle import Bundle, file_sha256, write_bundle
from edgereader.runtime.bundles.manifest import FileEntry
from edgereader.runtime.errors import CheckpointError

Maker = Callable[..., Recognizer]


@pytest.fixture(scope="module")
def exported(make_recognizer: Maker, thin_craft: CRAFT, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a bundle and the checkpoints that it came from."""
    import torch

    root = tmp_path_factory.mktemp("verify")
    network = make_recognizer("None-VGG-None-CTC", num_classes=11, width=0.1, even_contrast=True)
    for name, part in {
        "recognizer": network,
        "other": make_recognizer("None-VGG-None-CTC", num_classes=11, width=0.1),
        "detector": thin_craft,
    }.items():
        state = part.state_dict()
        if name == "other":
            state = {key: value * 1.01 for key, value in state.items()}
        torch.save(state, root / f"{name}.pt")
    export_recognizer(root / "recognizer.pt", Target(root / "bundle"), charset="digits", even_contrast=True)
    export_detector(root / "detector.pt", Target(root / "bundle"))
    return root


@pytest.fixture
def bundle(exported: Path, tmp_path: Path) -> Path:
    """A copy that a test may spoil."""
    return Path(shutil.copytree(exported / "bundle", tmp_path / "bundle"))


def failures(bundle: Path, *checkpoints: Path) -> dict[str, str]:
    return {
        f"{check.subject}: {check.name}": check.detail
        for check in verify_bundle(Bundle.open(bundle), checkpoints)
        if not check.passed
    }


def replace_graph(bundle: Path, change: Callable[[onnx.ModelProto], None]) -> None:
    """Alter the recogniser's graph, with a manifest that vouches for it."""
    path = bundle / "recognizer.onnx"
    model = onnx.load(path)
    change(model)
    onnx.save(model, path)
    manifest = Bundle.open(bundle).manifest
    assert manifest.recognizer is not None
    entry = FileEntry(path=path.name, sha256=file_sha256(path), bytes=path.stat().st_size)
    write_bundle(bundle, replace(manifest, recognizer=replace(manifest.recognizer, files={"fp32": entry})))


@pytest.mark.slow
def test_a_good_bundle_passes(exported: Path) -> None:
    checks = list(
        verify_bundle(Bundle.open(exported / "bundle"), (exported / "recognizer.pt", exported / "detector.pt"))
    )
    assert all(check.passed for check in checks), [check for check in checks if not check.passed]
    names = {check.name for check in checks}
    assert names == {"checksum", "contract", "recorded parity", "batches", "mask", "parity with the checkpoint"}


def test_another_checkpoint_fails_and_a_missing_one_is_named(exported: Path) -> None:
    found = failures(exported / "bundle", exported / "other.pt")
    assert "0.0002" in found["recognizer fp32: parity with the checkpoint"]
    assert "checkpoint of the CRAFT detector" in found["detector fp32: parity with the checkpoint"]
    with pytest.raises(CheckpointError):
        failures(exported / "bundle", exported / "bundle" / "bundle.json")


def test_an_altered_file_fails(bundle: Path) -> None:
    contents = bytearray((bundle / "detector.onnx").read_bytes())
    contents[len(contents) // 2] ^= 1
    (bundle / "detector.onnx").write_bytes(contents)
    assert "SHA-256" in failures(bundle)["detector fp32: file"]


def test_a_graph_of_another_contract_fails(bundle: Path) -> None:
    def rename(model: onnx.ModelProto) -> None:
        model.graph.input[0].name = "pixels"

    replace_graph(bundle, rename)
    assert "expected inputs" in failures(bundle)["recognizer fp32: file"]


def test_a_graph_that_ignores_its_image_fails(bundle: Path) -> None:
    def ignore(model: onnx.ModelProto) -> None:
        node = next(node for node in model.graph.node if node.op_type == "Cast")
        model.graph.initializer.append(numpy_helper.from_array(np.zeros((), np.float32), "nothing"))
        model.graph.node.insert(1, helper.make_node("Mul", ["cast", "nothing"], [node.output[0]]))
        node.output[0] = "cast"

    replace_graph(bundle, ignore)
    assert "different outputs" in failures(bundle)["recognizer fp32: batches"]


def test_a_graph_that_ignores_the_mask_fails(bundle: Path) -> None:
    def ignore(model: onnx.ModelProto) -> None:
        node = next(node for node in model.graph.node if "allowed" in node.input)
        model.graph.initializer.append(numpy_helper.from_array(np.zeros(11, np.float32), "nothing"))
        model.graph.node.insert(0, helper.make_node("Mul", ["allowed", "nothing"], ["ignored"]))
        node.input[list(node.input).index("allowed")] = "ignored"

    replace_graph(bundle, ignore)
    assert "forbidden symbols never" in failures(bundle)["recognizer fp32: mask"]
