from types import SimpleNamespace

import msgspec
import numpy as np
import pytest
from onnx import TensorProto, helper, numpy_helper, save

from edgereader.benchmarks import flops
from edgereader.benchmarks.flops import gflop, gflop_of_frames
from edgereader.runtime import Bundle
from edgereader.runtime.geometry.heatmaps import Region
from edgereader.runtime.geometry.images import box


def write(path, nodes, constants, inputs, **integers):
    tensors = [numpy_helper.from_array(np.zeros(shape, np.float32), name) for name, shape in constants.items()]
    given = [helper.make_tensor_value_info(name, TensorProto.FLOAT, shape) for name, shape in inputs.items()]
    given += [helper.make_tensor_value_info(name, TensorProto.INT64, shape) for name, shape in integers.items()]
    output = helper.make_tensor_value_info("out", TensorProto.FLOAT, None)
    graph = helper.make_graph(nodes, "test", given, [output], tensors)
    save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9), str(path))
    return path


def test_a_convolution_in_groups(tmp_path):
    node = helper.make_node("Conv", ["in", "w"], ["out"], group=2, pads=[1, 1, 1, 1], strides=[2, 2])
    path = write(tmp_path / "a.onnx", [node], {"w": (6, 2, 3, 3)}, {"in": ["N", 4, "H", "W"]})
    outputs = 5 * 6 * 4 * 8
    assert gflop(path, {"in": (5, 4, 8, 16)}) == pytest.approx(outputs * 2 * 3 * 3 * 2 / 1e9)


def test_products_of_matrices(tmp_path):
    nodes = [
        helper.make_node("MatMul", ["in", "a"], ["mid"]),
        helper.make_node("Gemm", ["mid", "b"], ["out"], transA=1),
    ]
    path = write(tmp_path / "a.onnx", nodes, {"a": (7, 3), "b": (4, 5)}, {"in": ["N", 7]})
    assert gflop(path, {"in": (4, 7)}) == pytest.approx((2 * 4 * 3 * 7 + 2 * 3 * 5 * 4) / 1e9)


def test_an_lstm_both_ways(tmp_path):
    node = helper.make_node("LSTM", ["in", "w", "r"], ["out"], direction="bidirectional", hidden_size=3)
    weights = {"w": (2, 12, 5), "r": (2, 12, 3)}
    path = write(tmp_path / "a.onnx", [node], weights, {"in": ["T", "N", 5]})
    assert gflop(path, {"in": (10, 4, 5)}) == pytest.approx(10 * 4 * 2 * 2 * 12 * (5 + 3) / 1e9)


def test_crops_count_at_their_own_widths(repository, monkeypatch):
    shipped = Bundle.open(repository / "models/zoo/digits-edge")
    recognizer = msgspec.structs.replace(
        shipped.recognizer, image_hw=(32, 128), widths=(64, 128), margin=0.0, stretch=1.0
    )
    bundle = Bundle(shipped.root, msgspec.structs.replace(shipped.manifest, recognizer=recognizer))
    asked = []
    monkeypatch.setattr(flops, "gflop_of", lambda _bundle, kind, shape: asked.append((kind, shape)) or shape[2])
    found = [Region(box(0, 0, width, 32), np.empty((0, 4, 2), np.float32), 1.0) for width in (30, 60, 90, 900)]
    detector = SimpleNamespace(plans=lambda *_: [], start=lambda _: SimpleNamespace(windows=[]), finish=lambda _: found)
    frames = [np.zeros((40, 1000, 3), np.uint8)] * 2
    assert gflop_of_frames(bundle, detector, frames) == {"detector": 0, "recognizer": 64 * 2 + 128 * 2}
    assert set(asked) == {("recognizer", (1, 32, 64, 1)), ("recognizer", (1, 32, 128, 1))}


def test_a_shape_that_is_not_known_is_an_error(tmp_path):
    nodes = [helper.make_node("Reshape", ["in", "shape"], ["mid"]), helper.make_node("MatMul", ["mid", "a"], ["out"])]
    path = write(tmp_path / "a.onnx", nodes, {"a": (7, 3)}, {"in": ["N", 7]}, shape=[2])
    with pytest.raises(ValueError, match="expected a shape that follows from the inputs"):
        gflop(path, {"in": (4, 7), "shape": (2,)})
