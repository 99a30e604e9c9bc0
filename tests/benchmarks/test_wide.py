import shutil

import cv2
import pytest
import torch
from click.testing import CliRunner

from edgereader.benchmarks import wide
from edgereader.benchmarks.contenders import Options, opener
from edgereader.benchmarks.networks import random_craft
from edgereader.benchmarks.wide import main, make_wide, widened
from edgereader.export.graphs import DetectorGraph
from edgereader.export.parity import random_images
from edgereader.models.craft import CRAFT
from edgereader.runtime import Bundle
from edgereader.runtime.detector import Detector
from edgereader.runtime.geometry.quads import overlap


@pytest.mark.parametrize("width", [0.25, 0.3])
def test_a_widened_detector_gives_the_maps_of_the_thin_one(width):
    thin, broad = random_craft(0.0625), CRAFT(width)
    state = widened(thin.state_dict(), broad.state_dict(), 0.0625, width)
    broad.load_state_dict(state)
    images = torch.from_numpy(random_images((1, 96, 128, 3), seed=2))
    with torch.inference_mode():
        expected, got = (torch.stack(DetectorGraph(network).eval()(images)) for network in (thin, broad))
    assert expected.std() > 0.01
    assert torch.allclose(got, expected, atol=1e-4)
    assert all((weights != 0).all() for name, weights in state.items() if name.endswith("conv.0.weight"))


@pytest.mark.parametrize("bundle", [True, False])
def test_a_folder_with_something_else_is_refused_and_left_alone(tmp_path, bundle):
    root = tmp_path / "mine"
    if bundle:
        shutil.copytree(Bundle.open("digits-edge").root, root)
    else:
        root.mkdir()
        (root / "note.txt").write_text("mine")
    before = {path.name: path.stat().st_mtime_ns for path in root.iterdir()}
    result = CliRunner().invoke(main, ["--to", str(root)])
    assert result.exit_code == 2
    assert "expected a new folder, or a bundle made here before, got something else; name one" in result.stderr
    assert {path.name: path.stat().st_mtime_ns for path in root.iterdir()} == before


@pytest.mark.slow
def test_the_bundle_finds_what_the_shipped_one_finds_and_pytorch_reads_what_it_reads(tmp_path, monkeypatch, repository):
    monkeypatch.setattr(wide, "SCENES", 2)
    root, said = tmp_path / "wide", []
    make_wide(root, said.append, width=0.25)
    bundle = Bundle.open(root)
    assert (bundle.detector.width, bundle.recognizer.stages) == (0.25, "TPS-ResNet-BiLSTM-Attn")
    assert {"fp32", "int8"} <= bundle.detector.files.keys() & bundle.recognizer.files.keys()

    sample = cv2.imread(str(repository / "models/zoo/samples/meter.jpg"))
    ours, shipped = (Detector(source, "cpu", "fp32").detect(sample) for source in (bundle, Bundle.open("digits-edge")))
    clear = [region for region in shipped if region.score > 0.7]
    assert len(clear) > 5
    assert all(max(overlap(one.quad, other.quad) for one in ours) > 0.6 for other in clear)

    options = Options(bundle=str(root), backend="cpu", precision="fp32")
    texts = []
    for name in ("edgereader", "pytorch"):
        contender = opener(name)(name, options)
        texts.append([text.text for _, text in contender.reader.look(sample)])
        assert len(texts[-1]) == len(contender.reader.detect(sample)) > len(clear)
    assert texts[0] == texts[1]

    again = []
    make_wide(root, again.append, width=0.25)
    assert len(again) == 1 < len(said)


def test_without_the_trained_weights_nothing_is_made(tmp_path, monkeypatch):
    monkeypatch.setattr(wide, "TEACHER", tmp_path / "absent.pt")
    result = CliRunner().invoke(main, ["--to", str(tmp_path / "wide")])
    assert result.exit_code == 2
    assert result.stderr.startswith("error: ")
    assert "absent.pt" in result.stderr
    assert not (tmp_path / "wide").exists()
