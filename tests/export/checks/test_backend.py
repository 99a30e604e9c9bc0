"""Graphs and backends that are wrong on purpose are found, and the first layer that is wrong is named."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnx
import pytest
from msgspec.structs import replace
from onnx import helper, numpy_helper

import edgereader.export.checks.comparison
import edgereader.export.checks.marks
import edgereader.export.precision.gate
import edgereader.runtime.sessions.opening
from edgereader.export.canary import write_canary
from edgereader.export.checks.backend import examine
from edgereader.export.checks.comparison import open_trial
from edgereader.export.onnx_graph import Graph
from edgereader.export.precision.pictures import find_pictures
from edgereader.runtime.bundles.bundle import Bundle, Checked, write_bundle
from edgereader.runtime.errors import BundleError, ImageError
from edgereader.runtime.sessions.onnx_runtime import OnnxRuntimeSession
from edgereader.runtime.sessions.opening import open_unproven

from ..bundles import draw_numbers, shipped_in_fp32, with_graph

pytestmark = pytest.mark.usefixtures("all_sure")


@pytest.fixture(scope="module")
def base(tmp_path_factory):
    """The shipped bundle in fp32 alone, for small canvases, with a canary and a folder of drawn numbers beside it."""
    root = shipped_in_fp32(tmp_path_factory.mktemp("backend") / "bundle", "detector", "recognizer")
    manifest = Bundle.open(root).manifest
    small = replace(manifest.detector, long_side_px=128, coarse_side_px=None)
    write_bundle(root, replace(manifest, detector=small))
    write_canary(root)
    draw_numbers(root.parent / "pictures", 4, 64, 192)
    return root


@pytest.fixture
def examined(base, tmp_path):
    """Examine a bundle whose graph of one kind, in "fp16", is the one in fp32 with a change."""

    def run(kind, change, backend="cpu"):
        root = Path(shutil.copytree(base.parent, tmp_path / "copy", dirs_exist_ok=True)) / "bundle"
        model = onnx.load(Bundle.open(root).file(kind))
        change(model)
        with_graph(root, kind, model, "fp16")
        return examine(trial_of(root, kind, backend), say=lambda _: None)

    return run


def trial_of(root, kind, backend="cpu", precision="fp16"):
    return open_trial(Bundle.open(root), kind, backend, precision, find_pictures(root.parent / "pictures"))


def outcome(found):
    return {check.name: check.detail for check in found.checks if not check.passed}


def scaled(name, by):
    def change(model):
        graph = Graph(model)
        graph.store(name, (graph.array(name) * by).astype(np.float32))

    return change


def conv_weights(model):
    return [node.input[1] for node in model.graph.node if node.op_type == "Conv"]


def after(tensor, write, **stored):
    """Put nodes behind a tensor: `write` makes them from the name of what was there; the last one gives the tensor."""

    def change(model):
        node = Graph(model).producer[tensor]
        node.output[list(node.output).index(tensor)] = "before"
        place = list(model.graph.node).index(node) + 1
        for offset, written in enumerate(write("before")):
            model.graph.node.insert(place + offset, written)
        model.graph.initializer.extend(
            numpy_helper.from_array(np.asarray(value), name) for name, value in stored.items()
        )

    return change


def nothing(_model):
    pass


@pytest.mark.parametrize("kind", ["detector", "recognizer"])
def test_what_is_right_passes(examined, kind):
    found = examined(kind, nothing)
    assert found.passed, outcome(found)
    last = "H-mean" if kind == "detector" else "strings"
    assert [check.name for check in found.checks] == ["canary", "numbers", "batches", last]
    assert found.departure is None
    sizes = [batch.shape[:3] for batch in found.comparisons]
    large = [(1, 128, 128), (3, 128, 128)]
    batches = {64: (1, 8, 32), 192: (1, 8, 21), 512: (1, 8)}
    crops = [(batch, 32, width) for width, sizes in batches.items() for batch in sizes]
    assert sizes == (large if kind == "detector" else crops)


@pytest.mark.parametrize(("kind", "place"), [("detector", 1), ("detector", 20), ("recognizer", 3)])
def test_one_layer_that_is_scaled_is_named(examined, kind, place):
    names = []

    def change(model):
        names.append(conv_weights(model)[place])
        scaled(names[0], 2)(model)

    found = examined(kind, change)
    assert found.departure.first.layer == names[0].removesuffix(".weight")
    assert f"{found.departure.first.layer} (Conv)" in outcome(found)["first departure"]
    assert "in fp16 it is not what it is in fp32" in outcome(found)["first departure"]
    assert "numbers" in outcome(found)
    assert "batches" not in outcome(found)


def test_rows_that_are_mixed(examined):
    """Alone an image is read rightly, which is why batches of one say nothing."""

    def mix(name):
        return [
            helper.make_node("Slice", [name, "1", "end", "0"], ["tail"]),
            helper.make_node("Slice", [name, "0", "1", "0"], ["head"]),
            helper.make_node("Concat", ["tail", "head"], ["relu_3"], axis=0),
        ]

    whole = {"0": np.array([0]), "1": np.array([1]), "end": np.array([1 << 30])}
    found = examined("recognizer", after("relu_3", mix, **whole))
    assert "alone and in a batch" in outcome(found)["batches"]
    assert "1x32x128" not in outcome(found)["batches"]
    assert found.departure.first.tensor == "relu_3"


def test_zeros(examined):
    change = after("linear_2", lambda name: [helper.make_node("Mul", [name, "nil"], ["linear_2"])], nil=np.float32(0))
    found = examined("recognizer", change)
    assert {"canary", "numbers", "batches", "strings"} <= outcome(found).keys()
    assert "different images give the same outputs" in outcome(found)["batches"]
    assert found.departure.first.tensor == "linear_2"


BIAS = "network.Prediction.bias"


def last_weights(model):
    """The matrix before the last bias."""
    graph = Graph(model)
    (add,) = graph.users(BIAS)
    product = graph.producer[next(name for name in add.input if name != BIAS)]
    return str(next(name for name in product.input if name in graph.initializers))


def test_strings_that_differ(base, examined):
    """Two symbols change places in the last layer."""
    weights = last_weights(onnx.load(base / "recognizer.onnx"))

    def swap(model):
        graph = Graph(model)
        for name in (weights, BIAS):
            values = graph.array(name).copy()
            values[..., [1, 5]] = values[..., [5, 1]]
            graph.store(name, values)

    found = examined("recognizer", swap)
    assert "strings equal" in outcome(found)["strings"]
    assert found.departure.first.layer == weights


def test_symbols_that_are_not_the_likeliest(examined):
    def least(model):
        Graph(model).producer["symbols"].op_type = "ArgMin"

    found = examined("recognizer", least)
    assert "of the symbols are not the likeliest" in outcome(found)["numbers"]
    assert found.departure.first.operator == "ArgMax"


@dataclass
class StandIn:
    """A session on the CPU that says that it is another one."""

    session: OnnxRuntimeSession
    backend: str
    precision: str

    def output_shape(self, name):
        return self.session.output_shape(name)

    def limits(self, name):
        return self.session.limits(name)

    def bind(self, shapes, *, batched):
        return self.session.bind(shapes, batched=batched)


def test_a_backend_that_is_wrong_is_told_from_a_graph_that_is(examined, monkeypatch):
    """A stand-in for a GPU: ONNX Runtime on the CPU, with one layer's weights changed whenever a graph is loaded."""

    def open_wrongly(bundle, kind, backend, precision, threads=None):
        if backend == "cpu":
            return open_unproven(bundle, kind, backend, precision, threads)
        path = bundle.file(kind, precision or "fp32")
        model = onnx.load(path)
        scaled("network.FeatureExtraction.ConvNet.8.weight", 3)(model)
        return StandIn(OnnxRuntimeSession(Checked(path, model.SerializeToString())), backend, precision or "fp32")

    modules = edgereader.export.checks.comparison, edgereader.export.checks.marks, edgereader.runtime.sessions.opening
    for module in modules:
        monkeypatch.setattr(module, "open_unproven", open_wrongly)
    found = examined("recognizer", nothing, backend="cuda")
    assert found.departure is not None, outcome(found)
    assert found.departure.first.layer == "network.FeatureExtraction.ConvNet.8"
    assert "cuda computes it otherwise than the graph says" in outcome(found)["first departure"]
    both = examined("recognizer", scaled("network.FeatureExtraction.ConvNet.3.weight", 3), backend="cuda")
    assert both.departure.first.layer == "network.FeatureExtraction.ConvNet.8", "the backend first"


