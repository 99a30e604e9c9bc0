"""Parity finds a graph that differs from its network, whatever float32 makes of both, and no other graph."""

import copy

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from onnx import numpy_helper

from edgereader.export.onnx_file import session_of
from edgereader.export.parity import (
    FACTOR,
    LARGEST,
    TOLERANCE,
    apart,
    bound,
    check_parity,
    clear_symbols_equal,
    compare,
    detector_cases,
    difference,
    random_images,
    recognizer_cases,
    run_recognizer,
)
from edgereader.export.pipeline import trace_recognizer
from edgereader.runtime.errors import ParityError

TIED = 4, 7
"""Two symbols that the network of `chaotic` cannot tell apart."""


@pytest.fixture(scope="module")
def traced(make_recognizer, tmp_path_factory):
    network = make_recognizer("None-VGG-None-CTC", num_classes=11, width=0.1)
    path = tmp_path_factory.mktemp("parity") / "recognizer.onnx"
    trace_recognizer(network, path)
    return network, path


def test_an_exact_graph_passes_and_is_reported(traced):
    network, path = traced
    seen = []
    parity = check_parity(path, recognizer_cases(network), lambda: seen.append(1))
    assert 0 < parity.worst < 1e-5
    assert (parity.cases, parity.symbols_equal, parity.opset) == (len(seen), True, 18)
    assert {"torch", "onnx", "onnxruntime"} <= parity.versions.keys()


def test_one_altered_weight_fails(traced, tmp_path):
    network, path = traced
    model = onnx.load(path)
    weights = max(model.graph.initializer, key=lambda item: len(item.raw_data))
    values = np.frombuffer(weights.raw_data, np.float32).copy()
    values[:10] += 0.5
    weights.raw_data = values.tobytes()
    onnx.save(model, tmp_path / "altered.onnx")
    with pytest.raises(ParityError, match=r"expected outputs within 0\.0002 .* as float32 alone moves them by"):
        check_parity(tmp_path / "altered.onnx", recognizer_cases(network))


@pytest.fixture(scope="module")
def chaotic(make_recognizer, tmp_path_factory):
    """Weights that amplify what float32 rounds, in colour, with an attention decoder that is often in a tie."""
    network = make_recognizer("TPS-VGG-BiLSTM-Attn", num_classes=12, width=0.1, channels=3, max_length=3)
    first, second = TIED
    for part in (network.Prediction.generator.weight, network.Prediction.generator.bias):
        part.data[second] = part.data[first]
    network.Prediction.generator.bias.data[[first, second]] += 4
    path = tmp_path_factory.mktemp("chaotic") / "recognizer.onnx"
    trace_recognizer(network, path)
    return network, path


def test_the_networks_own_distance_says_what_is_allowed(chaotic):
    network, path = chaotic
    parity = check_parity(path, recognizer_cases(network))
    assert parity.float32 is not None
    assert parity.tolerance == bound(parity.float32) > TOLERANCE
    assert parity.symbols_equal


def test_bounds():
    found = [bound(float32) for float32 in (0, TOLERANCE / FACTOR, 1e-3, 1, float("inf"))]
    assert found == [TOLERANCE, TOLERANCE, FACTOR * 1e-3, LARGEST, LARGEST]


@pytest.mark.parametrize("level", ["ORT_DISABLE_ALL", "ORT_ENABLE_BASIC", "ORT_ENABLE_EXTENDED", "ORT_ENABLE_ALL"])
@pytest.mark.parametrize("onednn", [True, False])
def test_other_kernels_refuse_no_right_graph(chaotic, level, *, onednn):
    network, path = chaotic
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = getattr(onnxruntime.GraphOptimizationLevel, level)
    session = onnxruntime.InferenceSession(str(path), options)
    names = [item.name for item in session.get_outputs()]
    with torch.backends.mkldnn.flags(enabled=onednn):
        found = [
            compare(lambda inputs: dict(zip(names, session.run(names, inputs), strict=True)), case)
            for case in recognizer_cases(network)
        ]
    assert all(map(right, found)), found


