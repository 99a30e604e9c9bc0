"""int8 graphs: near the fp32 one, in operators that ONNX Runtime runs in int8, or with codes that TensorRT takes."""

from collections import Counter

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, helper, numpy_helper

from edgereader.export.onnx_file import session_of
from edgereader.export.onnx_graph import Graph, copied
from edgereader.export.precision.half import halve, rehearsal
from edgereader.export.precision.int8 import (
    SMALLEST_SCALE,
    WEIGHT_LIMIT,
    CpuWriter,
    TensorRTWriter,
    byte_code,
    cpu_layers,
    half_scale,
    quantize,
    tensorrt_layers,
    tensors,
    weight_scales,
)
from edgereader.export.precision.recipes import measure_ranges

from ..networks_in_onnx import IMAGE


@pytest.fixture(scope="module")
def ranges(folded):
    return measure_ranges(folded, tensors(cpu_layers(Graph(folded))), [IMAGE])


@pytest.fixture(scope="module")
def coded(folded, ranges):
    """For CPUs."""
    return quantize(folded, cpu_layers(Graph(folded)), ranges, CpuWriter)


@pytest.fixture(scope="module")
def symmetric(folded, ranges):
    """For TensorRT."""
    return quantize(folded, tensorrt_layers(Graph(folded)), ranges, TensorRTWriter)


def run(model, *, as_written=True):
    """Without ONNX Runtime's int8 kernels, which saturate at eight bits on a CPU without VNNI."""
    return session_of(model, as_written=as_written)(IMAGE)["maps"]


def near(maps, folded):
    expected = run(folded)
    return bool(0 < np.abs(maps - expected).mean() < 0.05 * expected.std())


def test_layers_are_those_that_the_device_is_fast_with(folded):
    found = cpu_layers(Graph(folded))
    assert [layer.name for layer in found] == ["one", "two", "three", "four"], "not the head of two channels"
    assert [layer.result for layer in found] == ["relu", "two_relu", "three", "four_relu"]
    assert [layer.name for layer in tensorrt_layers(Graph(folded))] == ["two", "three", "four"]
    model = copied(folded)
    graph = Graph(model)
    graph.store("two.weight", 1e-3 * graph.array("two.weight"))
    assert [layer.name for layer in tensorrt_layers(graph)] == ["three", "four"], "float16 holds no such scale"


def test_onnx_runtime_runs_all_of_it_in_int8(coded, tmp_path):
    """Between the first and the last int8 layer, nothing goes to float and back but what is resized."""
    options = onnxruntime.SessionOptions()
    options.optimized_model_filepath = str(tmp_path / "optimised.onnx")
    options.log_severity_level = 3
    onnxruntime.InferenceSession(coded.SerializeToString(), options, providers=["CPUExecutionProvider"])
    optimised = Graph(onnx.load(tmp_path / "optimised.onnx"))
    kinds = Counter(node.op_type for node in optimised.graph.node)
    assert kinds["QLinearConv"] == 4
    assert kinds["QLinearConcat"] == 1
    assert kinds["QuantizeLinear"] == kinds["DequantizeLinear"] == 2
    (resize,) = (node for node in optimised.graph.node if node.op_type == "Resize")
    assert optimised.producer[resize.input[0]].op_type == "DequantizeLinear", "on bytes it would cut off"
    assert [node.op_type for node in optimised.users(resize.output[0])] == ["QuantizeLinear"]
    assert "Relu" not in kinds


def test_two_products_never_leave_sixteen_bits(coded):
    """What AVX2 adds in 16 bits: 255 times a weight, twice."""
    weights = [numpy_helper.to_array(item) for item in coded.graph.initializer if item.name.endswith(".int8")]
    assert [np.abs(codes.astype(int)).max() for codes in weights] == [WEIGHT_LIMIT] * 4
    assert np.iinfo(np.int16).max >= 2 * 255 * WEIGHT_LIMIT


@pytest.mark.parametrize(
    ("low", "high", "scale", "zero"), [(0, 255, 1, 0), (-1, 1, 2 / 255, 128), (2, 5.1, 0.02, 0), (-5.1, -3, 0.02, 255)]
)
def test_a_byte_holds_the_range_and_zero(low, high, scale, zero):
    assert byte_code(low, high) == (pytest.approx(scale), zero)


