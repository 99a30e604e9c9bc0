"""The weights of a bundle come back out of its graph, and others are refused."""

import numpy as np
import pytest
import torch

from edgereader.export.networks import load_recognizer
from edgereader.export.tuning.weights import network_in, write_checkpoint
from edgereader.models.checkpoints.initial import recognizer_options
from edgereader.runtime.bundles.bundle import Bundle
from edgereader.runtime.errors import CheckpointError

from ..test_pipeline import WIDTHS

VGG = "None-VGG-BiLSTM-CTC"
EXPORTED = pytest.mark.xdist_group(VGG)
"""Where it is exported already."""
STAGES = [VGG, pytest.param("None-ResNet-None-CTC", marks=pytest.mark.slow)]


@pytest.mark.parametrize("stages", STAGES)
def test_the_network_in_a_graph_gives_the_numbers_of_the_one_that_was_exported(exported, stages):
    network, folder = exported(stages, 0.125, WIDTHS)
    spec = Bundle.open(folder).recognizer
    found = network_in(folder / "recognizer.onnx", spec)
    images = torch.rand(3, 1, 32, 128, generator=torch.Generator().manual_seed(0)) * 2 - 1
    with torch.inference_mode():
        expected, got = network(images), found(images)
    np.testing.assert_allclose(got, expected, rtol=0, atol=1e-4 * float(expected.abs().max()))


def test_the_shipped_bundle_gives_a_checkpoint_that_tells_how_it_was_trained(tmp_path):
    bundle = Bundle.open("digits-edge")
    write_checkpoint(bundle, None, tmp_path / "start.pt")
    spec, told = bundle.recognizer, recognizer_options(tmp_path / "start.pt", None)
    for name in ("stages", "charset", "image_hw", "widths", "width", "channels", "keep_ratio", "stretch"):
        assert told[name] == getattr(spec, name), name
    assert told["even_contrast"] is True
    assert told["hidden_size"] == 256


@pytest.mark.parametrize("stages", ["None-VGG-BiLSTM-Attn", "TPS-VGG-None-CTC", "None-RCNN-None-CTC"])
def test_others_need_their_checkpoint(exported, tmp_path, stages):
    network, folder = exported(stages)
    bundle = Bundle.open(folder)
    with pytest.raises(CheckpointError, match=f"got {stages}; give the file .* --checkpoint FILE"):
        write_checkpoint(bundle, None, tmp_path / "start.pt")
    write_checkpoint(bundle, folder.parent / "checkpoint.pt", tmp_path / "start.pt")
    loaded = load_recognizer(tmp_path / "start.pt", max_length=4)
    assert all(torch.equal(value, loaded.state_dict()[key]) for key, value in network.state_dict().items())


@EXPORTED
def test_another_networks_checkpoint_is_refused(make_recognizer, exported, save, tmp_path):
    _, folder = exported(VGG, 0.125, WIDTHS)
    other = make_recognizer(VGG, num_classes=11, width=0.125, image_hw=(32, 128))
    with torch.no_grad():
        other.Prediction.weight.mul_(1.1)
    checkpoint = save(other)
    with pytest.raises(CheckpointError, match="expected the weights that .* was exported from, got others"):
        write_checkpoint(Bundle.open(folder), checkpoint, tmp_path / "start.pt")
    assert not (tmp_path / "start.pt").exists()


@EXPORTED
def test_a_graph_without_the_names_is_refused(exported):
    _, folder = exported(VGG, 0.125, WIDTHS)
    spec = Bundle.open(folder).recognizer
    with pytest.raises(CheckpointError, match="under their names, got others"):
        network_in(Bundle.open("digits-edge").root / "recognizer.onnx", spec)
