"""Mixed graphs are valid, near the fp32 ones, and float32 where float16 would harm."""

from collections import Counter

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from onnx import TensorProto, helper, numpy_helper

from edgereader.export.graphs import RecognizerGraph
from edgereader.export.onnx_file import check_contract, session_of, write_onnx
from edgereader.export.onnx_graph import Graph, copied
from edgereader.export.parity import FORBIDDEN, random_images
from edgereader.export.precision.folding import folded as folded_file
from edgereader.export.precision.half import (
    LARGEST,
    activations,
    always_single,
    halve,
    parts,
    rehearsal,
    too_wide,
    touching,
)
from edgereader.export.precision.recipes import measure_ranges

from ..networks_in_onnx import IMAGE


def types(model):
    """Every tensor's element type."""
    known = onnx.shape_inference.infer_shapes(model, strict_mode=True).graph
    found = {item.name: item.type.tensor_type.elem_type for item in (*known.input, *known.value_info, *known.output)}
    return found | {item.name: item.data_type for item in known.initializer}


@pytest.fixture(scope="module")
def recognizer(make_recognizer, tmp_path_factory):
    """A thin recognizer with all that one can have, folded."""
    sizes = {"num_classes": 12, "width": 0.1, "max_length": 1, "even_contrast": True}
    graph = RecognizerGraph(make_recognizer("TPS-VGG-BiLSTM-Attn", **sizes)).eval()
    path = tmp_path_factory.mktemp("half") / "recognizer.onnx"
    examples = (torch.zeros(2, 32, 100, 1, dtype=torch.uint8), torch.zeros(12))
    write_onnx("recognizer", graph, examples, ({0: torch.export.Dim("batch", min=1)}, {}), path)
    return folded_file(path)


def test_a_detector_is_half_but_for_its_ends(folded):
    before = folded.SerializeToString()
    model = halve(folded)
    assert folded.SerializeToString() == before
    onnx.checker.check_model(model, full_check=True)
    kinds = types(model)
    assert kinds["image"] == kinds["maps"] == TensorProto.FLOAT
    assert {kinds[node.output[0]] for node in model.graph.node if node.op_type == "Conv"} == {TensorProto.FLOAT16}
    assert Counter(node.op_type for node in model.graph.node)["Cast"] == 2, "one in, one out"
    assert TensorProto.FLOAT not in {item.data_type for item in model.graph.initializer}
    expected = session_of(folded)(IMAGE)["maps"]
    for mixed in (model, rehearsal(model)):
        assert np.abs(session_of(mixed)(IMAGE)["maps"] - expected).max() < 0.01 * np.abs(expected).max()


def test_kept_layers_are_single_with_one_cast_in_and_one_out(folded):
    graph = Graph(folded)
    assert [part.name for part in parts(graph)] == ["one", "two", "three", "four", "maps"]
    two = parts(graph)[1]
    assert two.nodes == {"two", "two_relu"}
    model = halve(folded, two.nodes)
    onnx.checker.check_model(model, full_check=True)
    kinds = types(model)
    assert kinds["two"] == kinds["two_relu"] == TensorProto.FLOAT
    assert kinds["three"] == TensorProto.FLOAT16
    assert Counter(node.op_type for node in model.graph.node)["Cast"] == 4
    assert {item.name for item in model.graph.initializer if item.data_type == TensorProto.FLOAT} == {
        "two.weight",
        "two.bias",
    }


@pytest.mark.slow
def test_a_recognizer_keeps_its_contract_and_decides_in_single(recognizer, tmp_path):
    model = halve(recognizer)
    onnx.save(model, tmp_path / "a.onnx")
    assert check_contract(tmp_path / "a.onnx", "recognizer") == 18
    onnx.checker.check_model(model, full_check=True)
    kinds, graph = types(model), Graph(model)
    single = {"GridSample", "LSTM", "ArgMax", "LogSoftmax", "Sqrt", "Pow"}
    assert single <= {node.op_type for node in model.graph.node}
    for node in model.graph.node:
        if node.op_type in single:
            assert kinds[node.input[0]] == TensorProto.FLOAT, node
        if node.op_type in ("Conv", "Softmax", "Tanh"):
            assert kinds[node.output[0]] == TensorProto.FLOAT16, node
        if node.op_type == "Cast" and node.input[0] in graph.producer:
            assert graph.producer[node.input[0]].op_type != "Cast", "no cast of a cast"


@pytest.mark.slow
def test_a_recognizer_reads_the_same(recognizer):
    crops = {"crops": random_images((3, 32, 100, 1), seed=4), "allowed": np.zeros(12, np.float32)}
    crops["allowed"][3] = FORBIDDEN
    expected = session_of(recognizer)(crops)
    model = halve(recognizer)
    for mixed in (model, rehearsal(model)):
        got = session_of(mixed)(crops)
        assert np.array_equal(got["symbols"], expected["symbols"])
        off = np.abs(got["log_probs"] - expected["log_probs"]).max()
        assert off < 0.05, "the forbidden symbol's logarithm is -10000 in float32"


@pytest.mark.slow
def test_tps_is_single_from_its_fiducials_on(recognizer):
    """In float16 its product of matrices is off by pixels (FACTS, trap 4)."""
    graph = Graph(recognizer)
    single = always_single(graph)
    sample = next(node for node in graph.graph.node if node.op_type == "GridSample")
    assert {sample.output[0], sample.input[1]} <= single
    assert {part.name for part in parts(graph) if part.fixed} == {
        "transformation.localization.localization_fc1.0",
        "transformation.localization.localization_fc2",
        "transformation.fold",
    }


@pytest.mark.slow
def test_an_lstm_is_single_on_half_weights(recognizer):
    lstm = next(part for part in parts(Graph(recognizer)) if part.name == "sequence.0")
    assert not lstm.fixed
    for keep, stored in ((frozenset(), ["sequence.0.weights.half"]), (lstm.nodes, ["sequence.0.weights"])):
        names = [item.name for item in halve(recognizer, keep).graph.initializer]
        assert [name for name in names if name.startswith("sequence.0.weights")] == stored


def test_large_activations_and_weights_are_found(folded):
    model = copied(folded)
    graph = Graph(model)
    graph.store("two.weight", 1e5 * graph.array("two.weight"))
    graph.store("four.bias", graph.array("four.bias") + 2 * np.float32(LARGEST))
    ranges = measure_ranges(model, activations(graph), [IMAGE])
    wide = too_wide(graph, ranges)
    assert {"two", "two_relu", "two.weight", "four.bias"} <= wide.keys()
    assert not {"relu", "one.folded.weight", "pooled"} & wide.keys()
    single = touching(graph, wide)
    assert {"two", "two_relu", "three"} <= single
    assert not {"one", "relu", "pooled"} & single
    assert np.isfinite(session_of(rehearsal(halve(model, single)))(IMAGE)["maps"]).all()
    assert not np.isfinite(session_of(rehearsal(halve(model)))(IMAGE)["maps"]).all()


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
