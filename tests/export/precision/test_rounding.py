"""The rehearsal sees what ONNX Runtime on a CPU hides: numbers that float16 does not hold between two layers."""

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, helper, numpy_helper

from edgereader.export.onnx_file import session_of
from edgereader.export.onnx_graph import Graph
from edgereader.export.precision.half import halve
from edgereader.export.precision.rounding import rehearsal

from ..networks_in_onnx import IMAGE


def overflowing():
    """image -> 400 · image -> 160000 · image -> 160 · image, by three convolutions."""
    nodes, stored, source = [], [], "image"
    for name, gain in (("up", 400.0), ("further", 400.0), ("down", 1e-3)):
        stored.append(numpy_helper.from_array(np.full((1, 1, 1, 1), gain, np.float32), f"{name}.weight"))
        nodes.append(helper.make_node("Conv", [source, f"{name}.weight"], [name]))
        source = name
    shape = [1, 1, 2, 2]
    values = [helper.make_tensor_value_info(name, TensorProto.FLOAT, shape) for name in ("image", "down")]
    graph = helper.make_graph(nodes, "overflow", values[:1], values[1:], stored)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)])
    model.ir_version = 10
    return model


def run_file(model, level):
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = getattr(onnxruntime.GraphOptimizationLevel, level)
    session = onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
    return np.asarray(session.run(None, {"image": np.ones((1, 1, 2, 2), np.float32)})[0])


@pytest.mark.parametrize("level", ["ORT_DISABLE_ALL", "ORT_ENABLE_ALL"])
def test_onnx_runtime_hides_an_overflow_and_the_rehearsal_does_not(level):
    mixed = halve(overflowing())
    assert np.allclose(run_file(mixed, level), 160, rtol=1e-2), "160000 fits no float16, but nobody rounded it"
    assert np.isinf(run_file(rehearsal(mixed), level)).all()
    assert np.allclose(run_file(rehearsal(halve(overflowing(), {"further", "down"})), level), 160, rtol=1e-2)


def test_every_number_is_a_float16_one(folded):
    rehearsed = rehearsal(halve(folded))
    onnx.checker.check_model(rehearsed, full_check=True)
    graph = Graph(rehearsed)
    kinds = "Relu", "Resize", "MaxPool"
    names = [name for node in folded.graph.node for name in node.output if node.op_type in kinds]
    for name in names:
        value = helper.make_tensor_value_info(name, TensorProto.FLOAT, None)
        rehearsed.graph.output.append(value)
    maps, *inner = session_of(rehearsed)(IMAGE).values()
    assert len(inner) >= 5
    for numbers in inner:
        assert np.array_equal(numbers, numbers.astype(np.float16)), "rounded"
    exact = session_of(folded)(IMAGE)["maps"]
    assert 0 < np.abs(maps - exact).max() < 0.01 * np.abs(exact).max()
    assert not any(item.data_type == TensorProto.FLOAT16 for item in graph.initializers.values())
