"""Inner tensors as outputs: of a graph, of a bundle made for the purpose, and of an engine."""

from types import SimpleNamespace

import numpy as np
import onnx
import pytest

from edgereader.export.checks.comparison import Trial, open_trial
from edgereader.export.checks.marks import INT8_LIMIT, MARK, limit_of, marked, run_on_backend, write_marked
from edgereader.export.onnx_file import session_of
from edgereader.runtime.bundles.bundle import Bundle
from edgereader.runtime.bundles.manifest import ShapeRange
from edgereader.runtime.errors import ExportError

from ..networks_in_onnx import IMAGE, small_craft


@pytest.fixture(scope="module")
def trial():
    return open_trial(Bundle.open("digits-edge"), "recognizer", "cpu", "fp32", ())


def inputs_of(trial):
    crops = np.random.default_rng(4).integers(0, 256, (3, 32, 128, 1), np.uint8)
    return {"crops": crops, "allowed": np.zeros(trial.session.output_shape("log_probs")[2] or 0, np.float32)}


def test_marks_are_outputs_in_float32_and_the_graph_is_as_it_was():
    model = small_craft()
    before = model.SerializeToString()
    names = [item.name for item in marked(model, ["size", "two"]).graph.output]
    assert names == ["maps", f"size{MARK}", f"two{MARK}"]
    assert model.SerializeToString() == before
    outputs = session_of(marked(model, ["size", "two"]))(IMAGE)
    assert {outputs[name].dtype for name in names[1:]} == {np.dtype(np.float32)}
    assert outputs[f"size{MARK}"].tolist() == [32, 48]


def test_a_backend_gives_what_the_cpu_gives(trial):
    """Also tensors whose first axis is no batch: the first one has one row for all images."""
    names = ["transpose_1", "relu_2", "symbols", "log_probs"]
    model, inputs = marked(onnx.load(trial.bundle.file("recognizer")), names), inputs_of(trial)
    outputs = session_of(model)(inputs)
    right = {name: outputs[name + MARK] for name in names}
    got = run_on_backend(trial, model, inputs, right)
    assert list(got) == list(right) == names
    assert right["transpose_1"].shape[1] == 3
    for name in names:
        np.testing.assert_allclose(got[name], right[name], rtol=1e-5, atol=1e-5)


def test_the_bundle_of_a_marked_graph_has_nothing_else(trial, tmp_path):
    write_marked(trial, marked(onnx.load(trial.bundle.file("recognizer")), ["relu"]), tmp_path)
    manifest = Bundle.open(tmp_path).manifest
    assert manifest.recognizer.files.keys() == {"fp32"}
    assert (manifest.detector, manifest.canary, manifest.engines) == (None, None, [])
    assert [item.name for item in onnx.load(tmp_path / "recognizer.fp32.onnx").graph.output][-1] == f"relu{MARK}"


def test_limits():
    assert limit_of("fp32") < limit_of("fp16") < limit_of("int8") == limit_of("int8-trt") == INT8_LIMIT


def test_an_engine_has_the_marks_and_the_shapes_of_the_first_one(trial, tmp_path, monkeypatch):
    """TensorRT for RTX takes a marked graph; what the engine gives is seen on a GPU only."""
    pytest.importorskip("tensorrt_rtx", reason="needs TensorRT for RTX: pip install tensorrt-rtx")
    import edgereader.export.engines.engine

    spec = trial.bundle.recognizer
    least, usual, most = spec.crop_widths[0], spec.usual_hw[1], spec.crop_widths[-1]
    limits = ShapeRange(min=(1, 32, least, 1), opt=(4, 32, usual, 1), max=(4, 32, most, 1))
    native = SimpleNamespace(backend="tensorrt-rtx", precision="fp32", limits=lambda _: limits)
    model = marked(onnx.load(trial.bundle.file("recognizer")), ["relu_2", "transpose_1", "symbols"])
    built = Trial(trial.bundle, "recognizer", native, trial.reference, ())
    with pytest.raises(ExportError, match="no GPU to build for"):
        write_marked(built, model, tmp_path)
    resolve = edgereader.export.engines.engine.resolve_targets
    monkeypatch.setattr(
        edgereader.export.engines.engine, "resolve_targets", lambda trt, name, _: resolve(trt, name, ["sm86"])
    )
    write_marked(built, model, tmp_path)
    (passport,) = Bundle.open(tmp_path).manifest.engines
    assert passport.profile["crops"] == limits
    assert Bundle.open(tmp_path).engine(passport).path.stat().st_size > 1000
