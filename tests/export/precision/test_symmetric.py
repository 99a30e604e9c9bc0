"""The int8 graph for TensorRT: codes around 0, all eight bits, near the fp32 one, also when the rest is float16."""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, helper, numpy_helper

from edgereader.export.precision.folding import Graph, fold
from edgereader.export.precision.half import halve
from edgereader.export.precision.qdq import tensors
from edgereader.export.precision.ranges import measure_ranges
from edgereader.export.precision.rounding import rehearsal
from edgereader.export.precision.symmetric import SMALLEST_SCALE, half_scale, layers, quantize

from ..networks_in_onnx import small_craft


def image() -> dict[str, Any]:
    return {"image": np.random.default_rng(3).normal(0, 1, (1, 4, 32, 48)).astype(np.float32)}


@pytest.fixture(scope="module")
def folded() -> onnx.ModelProto:
    model = small_craft()
    fold(model)
    return model


@pytest.fixture(scope="module")
def coded(folded: onnx.ModelProto) -> onnx.ModelProto:
    found = layers(Graph(folded))
    return quantize(folded, found, measure_ranges(folded, tensors(found), [image()]))


def run(model: onnx.ModelProto) -> np.ndarray:
    """Without ONNX Runtime's int8 kernels: on a CPU without VNNI they saturate at eight bits."""
    options = onnxruntime.SessionOptions()
    options.add_session_config_entry("session.disable_quant_qdq", "1")
    session = onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
    return np.asarray(session.run(None, image())[0])


def near(model: onnx.ModelProto, folded: onnx.ModelProto) -> bool:
    expected = run(folded)
    return bool(0 < np.abs(run(model) - expected).mean() < 0.03 * expected.std())


def test_layers_are_all_but_the_first_and_the_last(folded: onnx.ModelProto) -> None:
    assert [layer.name for layer in layers(Graph(folded))] == ["two", "three", "four"]


def test_weights_that_float16_scales_cannot_hold_stay_as_they_are(folded: onnx.ModelProto) -> None:
    model = onnx.ModelProto()
    model.CopyFrom(folded)
    graph = Graph(model)
    graph.store("two.weight", 1e-3 * graph.array("two.weight"))
    assert [layer.name for layer in layers(Graph(model))] == ["three", "four"]


def test_codes_are_symmetric_and_fill_eight_bits(coded: onnx.ModelProto, folded: onnx.ModelProto) -> None:
    onnx.checker.check_model(coded, full_check=True)
    graph = Graph(coded)
    quantizers = [node for node in coded.graph.node if node.op_type.endswith("QuantizeLinear")]
    decoders = [node for node in coded.graph.node if node.op_type == "DequantizeLinear"]
    assert quantizers
    for node in (*quantizers, *decoders):
        zero = graph.initializers[node.input[2]]
        assert zero.data_type == TensorProto.INT8
        assert not numpy_helper.to_array(zero).any()
    for name in ("two", "three", "four"):
        weights = graph.array(f"{name}.weight.int8")
        assert (np.abs(weights.astype(int)).reshape(len(weights), -1).max(axis=1) >= 126).all()
    assert {item.data_type for item in graph.initializers.values() if "bias" in item.name} == {TensorProto.FLOAT}
    assert near(coded, folded)


def test_each_chosen_convolution_takes_decoded_codes_and_nothing_else_is_in_int8(coded: onnx.ModelProto) -> None:
    graph = Graph(coded)
    for node in coded.graph.node:
        inputs = [graph.producer[name].op_type for name in node.input if name in graph.producer]
        if node.op_type == "Conv" and node.output[0] in ("two", "three", "four"):
            assert inputs == ["DequantizeLinear"] * 2
        if node.op_type in ("MaxPool", "Resize", "Concat"):
            assert "QuantizeLinear" not in inputs, "TensorRT moves the pairs itself"
    assert Counter(node.op_type for node in coded.graph.node)["QuantizeLinear"] == 5


def test_a_pooling_keeps_the_scale_of_what_it_pools(folded: onnx.ModelProto) -> None:
    """Coding a second time with the same scale changes nothing."""
    found = layers(Graph(folded))
    ranges = measure_ranges(folded, tensors(found), [image()])
    model = onnx.ModelProto()
    model.CopyFrom(folded)
    pool = helper.make_node("MaxPool", ["three"], ["pooled_again"], kernel_shape=[2, 2])
    weights = numpy_helper.from_array(np.ones((8, 16, 1, 1), np.float32), "five.weight")
    model.graph.node.extend([pool, helper.make_node("Conv", ["pooled_again", "five.weight"], ["five"])])
    model.graph.node.append(helper.make_node("Neg", ["five"], ["end"]))
    model.graph.output.append(helper.make_tensor_value_info("end", TensorProto.FLOAT, None))
    model.graph.initializer.append(weights)
    graph = Graph(quantize(model, layers(Graph(model)), {**ranges, "pooled_again": (0, 1e-3), "five": (0, 1)}))
    assert graph.array("pooled_again.scale") == graph.array("three.scale")


def test_the_rest_in_float16(coded: onnx.ModelProto, folded: onnx.ModelProto) -> None:
    model = halve(coded)
    onnx.checker.check_model(model, full_check=True)
    assert model.opset_import[0].version == 19, "QuantizeLinear takes float16 from 19 on"
    scales = [item for item in model.graph.initializer if ".scale" in item.name]
    assert scales
    assert {item.data_type for item in scales} == {TensorProto.FLOAT16}
    exact = Graph(coded)
    for item in scales:
        values = numpy_helper.to_array(item).astype(np.float32)
        assert np.array_equal(values, exact.array(item.name.removesuffix(".half"))), "the same codes in both"
    assert near(rehearsal(model), folded)


def test_onnx_runtime_gives_the_same_without_its_own_quantisation(coded: onnx.ModelProto) -> None:
    """It would code biases with the product of two scales, which float16 does not hold: hence `disable_quant_qdq`."""
    assert np.abs(run(halve(coded)) - run(rehearsal(halve(coded)))).mean() < 0.02 * run(coded).std()


@pytest.mark.parametrize("scale", [1.0, 0.1, 3.14159e-3, 1e-4, 1e-9, 0.0])
def test_scales_are_float16_numbers_no_smaller_than_asked(scale: float) -> None:
    got = half_scale(np.array(scale))
    assert got.dtype == np.float32
    assert got == np.float16(got)
    assert got >= max(scale, SMALLEST_SCALE)
    assert got <= max(scale * 1.001, SMALLEST_SCALE)
