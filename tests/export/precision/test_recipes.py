"""Each precision offers its layers, keeps those that it must, and rehearses what its device would give."""

import numpy as np
import onnx
import pytest

from edgereader.export.onnx_file import session_of
from edgereader.export.onnx_graph import Graph, copied
from edgereader.export.precision.recipes import measure_ranges, recipe
from edgereader.runtime.errors import ExportError

from ..networks_in_onnx import IMAGE, small_craft


@pytest.mark.parametrize(
    ("precision", "names"),
    [
        ("int8", ["one", "two", "three", "four"]),
        ("fp16", ["one", "two", "three", "four", "maps"]),
        ("int8-trt", ["two", "three", "four"]),
    ],
)
def test_layers_and_what_becomes_of_them(folded, precision, names):
    plan = recipe(precision, folded, [IMAGE])
    assert (plan.layers, plan.pinned) == (names, [])
    expected = session_of(folded)(IMAGE)["maps"]
    for chosen in (names, ["two", "four"]):
        made = plan.make(chosen)
        onnx.checker.check_model(made, full_check=True)
        assert 0 < np.abs(session_of(plan.rehearse(made))(IMAGE)["maps"] - expected).mean() < 0.05 * expected.std()
    stored = Graph(made).initializers
    assert stored["three.weight"].data_type == onnx.TensorProto.FLOAT, "it is left out"
    assert "two.weight" not in stored
    less = recipe(precision, folded, [IMAGE], keep=["three"])
    assert less.layers == [name for name in names if name != "three"]
    assert less.pinned == ["three"]


def test_a_layer_of_wide_numbers_is_pinned_and_its_neighbours_take_part(folded):
    model = copied(folded)
    graph = Graph(model)
    graph.store("three.weight", graph.array("three.weight") * np.float32(1e5))
    graph.store("four.weight", graph.array("four.weight") * np.float32(1e-5))
    for precision in ("fp16", "int8-trt"):
        plan = recipe(precision, model, [IMAGE])
        assert plan.pinned == ["three", "four"], "the one gives them, the other takes them"
        assert "two" in plan.layers
        assert np.isfinite(session_of(plan.rehearse(plan.make(plan.layers)))(IMAGE)["maps"]).all()


def test_what_is_refused(folded):
    with pytest.raises(ExportError, match="precision of int8, fp16, int8-trt, got 'int4'"):
        recipe("int4", folded, [IMAGE])
    with pytest.raises(ExportError, match="layers to keep, got five; the network has one, two"):
        recipe("fp16", folded, [IMAGE], keep=["five"])
    with pytest.raises(ExportError, match="layers that can be int8, got none"):
        recipe("int8", folded, [IMAGE], keep=["one", "two", "three", "four"])


def test_ranges_are_the_extremes_over_all_inputs():
    images = [factor * IMAGE["image"] for factor in (1, 3, 2)]
    found = measure_ranges(small_craft(), ["image", "skip"], ({"image": image} for image in images))
    assert found["image"] == pytest.approx((images[1].min(), images[1].max()))
    assert found["skip"][0] == 0
    assert found["skip"][1] > 0


def test_infinity_names_its_tensor_and_nothing_is_refused():
    with pytest.raises(ExportError, match="finite activations.* image"):
        measure_ranges(small_craft(), ["image"], [{"image": np.inf * IMAGE["image"]}])
    with pytest.raises(ExportError, match="something to calibrate on"):
        measure_ranges(small_craft(), ["image"], [])
