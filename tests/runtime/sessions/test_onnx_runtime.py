import numpy as np
import pytest

from edgereader.runtime.errors import BackendError, BackendUnavailable
from edgereader.runtime.sessions import open_session

from ..graphs import CHARSET

SHAPES = {"image": (3, 64, 96, 3), "region": (3, 32, 48), "affinity": (3, 32, 48)}


@pytest.fixture
def session(bundle_folder):
    return open_session(bundle_folder / "detector.onnx", "cpu")


def test_buffers_are_written_and_read_in_place(session):
    assert session.backend == "cpu"
    binding = session.bind(SHAPES, batched=tuple(SHAPES))
    image, region = binding.inputs["image"], binding.outputs["region"]
    assert (image.shape, image.dtype, region.dtype) == ((3, 64, 96, 3), np.uint8, np.float32)
    for level in (255, 51):
        image[..., 2] = level
        binding.run(3)
        assert binding.outputs["region"] is region
        assert np.allclose(region, level / 255)


def test_only_the_first_rows_run(session):
    binding = session.bind(SHAPES, batched=tuple(SHAPES))
    binding.inputs["image"][...] = 255
    binding.outputs["region"][...] = -1
    binding.run(1)
    assert binding.outputs["region"][:, 0, 0].tolist() == [1, -1, -1]
    binding.run(2)
    assert binding.outputs["region"][:, 0, 0].tolist() == [1, 1, -1]


def test_inputs_without_a_batch_axis_stay_whole(bundle_folder):
    session = open_session(bundle_folder / "recognizer.onnx")
    classes = len(CHARSET) + 1
    assert session.output_shape("log_probs") == (None, 1, classes)
    shapes = {"crops": (4, 32, 100, 1), "allowed": (classes,), "symbols": (4, 1), "log_probs": (4, 1, classes)}
    binding = session.bind(shapes, batched=("crops", "symbols", "log_probs"))
    binding.inputs["crops"][...] = 255
    binding.run(2)
    assert binding.outputs["symbols"][:2, 0].tolist() == [classes - 1] * 2
    binding.inputs["allowed"][-1] = -1e4
    binding.run(2)
    assert binding.outputs["symbols"][:2, 0].tolist() == [classes - 2] * 2


@pytest.mark.parametrize("name", ["cuda", "tensorrt", "tensorrt-rtx", "tensorrt-ep", "CPU", ""])
def test_what_is_asked_for_runs_or_is_an_error(bundle_folder, name):
    with pytest.raises(BackendUnavailable, match=r"cpu; use one of these"):
        open_session(bundle_folder / "detector.onnx", name)


def test_auto_is_cpu_here(bundle_folder):
    assert open_session(bundle_folder / "detector.onnx", "auto").backend == "cpu"


def test_a_file_that_is_no_graph(tmp_path):
    (tmp_path / "a.onnx").write_bytes(b"no graph")
    with pytest.raises(BackendError, match=r"a\.onnx: expected an ONNX graph") as caught:
        open_session(tmp_path / "a.onnx")
    assert "\n" not in str(caught.value)


def test_names_and_shapes_that_are_not_the_graphs(session):
    with pytest.raises(BackendError, match="export it again"):
        session.bind({"image": (1, 64, 64, 3)}, batched=())
    with pytest.raises(BackendError, match="output 'mask'"):
        session.output_shape("mask")
    binding = session.bind({**SHAPES, "region": (3, 5, 5)}, batched=tuple(SHAPES))
    with pytest.raises(BackendError, match="ONNX Runtime failed"):
        binding.run(3)


def test_without_onnx_runtime_the_fix_is_named(bundle_folder, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "onnxruntime", None)
    with pytest.raises(BackendUnavailable, match=r"pip install 'edgereader\[cpu\]'"):
        open_session(bundle_folder / "detector.onnx")
