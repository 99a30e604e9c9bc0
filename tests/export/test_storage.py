import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, helper, numpy_helper

from edgereader.export.storage import restore_from_half, store_in_half

RNG = np.random.default_rng(0)


def lstm(*, exact=True):
    """An LSTM of 8 units over steps of 16, whose weights are float16's or not."""
    weights = {
        name: RNG.normal(0, 0.3, shape).astype(np.float16 if exact else np.float32).astype(np.float32)
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


def run(model):
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    return session.run(None, {"x": np.linspace(-1, 1, 160, dtype=np.float32).reshape(5, 2, 16)})[0]


def test_exact_weights_take_half_the_bytes_and_give_the_same_numbers():
    model, stored = lstm(), lstm()
    for each in (model, stored):
        for tensor, source in zip(each.graph.initializer, model.graph.initializer, strict=True):
            tensor.CopyFrom(source)
    store_in_half(stored)
    onnx.checker.check_model(stored)
    kinds = {tensor.name: tensor.data_type for tensor in stored.graph.initializer}
    assert kinds == {"w.half": TensorProto.FLOAT16, "r.half": TensorProto.FLOAT16, "b": TensorProto.FLOAT}
    assert stored.ByteSize() < 0.7 * model.ByteSize()
    assert np.array_equal(run(stored), run(model))
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