def test_without_a_canary_only_cpu_is_looked_at(base, tmp_path):
    root = Path(shutil.copytree(base.parent, tmp_path / "copy")) / "bundle"
    write_bundle(root, replace(Bundle.open(root).manifest, canary=None))
    found = examine(trial_of(root, "recognizer", precision="fp32"), say=lambda _: None)
    assert found.passed
    assert "`edgereader export canary BUNDLE` writes one" in found.checks[0].detail
    with pytest.raises(BundleError, match="edgereader export canary"):
        trial_of(root, "recognizer", "cuda")


def test_pictures_without_text_are_no_proof(base, tmp_path, monkeypatch):
    monkeypatch.setattr(edgereader.export.precision.gate, "MIN_CONFIDENCE", 2)
    trial = open_trial(Bundle.open(base), "recognizer", "cpu", "fp32", find_pictures(base.parent / "pictures"))
    assert "give other pictures" in outcome(examine(trial, say=lambda _: None))["strings"]
    (tmp_path / "0.png").write_bytes(b"\x89PNG\r\n\x1a\nrubbish")
    with pytest.raises(ImageError, match=r"0\.png"):
        examine(open_trial(Bundle.open(base), "detector", "cpu", "fp32", find_pictures(tmp_path)), say=lambda _: None)
