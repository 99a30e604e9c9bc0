"""Folding leaves convolutions and rectifiers only, with the same numbers."""

from __future__ import annotations

from collections import Counter

import numpy as np
import onnx

from edgereader.export.precision.folding import Graph, fold
from edgereader.export.precision.ranges import session_of

from ..networks_in_onnx import small_craft


def test_numbers_stay_and_nothing_stands_between_a_convolution_and_its_rectifier() -> None:
    model = small_craft()
    image = np.random.default_rng(1).normal(0, 1, (1, 4, 32, 48)).astype(np.float32)
    before = session_of(model)({"image": image})[0]
    fold(model)
    onnx.checker.check_model(model)
    assert np.allclose(session_of(model)({"image": image})[0], before, atol=1e-5)
    kinds = Counter(node.op_type for node in model.graph.node)
    assert "BatchNormalization" not in kinds
    assert kinds["Relu"] == 3
    graph = Graph(model)
    assert graph.only_user(graph.producer["norm"].output[0]) is not None, "only its rectifier takes it, no Shape"
    assert not any(name.startswith("norm") for name in graph.initializers)


def test_a_batch_norm_behind_something_else_stays() -> None:
    model = small_craft()
    norm = next(node for node in model.graph.node if node.op_type == "BatchNormalization")
    model.graph.node.append(onnx.helper.make_node("Neg", [norm.input[0]], ["again"]))
    model.graph.output.append(onnx.helper.make_tensor_value_info("again", onnx.TensorProto.FLOAT, [1, 16, "h", "w"]))
    image = np.random.default_rng(1).normal(0, 1, (1, 4, 16, 16)).astype(np.float32)
    before = session_of(model)({"image": image})
    fold(model)
    assert all(np.allclose(*pair, atol=1e-5) for pair in zip(session_of(model)({"image": image}), before, strict=True))