def right(found):
    return found.apart <= found.bound and found.symbols_equal is not False


def nodes(model, operator):
    return [node for node in model.graph.node if node.op_type == operator]


def scaled(model, operator, place, change):
    """Change the stored weights that the first node of an operator has at a place."""
    name = nodes(model, operator)[0].input[place]
    stored = next(item for item in model.graph.initializer if item.name == name)
    stored.CopyFrom(numpy_helper.from_array(change(numpy_helper.to_array(stored)).astype(np.float32), name))


def swapped_colours(model):
    join = next(node for node in nodes(model, "Concat") if len(node.input) == 3)
    join.input[0], join.input[2] = join.input[2], join.input[0]


def other_corners(model):
    attributes = nodes(model, "GridSample")[0].attribute
    next(attribute for attribute in attributes if attribute.name == "align_corners").i = 0


def swapped_gates(model):
    scaled(model, "LSTM", 1, lambda weights: np.concatenate([part[::-1] for part in np.split(weights, 4, axis=1)], 1))


def a_bias_of_1_percent(model):
    scaled(model, "LSTM", 3, lambda biases: biases * 1.01)


def worst_symbol(model):
    for node in nodes(model, "ArgMax"):
        node.op_type = "ArgMin"


def last_step_missing(model):
    for name in ("symbols", "log_probs"):
        last = next(node for node in model.graph.node if name in node.output)
        last.output[0] = f"{name}_all"
        bounds = {f"{name}_start": 0, f"{name}_end": -1, f"{name}_axis": 1}
        model.graph.initializer.extend(numpy_helper.from_array(np.array([value]), key) for key, value in bounds.items())
        model.graph.node.append(onnx.helper.make_node("Slice", [f"{name}_all", *bounds], [name]))


@pytest.mark.parametrize(
    "change",
    [swapped_colours, other_corners, swapped_gates, a_bias_of_1_percent, worst_symbol, last_step_missing],
)
def test_a_wrong_graph_is_refused_though_the_weights_amplify(chaotic, tmp_path, change):
    network, path = chaotic
    model = onnx.load(path)
    change(model)
    onnx.save(model, tmp_path / "wrong.onnx")
    with pytest.raises(ParityError, match="got"):
        check_parity(tmp_path / "wrong.onnx", recognizer_cases(network))


def test_a_tie_that_is_decided_otherwise_makes_no_other_graph(chaotic, tmp_path):
    """The decoder is then fed the other symbol, and every step after it differs from the network's own path."""
    network, path = chaotic
    model, biases = onnx.load(path), network.Prediction.generator.bias.detach().numpy().copy()
    stored = next(item for item in model.graph.initializer if np.array_equal(numpy_helper.to_array(item), biases))
    biases[list(TIED)] += [-1e-5, 1e-5]
    stored.CopyFrom(numpy_helper.from_array(biases, stored.name))
    onnx.save(model, tmp_path / "other.onnx")
    inputs = next(iter(recognizer_cases(network))).inputs
    one, other = (session_of(file)(inputs) for file in (path, tmp_path / "other.onnx"))
    assert np.isin(one["symbols"][one["symbols"] != other["symbols"]], TIED).any()
    assert difference(other["log_probs"], one["log_probs"]) > 10 * TOLERANCE
    assert check_parity(tmp_path / "other.onnx", recognizer_cases(network)).symbols_equal


def test_symbols_must_be_those_that_are_clear():
    log_probs = np.array([[[-0.5, -0.51, -10.0], [-np.inf, -1.0, -0.1]]])

    def equal(*symbols):
        return clear_symbols_equal(np.array([symbols]), log_probs, 0.002)

    assert equal(0, 2)
    assert equal(1, 2), "0.01 below the best, of 0.02 that are allowed"
    assert not equal(2, 2)
    assert not equal(0, 1)
    assert not equal(0, 0), "it is forbidden"
    assert not equal(0, 3), "there is none"
    assert not equal(0, -1)
    assert not equal(0), "a step is missing"


