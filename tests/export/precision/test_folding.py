"""Folding leaves convolutions and rectifiers only, with the same numbers."""

from collections import Counter

import numpy as np
import onnx

from edgereader.export.onnx_file import session_of
from edgereader.export.onnx_graph import Graph
from edgereader.export.precision.folding import fold

from ..networks_in_onnx import IMAGE, small_craft


def test_numbers_stay_and_nothing_stands_between_a_convolution_and_its_rectifier():
    model = small_craft()
    before = session_of(model)(IMAGE)["maps"]
    fold(model)
    onnx.checker.check_model(model)
    assert np.allclose(session_of(model)(IMAGE)["maps"], before, atol=1e-5)
    kinds = Counter(node.op_type for node in model.graph.node)
    assert "BatchNormalization" not in kinds
    assert kinds["Relu"] == 3
    graph = Graph(model)
    assert graph.only_user(graph.producer["norm"].output[0]) is not None, "only its rectifier takes it, no Shape"
    assert not any(name.startswith("norm") for name in graph.initializers)


def test_a_batch_norm_behind_something_else_stays():
    model = small_craft()
    norm = next(node for node in model.graph.node if node.op_type == "BatchNormalization")
    model.graph.node.append(onnx.helper.make_node("Neg", [norm.input[0]], ["again"]))
    model.graph.output.append(onnx.helper.make_tensor_value_info("again", onnx.TensorProto.FLOAT, [1, 16, "h", "w"]))
    before = session_of(model)(IMAGE)
    fold(model)
    assert all(np.allclose(array, before[name], atol=1e-5) for name, array in session_of(model)(IMAGE).items())
