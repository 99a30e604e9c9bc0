"""The layers that are to blame are found, and with few questions."""

import numpy as np
import pytest
from onnx import TensorProto, helper, numpy_helper

from edgereader.export.checks.marks import MARK, marked
from edgereader.export.onnx_file import session_of
from edgereader.export.onnx_graph import Graph, copied
from edgereader.export.parity import apart
from edgereader.export.search import PROBES, ancestors, find_departure, keep_until, worst

from .networks_in_onnx import IMAGE, small_craft

LAYERS = list(range(32))
LIMIT = 1e-3


@pytest.mark.parametrize("bad", [set(), {7}, {0, 31}, {3, 4, 20}])
def test_exactly_the_bad_layers_are_kept(bad):
    harms = {layer: 10.0 + layer if layer in bad else 0.01 for layer in LAYERS}
    asked = []

    def passes(chosen):
        asked.append(chosen)
        return not bad & set(chosen)

    kept = keep_until(LAYERS, passes, lambda chosen: sum(harms[layer] for layer in chosen))
    assert kept is not None
    assert bad <= set(kept)
    assert len(kept) <= max(len(bad), 2 * len(bad) - 1)
    assert len(asked) <= 2 * 6


def test_one_is_found_in_two_log2_steps():
    asked = []

    def damage(chosen):
        asked.append(chosen)
        return float(13 in chosen)

    assert worst(LAYERS, damage) == 13
    assert len(asked) == 10


def test_nothing_passes():
    rounds = []
    assert keep_until(LAYERS, lambda chosen: bool(rounds.append(chosen)), len) is None
    assert len(rounds) <= 2 * 6


def chain_of(length):
    """image -> length times (x · weight), the k-th called "layer k"."""
    names = ["image", *(f"t{index}" for index in range(length))]
    stored = [numpy_helper.from_array(np.full((1, 1), 1.01, np.float32), f"layer{i}.weight") for i in range(length)]
    nodes = [helper.make_node("Mul", [names[i], f"layer{i}.weight"], [names[i + 1]]) for i in range(length)]
    values = [helper.make_tensor_value_info(name, TensorProto.FLOAT, [1, 4, 32, 48]) for name in (names[0], names[-1])]
    graph = helper.make_graph(nodes, "chain", values[:1], values[1:], stored)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10)


def spoil(model, name, change):
    """A copy in which one stored tensor is another."""
    copy = copied(model)
    graph = Graph(copy)
    graph.store(name, change(graph.array(name)).astype(np.float32))
    return copy


def find(good, bad, limits=(LIMIT, LIMIT), runs=None):
    def errors(names):
        right, got = (session_of(marked(model, names))(IMAGE) for model in (good, bad))
        if runs is not None:
            runs.append(len(names))
        return {name: apart(got[name + MARK], right[name + MARK]) for name in names}

    graph, produced = Graph(good), {name for node in bad.graph.node for name in node.output}
    return find_departure(graph, produced, errors, limits, graph)


@pytest.mark.parametrize("name", ["one", "two", "three", "four", "maps"])
def test_a_layer_whose_weights_are_scaled_is_named(name):
    model = small_craft()
    found = find(model, spoil(model, f"{name}.weight", lambda weights: weights * 1.5))
    assert (found.first.layer, found.first.operator) == (name, "Conv")
    assert found.first.error > found.limit == LIMIT
    before = ancestors(Graph(model), found.first.tensor)
    assert all(step.error == 0 for step in found.steps if step.tensor in before)


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_numbers_that_are_none_depart(value):
    model = small_craft()
    found = find(model, spoil(model, "three.bias", lambda bias: np.where(np.arange(len(bias)) == 5, value, bias)))
    assert found.first.layer == "three"
    assert found.first.error == np.inf


def test_a_layer_that_only_moves_numbers_is_named_by_its_node():
    model, bad = small_craft(), small_craft()
    joined = next(node for node in bad.graph.node if node.op_type == "Concat" and node.output[0] == "joined")
    joined.input[:] = list(reversed(joined.input))
    bad.graph.ClearField("value_info")
    for graph in (model.graph, bad.graph):
        next(node for node in graph.node if node.output[0] == "joined").name = "join 1"
    bad = spoil(bad, "four.weight", lambda weights: np.concatenate((weights[:, 16:], weights[:, :16]), axis=1))
    again = find(model, bad)
    assert again is None, "swapped and swapped back: the outputs are right, and nothing is looked for"
    bad = spoil(bad, "four.weight", lambda _: Graph(model).array("four.weight"))
    found = find(model, bad)
    assert (found.first.layer, found.first.operator) == ("join 1", "Concat")


def test_the_same_graph_does_not_depart():
    assert find(small_craft(), small_craft()) is None
    assert find(small_craft(), small_craft(), (0, LIMIT)) is None


def test_what_adds_up_below_the_limit_is_found_where_half_of_it_has_come_about():
    good, bad = chain_of(40), chain_of(40)
    for index in range(40):
        bad = spoil(bad, f"layer{index}.weight", lambda weights: weights * 1.001)
    assert find(good, bad, (0.2, 0.2)) is None
    found = find(good, bad, (0, 0.2))
    assert found.first.layer in {"layer19", "layer20"}
    assert found.limit == pytest.approx(1.001**40 / 2 - 0.5, rel=0.01)


@pytest.mark.parametrize("index", [0, 1, 149, 298, 299])
def test_few_runs_of_few_tensors_are_enough(index):
    model, runs = chain_of(300), []
    found = find(model, spoil(model, f"layer{index}.weight", lambda weights: weights * 1.5), runs=runs)
    assert found.first.layer == f"layer{index}"
    assert len(runs) <= 5
    assert max(runs) <= PROBES
    around = [step.tensor for step in found.around()]
    assert f"t{index}" in around
    assert len(around) <= 7


def test_a_decision_is_not_blamed_for_the_numbers_before_it():
    """Symbols flip where logits are close; the layer that moved the logits is what counts."""
    good = small_craft()
    good.graph.node.append(helper.make_node("ArgMax", ["maps"], ["symbols"], axis=1))
    good.graph.output.insert(0, helper.make_tensor_value_info("symbols", TensorProto.INT64, None))
    found = find(good, spoil(good, "two.weight", lambda weights: -weights))
    assert found.first.layer == "two"
    flipped = copied(good)
    flipped.graph.node[-1].op_type = "ArgMin"
    found = find(good, flipped)
    assert found.first.operator == "ArgMax"
