"""Each precision offers its layers, keeps those that it must, and rehearses what its device would give."""

from __future__ import annotations

import numpy as np
import onnx
import pytest

from edgereader.export.precision.folding import Graph, fold
from edgereader.export.precision.ranges import session_of
from edgereader.export.precision.recipes import recipe
from edgereader.runtime.errors import ExportError

from ..networks_in_onnx import small_craft

IMAGE = {"image": np.random.default_rng(3).normal(0, 1, (1, 4, 32, 48)).astype(np.float32)}


@pytest.fixture(scope="module")
def folded() -> onnx.ModelProto:
    model = small_craft()
    fold(model)
    return model


@pytest.mark.parametrize(
    ("precision", "names"),
    [
        ("int8", ["one", "two", "three", "four"]),
        ("fp16", ["one", "two", "three", "four", "maps"]),
        ("int8-trt", ["two", "three", "four"]),
    ],
)
def test_layers_and_what_becomes_of_them(folded: onnx.ModelProto, precision: str, names: list[str]) -> None:
    plan = recipe(precision, folded, [IMAGE])
    assert (plan.layers, plan.pinned) == (names, [])
    expected = session_of(folded)(IMAGE)[0]
    for chosen in (names, names[1:2]):
        made = plan.make(chosen)
        onnx.checker.check_model(made, full_check=True)
        assert 0 < np.abs(session_of(plan.rehearse(made))(IMAGE)[0] - expected).mean() < 0.05 * expected.std()
    less = recipe(precision, folded, [IMAGE], keep=["three"])
    assert less.layers == [name for name in names if name != "three"]
    assert less.pinned == ["three"]


def test_layers_that_are_left_out_are_float32_in_every_precision(folded: onnx.ModelProto) -> None:
    for precision in ("int8", "fp16", "int8-trt"):
        made = Graph(recipe(precision, folded, [IMAGE]).make(["two", "four"]))
        assert made.initializers["three.weight"].data_type == onnx.TensorProto.FLOAT
        assert "two.weight" not in made.initializers


def test_a_layer_of_wide_numbers_is_pinned_and_its_neighbours_take_part(folded: onnx.ModelProto) -> None:
    model = onnx.ModelProto()
    model.CopyFrom(folded)
    graph = Graph(model)
    graph.store("three.weight", graph.array("three.weight") * np.float32(1e5))
    graph.store("four.weight", graph.array("four.weight") * np.float32(1e-5))
    for precision in ("fp16", "int8-trt"):
        plan = recipe(precision, model, [IMAGE])
        assert plan.pinned == ["three", "four"], "the one gives them, the other takes them"
        assert "two" in plan.layers
        assert np.isfinite(session_of(plan.rehearse(plan.make(plan.layers)))(IMAGE)[0]).all()


def test_what_is_refused(folded: onnx.ModelProto) -> None:
    with pytest.raises(ExportError, match="precision of int8, fp16, int8-trt, got 'int4'"):
        recipe("int4", folded, [IMAGE])
    with pytest.raises(ExportError, match="layers to keep, got five; the network has one, two"):
        recipe("fp16", folded, [IMAGE], keep=["five"])
    with pytest.raises(ExportError, match="layers that can be int8, got none"):
        recipe("int8", folded, [IMAGE], keep=["one", "two", "three", "four"])
