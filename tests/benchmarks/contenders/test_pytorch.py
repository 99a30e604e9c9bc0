import shutil

import cv2
import numpy as np
import pytest
import torch

from edgereader.benchmarks.contenders import Options, Unavailable, opener, pytorch
from edgereader.benchmarks.contenders.pytorch import COMPILED, TorchSession
from edgereader.benchmarks.networks import random_craft
from edgereader.runtime import Bundle
from edgereader.runtime.errors import BackendError


@pytest.fixture
def copy(tmp_path):
    """A copy of the shipped bundle, which has no checkpoints."""
    root = tmp_path / "bundle"
    shutil.copytree(Bundle.open("digits-edge").root, root)
    return root


def test_it_reads_what_the_graphs_read(repository):
    sample = cv2.imread(str(repository / "models/zoo/samples/bib.jpg"))
    ours, theirs = (opener(name)(name, Options(backend="cpu", precision="fp32")) for name in ("edgereader", "pytorch"))
    expected, got = ours.read(sample), theirs.read(sample)
    assert [text.text for text in got] == [text.text for text in expected] != []
    assert np.allclose(got[0].quad, expected[0].quad, atol=0.5)
    x0, y0, x1, y1 = (*expected[0].quad.min(axis=0).astype(int), *expected[0].quad.max(axis=0).astype(int))
    crop = np.ascontiguousarray(sample[y0:y1, x0:x1])
    assert theirs.recognize(crop).text == ours.recognize(crop).text != ""
    assert theirs.versions["torch"] == torch.__version__
    assert theirs.reader.sessions["detector"].backend == "pytorch"


def test_it_uses_the_threads_and_the_canvas_that_it_is_given(monkeypatch):
    given = []
    monkeypatch.setattr(torch, "set_num_threads", given.append)
    contender = opener("pytorch")("pytorch", Options(threads=1, canvas_px=256))
    assert given == [1]
    assert contender.read(np.full((200, 300, 3), 128, np.uint8)) == []
    assert (192, 256) in [hw for hw, _ in contender.reader._detector._buffers.idle]


def test_a_bundle_without_checkpoints_is_not_read(copy):
    with pytest.raises(
        Unavailable, match=r"recognizer.pt: expected the weights .*; python -m edgereader.benchmarks.wide"
    ):
        opener("pytorch")("pytorch", Options(bundle=str(copy)))


def test_other_weights_than_the_bundles_are_an_error(copy):
    shutil.copy(pytorch.TRAINED / "recognizer.pt", copy)
    torch.save(random_craft(0.25).state_dict(), copy / "detector.pt")
    with pytest.raises(BackendError, match="canary"):
        opener("pytorch")("pytorch", Options(bundle=str(copy)))


def test_what_torch_compile_needs_is_asked_for_before_it_fails(monkeypatch, tmp_path):
    monkeypatch.setattr(pytorch.sysconfig, "get_path", lambda _name: str(tmp_path))
    monkeypatch.setattr(pytorch.shutil, "which", lambda _name: "/usr/bin/g++")
    with pytest.raises(Unavailable, match="Python.h is not here: apt-get install"):
        opener(COMPILED)(COMPILED, Options())
    monkeypatch.setattr(pytorch.shutil, "which", lambda _name: None)
    with pytest.raises(Unavailable, match="C.. compiler, and g.. is not here: apt-get install"):
        opener(COMPILED)(COMPILED, Options())


class Doubled(torch.nn.Module):
    def forward(self, image):
        return image.float().mean(dim=3) * 2, image.float().amax(dim=3)


@pytest.mark.slow
@pytest.mark.parametrize("backend", ["pytorch", COMPILED])
def test_a_batch_writes_its_own_rows_only(backend):
    if backend == COMPILED:
        try:
            pytorch.expect_compiler()
        except Unavailable as exc:
            pytest.skip(str(exc))
    session = TorchSession(backend, Doubled(), {"region": (None,) * 3, "affinity": (None,) * 3})
    shapes = {"image": (3, 2, 4, 3), "region": (3, 2, 4), "affinity": (3, 2, 4)}
    binding = session.bind(shapes, batched=tuple(shapes))
    binding.inputs["image"][:] = np.arange(72).reshape(3, 2, 4, 3)
    binding.run(2)
    expected = np.arange(72, dtype=np.float32).reshape(3, 2, 4, 3)
    assert np.allclose(binding.outputs["region"][:2], 2 * expected.mean(axis=3)[:2])
    assert np.array_equal(binding.outputs["affinity"][:2], expected.max(axis=3)[:2])
    assert not binding.outputs["region"][2].any()
