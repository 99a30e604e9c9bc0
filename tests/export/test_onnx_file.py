"""LSTMs are stored in half the bytes, and the contract check refuses what the runtime could not trust."""

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from edgereader.export.onnx_file import (
    OPSET,
    OPSETS,
    check_contract,
    restore_from_half,
    session_of,
    store_in_half,
)
from edgereader.export.onnx_graph import copied
from edgereader.runtime.errors import ExportError


def make_detector(**changes):
    """The smallest graph of the detector's contract, or one that breaks it."""
    settings = {"dtype": TensorProto.UINT8, "name": "region", "opset": OPSET, "domain": "", **changes}
    image = helper.make_tensor_value_info("image", settings["dtype"], ["n", "h", "w", 3])
    outputs = [
        helper.make_tensor_value_info(name, TensorProto.FLOAT, ["n", "h", "w"])
        for name in (settings["name"], "affinity")
    ]
    nodes = [
        helper.make_node("Cast", ["image"], ["pixels"], to=TensorProto.FLOAT),
        helper.make_node("ReduceMean", ["pixels", "axis"], [settings["name"]], keepdims=0, domain=settings["domain"]),
        helper.make_node("ReduceMax", ["pixels", "axis"], ["affinity"], keepdims=0),
    ]
    axis = numpy_helper.from_array(np.array([3]), "axis")
    graph = helper.make_graph(nodes, "tiny", [image], outputs, [axis])
    imports = [helper.make_opsetid("", settings["opset"])]
    imports += [helper.make_opsetid(settings["domain"], 1)] if settings["domain"] else []
    return helper.make_model(graph, opset_imports=imports, ir_version=8)


@pytest.mark.parametrize("opset", OPSETS)
def test_the_contract_is_accepted(tmp_path, opset):
    path = tmp_path / "detector.onnx"
    onnx.save(make_detector(opset=opset), path)
    assert check_contract(path, "detector") == opset


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"dtype": TensorProto.FLOAT}, "expected inputs .*UINT8"),
        ({"name": "text_map"}, "expected outputs .*text_map"),
        ({"opset": 20}, "opset 18 or 19 only, got .*20"),
        ({"domain": "com.microsoft"}, "operators of ONNX opset 18 or 19 only"),
    ],
)
def test_another_contract_is_refused(tmp_path, change, words):
    path = tmp_path / "detector.onnx"
    onnx.save(make_detector(**change), path)
    with pytest.raises(ExportError, match=words):
        check_contract(path, "detector")


def test_external_data_is_refused(tmp_path):
    path = tmp_path / "detector.onnx"
    model = make_detector()
    onnx.external_data_helper.convert_model_to_external_data(model, location="weights.bin", size_threshold=0)
    onnx.save(model, path)
    with pytest.raises(ExportError, match="self-contained.*axis"):
        check_contract(path, "detector")


def test_a_file_that_is_no_graph_is_refused(tmp_path):
    path = tmp_path / "detector.onnx"
    path.write_bytes(b"\x08\xff\xff not a graph")
    with pytest.raises(ExportError, match="expected an ONNX file"):
        check_contract(path, "detector")


def lstm():
    """An LSTM of 8 units over steps of 16, whose weights are float16's."""
    weights = {
        name: np.random.default_rng(len(name)).normal(0, 0.3, shape).astype(np.float16).astype(np.float32)
        for name, shape in {"w": (1, 32, 16), "r": (1, 32, 8), "b": (1, 64)}.items()
    }
    node = helper.make_node("LSTM", ["x", "w", "r", "b"], ["y"], hidden_size=8)
    graph = helper.make_graph(
        [node],
        "lstm",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, (5, 2, 16))],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, (5, 1, 2, 8))],
        [numpy_helper.from_array(values, name) for name, values in weights.items()],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)


def test_exact_weights_take_half_the_bytes_and_give_the_same_numbers():
    model = lstm()
    stored = copied(model)
    store_in_half(stored)
    onnx.checker.check_model(stored)
    kinds = {tensor.name: tensor.data_type for tensor in stored.graph.initializer}
    assert kinds == {"w.half": TensorProto.FLOAT16, "r.half": TensorProto.FLOAT16, "b": TensorProto.FLOAT}
    assert stored.ByteSize() < 0.7 * model.ByteSize()
    steps = {"x": np.linspace(-1, 1, 160, dtype=np.float32).reshape(5, 2, 16)}
    assert np.array_equal(session_of(stored)(steps)["y"], session_of(model)(steps)["y"])
    restore_from_half(stored)
    assert stored.graph == model.graph


@pytest.mark.parametrize("value", [1.0001, 1e6])
def test_weights_that_float16_cannot_hold_stay(value):
    model = lstm()
    weights = numpy_helper.to_array(model.graph.initializer[0]).copy()
    weights[0, 0, 0] = value
    model.graph.initializer[0].CopyFrom(numpy_helper.from_array(weights, "w"))
    store_in_half(model)
    assert [tensor.name for tensor in model.graph.initializer] == ["w", "r.half", "b"]


def test_other_layers_stay():
    model = lstm()
    model.graph.node[0].op_type = "GRU"
    before = model.SerializeToString()
    store_in_half(model)
    assert model.SerializeToString() == before