def test_a_range_of_nothing_and_a_dead_channel_have_a_scale():
    assert byte_code(0, 0)[0] > 0
    weights, bias = np.zeros((2, 4, 1, 1)), np.array([0.0, 1e3])
    scales = weight_scales(weights, bias, 1e-3)
    assert (scales > 0).all()
    assert bias[1] / (scales[1] * 1e-3) < 2**31


def test_tensorrts_codes_are_symmetric_and_fill_eight_bits(symmetric):
    graph = Graph(symmetric)
    quantizers = [node for node in symmetric.graph.node if node.op_type in ("QuantizeLinear", "DequantizeLinear")]
    assert quantizers
    for node in quantizers:
        zero = graph.initializers[node.input[2]]
        assert zero.data_type == TensorProto.INT8
        assert not numpy_helper.to_array(zero).any()
    for name in ("two", "three", "four"):
        weights = graph.array(f"{name}.weight.int8")
        assert (np.abs(weights.astype(int)).reshape(len(weights), -1).max(axis=1) >= 126).all()
    assert {item.data_type for item in graph.initializers.values() if "bias" in item.name} == {TensorProto.FLOAT}


def test_only_chosen_convolutions_take_decoded_codes_for_tensorrt(symmetric):
    graph = Graph(symmetric)
    for node in symmetric.graph.node:
        inputs = [graph.producer[name].op_type for name in node.input if name in graph.producer]
        if node.op_type == "Conv" and node.output[0] in ("two", "three", "four"):
            assert inputs == ["DequantizeLinear"] * 2
        if node.op_type in ("MaxPool", "Resize", "Concat"):
            assert "QuantizeLinear" not in inputs, "TensorRT moves the pairs itself"
    assert Counter(node.op_type for node in symmetric.graph.node)["QuantizeLinear"] == 5


def test_a_pooling_keeps_the_scale_of_what_it_pools(folded, ranges):
    """Coding a second time with the same scale changes nothing."""
    model = copied(folded)
    pool = helper.make_node("MaxPool", ["three"], ["pooled_again"], kernel_shape=[2, 2])
    weights = numpy_helper.from_array(np.ones((8, 16, 1, 1), np.float32), "five.weight")
    model.graph.node.extend([pool, helper.make_node("Conv", ["pooled_again", "five.weight"], ["five"])])
    model.graph.node.append(helper.make_node("Neg", ["five"], ["end"]))
    model.graph.output.append(helper.make_tensor_value_info("end", TensorProto.FLOAT, None))
    model.graph.initializer.append(weights)
    known = {**ranges, "pooled_again": (0, 1e-3), "five": (0, 1)}
    graph = Graph(quantize(model, tensorrt_layers(Graph(model)), known, TensorRTWriter))
    assert graph.array("pooled_again.scale") == graph.array("three.scale")


def test_the_rest_in_float16(symmetric, folded):
    model, exact = halve(symmetric), Graph(symmetric)
    onnx.checker.check_model(model, full_check=True)
    assert model.opset_import[0].version == 19, "QuantizeLinear takes float16 from 19 on"
    scales = [item for item in model.graph.initializer if ".scale" in item.name]
    assert {item.data_type for item in scales} == {TensorProto.FLOAT16}
    for item in scales:
        values = numpy_helper.to_array(item).astype(np.float32)
        assert np.array_equal(values, exact.array(item.name.removesuffix(".half"))), "the same codes in both"
    rehearsed = run(rehearsal(model))
    assert near(rehearsed, folded)
    # with its own quantisation ONNX Runtime would code biases with a product of two scales, which float16 does not hold
    assert np.abs(run(model) - rehearsed).mean() < 0.02 * rehearsed.std()


@pytest.mark.parametrize("scale", [1.0, 3.14159e-3, 1e-9, 0.0])
def test_scales_are_float16_numbers_no_smaller_than_asked(scale):
    got = half_scale(np.array(scale))
    assert got.dtype == np.float32
    assert got == np.float16(got)
    assert max(scale, SMALLEST_SCALE) <= got <= max(scale * 1.001, SMALLEST_SCALE)
