import os
import re
import sys
from pathlib import Path

import numpy as np
import pytest

from edgereader.runtime.bundles.bundle import Bundle, Checked
from edgereader.runtime.bundles.manifest import ShapeRange
from edgereader.runtime.errors import BackendError, BackendUnavailable, BundleError
from edgereader.runtime.extras import pip_install
from edgereader.runtime.sessions.onnx_runtime import OnnxRuntimeSession
from edgereader.runtime.sessions.opening import open_session

from ..graphs import CHARSET

SHAPES = {"image": (3, 64, 96, 3), "region": (3, 32, 48), "affinity": (3, 32, 48)}


def test_buffers_are_written_and_read_in_place(session):
    assert (session.backend, session.precision, session.limits("image")) == ("cpu", "fp32", None)
    binding = session.bind(SHAPES, batched=tuple(SHAPES))
    image, region = binding.inputs["image"], binding.outputs["region"]
    assert (image.shape, image.dtype, region.dtype) == ((3, 64, 96, 3), np.uint8, np.float32)
    for level in (255, 51):
        image[..., 2] = level
        binding.run(3)
        assert binding.outputs["region"] is region
        assert np.allclose(region, level / 255)


def test_a_cpu_is_done_when_it_has_started(session):
    binding = session.bind(SHAPES, batched=tuple(SHAPES))
    binding.inputs["image"][...] = 255
    binding.start(3)
    assert (binding.outputs["region"] == 1).all()
    binding.wait()


def test_only_the_first_rows_run(session):
    binding = session.bind(SHAPES, batched=tuple(SHAPES))
    binding.inputs["image"][...] = 255
    binding.outputs["region"][...] = -1
    binding.run(1)
    assert binding.outputs["region"][:, 0, 0].tolist() == [1, -1, -1]
    binding.run(2)
    assert binding.outputs["region"][:, 0, 0].tolist() == [1, 1, -1]


def test_inputs_without_a_batch_axis_stay_whole(bundle_folder):
    session = open_session(Bundle.open(bundle_folder), "recognizer", "cpu")
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


def test_a_file_that_is_no_graph(tmp_path):
    with pytest.raises(BackendError, match=r"a\.onnx: expected an ONNX graph") as caught:
        OnnxRuntimeSession(Checked(tmp_path / "a.onnx", b"no graph"))
    assert "\n" not in str(caught.value)


def test_what_runs_is_what_was_checked_though_the_file_is_another_by_then(make_bundle):
    folder = make_bundle()
    graph = Bundle.open(folder).read("detector")
    graph.path.write_bytes((folder / "recognizer.onnx").read_bytes())
    assert OnnxRuntimeSession(graph).output_shape("region")
    with pytest.raises(BundleError, match=r"detector\.onnx: expected"):
        open_session(Bundle.open(folder), "detector", "cpu")


def test_the_file_is_not_kept_beside_the_graph(bundle_folder):
    graph = Bundle.open(bundle_folder).read("detector")
    before = sys.getrefcount(graph.contents)
    session = OnnxRuntimeSession(graph)
    after = sys.getrefcount(graph.contents)  # outside of the assertion, which would hold them too
    assert after == before
    session.bind(SHAPES, batched=tuple(SHAPES)).run(3)


def resident_mib():
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 2**20


def test_sessions_compute_in_one_memory_which_the_same_size_does_not_make_larger(bundle_folder):
    """A picture of this size is more than 48 MiB as float; its maps are 8 MiB."""
    graph, sessions, grown = Bundle.open(bundle_folder).read("detector"), [], []
    shapes = {"image": (1, 2048, 2048, 3), "region": (1, 1024, 1024), "affinity": (1, 1024, 1024)}
    for _ in range(2):
        sessions.append(OnnxRuntimeSession(graph))
        binding = sessions[-1].bind(shapes, batched=tuple(shapes))
        for _ in range(3):
            before = resident_mib()
            binding.run(1)
            grown.append(resident_mib() - before)
    assert max(grown[1:]) < 32, grown


def test_a_graph_of_other_types_is_refused():
    """In float16 from end to end, as a converter makes it that is not told to keep the inputs and outputs."""
    import onnx

    image, region = (onnx.helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT16, [1]) for name in ("i", "r"))
    graph = onnx.helper.make_graph([onnx.helper.make_node("Relu", ["i"], ["r"])], "half", [image], [region])
    model = onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", 18)])
    model.ir_version = 10
    with pytest.raises(BackendError, match=r"half\.onnx: expected .* got \{'i': 'tensor\(float16\)'.*export it again"):
        OnnxRuntimeSession(Checked(Path("half.onnx"), model.SerializeToString()))


def test_names_and_shapes_that_are_not_the_graphs(session):
    with pytest.raises(BackendError, match="export it again"):
        session.bind({"image": (1, 64, 64, 3)}, batched=())
    with pytest.raises(BackendError, match="output 'mask'"):
        session.output_shape("mask")
    binding = session.bind({**SHAPES, "region": (3, 5, 5)}, batched=tuple(SHAPES))
    with pytest.raises(BackendError, match="ONNX Runtime failed"):
        binding.run(3)


def test_a_profile_is_not_left_since_that_would_build_an_engine(bundle_folder):
    image = ShapeRange(min=(1, 32, 32, 3), opt=(1, 64, 96, 3), max=(2, 64, 96, 3))
    session = OnnxRuntimeSession(Bundle.open(bundle_folder).read("detector"), profile={"image": image})
    assert session.limits("image") == image
    assert session.limits("crops") is None
    with pytest.raises(BackendError, match=r"image: expected \(1, 32, 32, 3\) to \(2, 64, 96, 3\), got \(3, 64"):
        session.bind(SHAPES, batched=tuple(SHAPES))
    session.bind({name: (2, *shape[1:]) for name, shape in SHAPES.items()}, batched=tuple(SHAPES))


@pytest.mark.parametrize(("backend", "extra"), [("cpu", "cpu"), ("cuda", "gpu"), ("tensorrt-ep", "gpu")])
def test_without_onnx_runtime_the_fix_is_named(bundle_folder, monkeypatch, backend, extra):
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    with pytest.raises(BackendUnavailable, match=rf"backend {backend} .*{re.escape(pip_install(extra))}"):
        open_session(Bundle.open(bundle_folder), "detector", backend)