def test_numbers_that_are_none_are_refused(thin_craft):
    """A network that overflows in float32 must not make its graph right whatever it gives."""
    broken = copy.deepcopy(thin_craft)
    list(broken.parameters())[-1].data.fill_(3e38)
    case = next(iter(detector_cases(broken, None)))

    found = compare(lambda _: dict.fromkeys(("region", "affinity"), np.full((1, 32, 48), np.inf, np.float32)), case)
    assert not right(found)
    assert found.bound <= LARGEST


def test_cases_cover_batches_and_a_mask(traced):
    cases = list(recognizer_cases(traced[0]))
    assert [len(case.inputs["crops"]) for case in cases] == [1, 2, 5, 2]
    assert [bool(case.inputs["allowed"].any()) for case in cases] == [False, False, False, True]


def test_cases_have_the_least_the_middle_and_the_greatest_width(make_recognizer):
    network = make_recognizer("None-VGG-None-CTC", num_classes=5, width=0.0625, image_hw=(32, 64))
    cases = list(recognizer_cases(network, (8, 16, 24, 32, 64)))
    assert [case.inputs["crops"].shape[2] for case in cases] == [8] * 4 + [24, 64]
    outputs = {"symbols": np.zeros((1, 1), np.int64)}
    found = [case.compute(torch.float32, outputs)["log_probs"].shape for case in cases[3:]]
    assert found == [(2, 1, 5), (1, 5, 5), (1, 15, 5)], "each of its own crops"


@torch.inference_mode()
def test_the_reference_is_the_network_decoding_greedily(make_recognizer):
    network = make_recognizer("None-VGG-BiLSTM-Attn", num_classes=9, width=0.1, max_length=6).double()
    crops = random_images((3, 32, 100, 1), seed=4)
    logits = network(torch.from_numpy(crops).permute(0, 3, 1, 2) / torch.tensor(127.5).double() - 1)
    symbols = logits.argmax(2).numpy()
    found = run_recognizer(network, crops, np.zeros(9, np.float32), symbols, torch.float64)
    assert difference(found["log_probs"], logits.log_softmax(2).numpy()) < 1e-9
    other = run_recognizer(network, crops, np.zeros(9, np.float32), 0 * symbols, torch.float64)
    assert difference(other["log_probs"], found["log_probs"]) > 0.01, "it goes on after the symbols that it is given"
    alone = run_recognizer(network, crops, np.zeros(9, np.float32), None, torch.float64)
    assert difference(alone["log_probs"], found["log_probs"]) < 1e-9, "it goes on after its own"
    network.float()


def test_difference_is_infinite_where_nothing_can_be_compared():
    ones = np.ones((2, 3))
    assert difference(ones, np.ones((3, 2))) == float("inf")
    assert difference(np.full((2, 3), np.nan), ones) == float("inf")
    assert difference(ones * 1.01, ones) == pytest.approx(0.01)
    assert difference(np.array([1.0, 5.0]), np.array([1.0, -np.inf])) == 0


def test_apart():
    right = np.array((3.0, 4.0))
    assert apart(right, right) == 0
    assert apart(right + 1, right) == pytest.approx(1 / 12.5**0.5)
    assert apart(right + 1, right, scale=2 * right) == pytest.approx(0.5 / 12.5**0.5)
    assert apart(np.zeros(2), right) == pytest.approx(1)
    assert apart(right[:1], right) == apart(np.array((np.nan, 4)), right) == apart(right, right * np.inf) == np.inf
    assert apart(np.array((-np.inf, 4.5)), np.array((-np.inf, 4.0))) == pytest.approx(0.125 * 0.5**0.5)
    assert apart(np.array((np.nan, 4)), np.array((np.nan, 4))) == 0
    assert apart(np.zeros(0), np.zeros(0)) == 0
