"""The int8 graph: near the fp32 one, in operators that ONNX Runtime runs in int8, safe without VNNI."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import numpy_helper

from edgereader.export.precision.folding import Graph, fold
from edgereader.export.precision.qdq import WEIGHT_LIMIT, byte_code, layers, quantize, tensors, weight_scales
from edgereader.export.precision.ranges import measure_ranges, session_of

from ..networks_in_onnx import small_craft


def images(count: int = 3) -> list[dict[str, Any]]:
    rng = np.random.default_rng(3)
    return [{"image": rng.normal(0, 1, (1, 4, 32, 48)).astype(np.float32)} for _ in range(count)]


@pytest.fixture(scope="module")
def folded() -> onnx.ModelProto:
    model = small_craft()
    fold(model)
    return model


@pytest.fixture(scope="module")
def ranges(folded: onnx.ModelProto) -> dict[str, tuple[float, float]]:
    return measure_ranges(folded, tensors(layers(Graph(folded))), images())


def test_layers_are_those_that_int8_kernels_are_fast_with(folded: onnx.ModelProto) -> None:
    found = layers(Graph(folded))
    assert [layer.name for layer in found] == ["one", "two", "three", "four"], "not the head of two channels"
    assert [layer.result for layer in found] == ["relu", "two_relu", "three", "four_relu"]


def test_numbers_are_near_and_fp32_is_untouched(folded: onnx.ModelProto, ranges: Any) -> None:
    before = folded.SerializeToString()
    model = quantize(folded, layers(Graph(folded)), ranges)
    onnx.checker.check_model(model)
    assert folded.SerializeToString() == before
    for each in images():
        expected = session_of(folded)(each)[0]
        difference = np.abs(session_of(model)(each)[0] - expected)
        assert 0 < difference.mean() < 0.02 * np.abs(expected).mean() + 0.02 * expected.std()


def test_onnx_runtime_runs_all_of_it_in_int8(folded: onnx.ModelProto, ranges: Any, tmp_path: Path) -> None:
    """Between the first and the last int8 layer, nothing goes to float and back but what is resized."""
    options = onnxruntime.SessionOptions()
    options.optimized_model_filepath = str(tmp_path / "optimised.onnx")
    options.log_severity_level = 3
    contents = quantize(folded, layers(Graph(folded)), ranges).SerializeToString()
    onnxruntime.InferenceSession(contents, options, providers=["CPUExecutionProvider"])
    optimised = Graph(onnx.load(tmp_path / "optimised.onnx"))
    kinds = Counter(node.op_type for node in optimised.graph.node)
    assert kinds["QLinearConv"] == 4
    assert kinds["QLinearConcat"] == 1
    assert kinds["QuantizeLinear"] == kinds["DequantizeLinear"] == 2
    (resize,) = (node for node in optimised.graph.node if node.op_type == "Resize")
    assert optimised.producer[resize.input[0]].op_type == "DequantizeLinear", "on bytes it would cut off"
    assert [each.op_type for each in optimised.users(resize.output[0])] == ["QuantizeLinear"]
    assert "Relu" not in kinds


def test_only_the_chosen_layers_change(folded: onnx.ModelProto, ranges: Any) -> None:
    chosen = layers(Graph(folded))[1:2]
    model = quantize(folded, chosen, ranges)
    whole = [item.name for item in model.graph.initializer if item.data_type == onnx.TensorProto.INT8]
    assert sorted(whole) == ["two.int8", "two.int8.zero"]
    assert {"one.folded.weight", "three.weight", "four.weight"} <= {item.name for item in model.graph.initializer}
    difference = session_of(model)(images()[0])[0] - session_of(folded)(images()[0])[0]
    assert 0 < np.abs(difference).mean() < 0.05


def test_two_products_never_leave_sixteen_bits(folded: onnx.ModelProto, ranges: Any) -> None:
    """What AVX2 adds in 16 bits: 255 times a weight, twice."""
    model = quantize(folded, layers(Graph(folded)), ranges)
    weights = [numpy_helper.to_array(item) for item in model.graph.initializer if item.name.endswith(".int8")]
    assert len(weights) == 4
    for each in weights:
        largest = np.abs(each.astype(int)).max()
        assert largest == WEIGHT_LIMIT
        assert 2 * 255 * largest <= np.iinfo(np.int16).max


@pytest.mark.parametrize(
    ("low", "high", "scale", "zero"), [(0, 255, 1, 0), (-1, 1, 2 / 255, 128), (2, 5.1, 0.02, 0), (-5.1, -3, 0.02, 255)]
)
def test_a_byte_holds_the_range_and_zero(low: float, high: float, scale: float, zero: int) -> None:
    assert byte_code(low, high) == (pytest.approx(scale), zero)


def test_a_range_of_nothing_and_a_dead_channel_have_a_scale() -> None:
    assert byte_code(0, 0)[0] > 0
    weights, bias = np.zeros((2, 4, 1, 1)), np.array([0.0, 1e3])
    scales = weight_scales(weights, bias, 1e-3)
    assert (scales > 0).all()
    assert bias[1] / (scales[1] * 1e-3) < 2**31
