"""The shipped bundle in fewer bits: what passes the gate enters the bundle and is run; what fails leaves it alone."""

import json
import math
import shutil
from pathlib import Path

import cv2
import numpy as np
import onnx
import pytest
from click.testing import CliRunner
from msgspec.structs import replace

import edgereader.export.precision.gate
import edgereader.export.precision.half
import edgereader.export.precision.quantization
import edgereader.export.precision.recipes
from edgereader.export.checks.cli import verify
from edgereader.export.cli import export
from edgereader.export.onnx_graph import Graph
from edgereader.export.precision.cli import quantize
from edgereader.export.precision.folding import folded
from edgereader.export.precision.pictures import inputs_of, open_pictures
from edgereader.export.precision.quantization import GPUS, quantize_model
from edgereader.runtime.bundles.bundle import Bundle, write_bundle
from edgereader.runtime.detector import Detector
from edgereader.runtime.errors import BundleError, ExportError, ImageError
from edgereader.runtime.recognizer import Recognizer

from ..bundles import draw_numbers, shipped_in_fp32

FEATURES = "network.FeatureExtraction.ConvNet"


@pytest.fixture
def crops(tmp_path):
    return draw_numbers(tmp_path / "crops", 8)


@pytest.fixture
def reading(tmp_path):
    """The shipped recognizer in fp32, without a detector, so that pictures are crops."""
    return shipped_in_fp32(tmp_path / "bundle", "recognizer")


def run(bundle, kind, folder, **options):
    return quantize_model(Bundle.open(bundle), kind, open_pictures(folder), say=lambda _: None, **options)


def command(bundle, crops, *options):
    return CliRunner().invoke(quantize, [str(bundle), "--calibration", str(crops), *map(str, options)])


def test_a_recognizer_that_passes_enters_the_bundle(reading, crops, lenient):
    """By the command, with a report beside the bundle."""
    report = crops / "r.json"
    result = command(reading, crops, "--report", report)
    assert result.exit_code == 0, result.output
    assert "times as fast" in result.stdout
    assert not (reading / "int8-report.json").exists()
    (row,) = json.loads(report.read_text())["networks"]
    assert set(row["timed"]) == {"fp32", "int8"}
    bundle = Bundle.open(reading)
    assert row["path"] == str(bundle.file("recognizer", "int8"))
    assert bundle.file("recognizer", "int8").stat().st_size < bundle.file("recognizer").stat().st_size
    entry = bundle.recognizer.quantized["int8"]
    assert (entry.calibrated_on, entry.validated_on, entry.strings, entry.labelled) == (4, 4, 4, False)
    assert entry.kept_fp32 == []
    assert entry.speed_ratio == row["speed_ratio"]
    assert entry.speed_ratio == pytest.approx(row["timed"]["fp32"]["median_ms"] / row["timed"]["int8"]["median_ms"])
    assert bundle.precision("recognizer") == row["preferred"]["cpu"]
    assert bundle.precision("recognizer", "cuda") == "fp32"
    frames = [cv2.imread(str(path)) for path in sorted(crops.glob("*.png"))]
    fp32, int8 = (Recognizer(bundle, "cpu", precision, alphabet=None) for precision in ("fp32", "int8"))
    pairs = list(zip(fp32.recognize_crops(frames), int8.recognize_crops(frames), strict=True))
    assert any(one.confidence != other.confidence for one, other in pairs), "it is another graph"
    assert all(abs(one.confidence - other.confidence) < 0.2 for one, other in pairs)


@pytest.mark.slow
@pytest.mark.xdist_group("None-VGG-BiLSTM-CTC")
def test_a_recognizer_of_several_widths_is_calibrated_at_those_of_its_pictures(exported, tmp_path, lenient):
    _, made = exported("None-VGG-BiLSTM-CTC", 0.125, (32, 64, 128))
    root = Path(shutil.copytree(made, tmp_path / "bundle"))
    folder = draw_numbers(tmp_path / "crops", 4)
    for path, width in zip(sorted(folder.iterdir()), (40, 90, 600, 40), strict=True):
        cv2.imwrite(str(path), cv2.resize(cv2.imread(str(path)), (width, 48)))
    bundle, pictures = Bundle.open(root), open_pictures(folder)
    everything = (*pictures.calibration, *pictures.validation)
    widths = [inputs["crops"].shape[1:3] for inputs in inputs_of(bundle, "recognizer", everything)]
    assert sorted(widths) == [(32, 32), (32, 32), (32, 64), (32, 128)]
    crops = [cv2.imread(str(picture.path)) for picture in everything]
    for precision in ("int8", "fp16", "int8-trt"):
        assert run(root, "recognizer", folder, precision=precision).kept_fp32 == ()
        rows = [
            list(Recognizer(Bundle.open(root), "cpu", name, alphabet=None).log_probs(crops))
            for name in ("fp32", precision)
        ]
        for one, other in zip(*rows, strict=True):
            assert one.shape == other.shape
            assert np.abs(np.exp(one) - np.exp(other)).mean() < 0.02
    assert Bundle.open(root).recognizer.quantized["int8"].speed_on.startswith("8 crops of 32x64, ")


def test_a_detector_that_passes_is_run_where_it_is_faster(tmp_path, lenient):
    bundle = shipped_in_fp32(tmp_path / "bundle", "detector", "recognizer")
    with pytest.raises(BundleError, match="int8"):
        Detector(Bundle.open(bundle), precision="int8")
    spec = Bundle.open(bundle).detector
    with pytest.raises(ValueError, match="preferred on cpu is int8, which has no file"):
        write_bundle(bundle, replace(Bundle.open(bundle).manifest, detector=replace(spec, preferred={"cpu": "int8"})))
    outcome = run(bundle, "detector", draw_numbers(tmp_path / "photos", 4, 96, 200), canvas_hw=(64, 96))
    opened = Bundle.open(bundle)
    entry = opened.detector.quantized["int8"]
    assert (entry.strings, entry.strings_equal, entry.validated_on) == (0, None, 2)
    assert entry.regions > 0
    assert entry.speed_on.startswith("64x96")
    for preferred, name in (("int8", "detector.int8.onnx"), ("fp32", "detector.onnx")):
        spec = replace(opened.detector, preferred={"cpu": preferred})
        write_bundle(bundle, replace(opened.manifest, detector=spec))
        (bundle / name).write_bytes(b"x")
        with pytest.raises(BundleError, match="bytes"):
            Detector(Bundle.open(bundle))
    assert outcome.layers > 10


def test_a_failed_gate_leaves_the_bundle_and_a_report(reading, crops, lenient, monkeypatch):
    monkeypatch.setattr(edgereader.export.precision.gate, "STRINGS_EQUAL", 1.1)
    before = {path.name: path.read_bytes() for path in reading.iterdir()}
    result = command(reading, crops)
    assert result.exit_code == 1, result.output
    assert result.stdout.startswith("FAILED  recognizer")
    assert "5 of 6 layers in int8" in result.stderr, "it tried to keep some in fp32"
    report = json.loads((reading / "int8-report.json").read_text())
    assert (report["networks"][0]["passed"], report["networks"][0]["kind"]) == (False, "recognizer")
    (reading / "int8-report.json").unlink()
    assert {path.name: path.read_bytes() for path in reading.iterdir()} == before


def test_a_layer_that_breaks_is_kept_and_named(reading, crops, lenient, monkeypatch):
    """A layer whose input is cut to nothing reads nothing; the gate finds it."""
    original = edgereader.export.precision.recipes.measure_ranges

    def spoiled(*arguments):
        found = original(*arguments)
        return {**found, "relu_4": (0.0, 1e-3)} if "relu_4" in found else found

    monkeypatch.setattr(edgereader.export.precision.recipes, "measure_ranges", spoiled)
    monkeypatch.setattr(edgereader.export.precision.gate, "STRINGS_EQUAL", 0.99)
    outcome = run(reading, "recognizer", crops)
    assert outcome.path is not None
    assert 1 <= len(outcome.kept_fp32) < outcome.layers
    assert Bundle.open(reading).recognizer.quantized["int8"].kept_fp32 == list(outcome.kept_fp32)


def test_files_for_gpus_enter_the_bundle_untimed_side_by_side(reading, crops, lenient):
    report = crops / "report.json"
    for precision, opset in (("fp16", 18), ("int8-trt", 19)):
        result = command(reading, crops, "--precision", precision, "--report", report)
        assert result.exit_code == 0, result.output
        assert "as fast" not in result.stdout
        opened = Bundle.open(reading)
        assert onnx.load(opened.file("recognizer", precision)).opset_import[0].version == opset
        weights = sum(math.prod(item.dims) for item in onnx.load(opened.file("recognizer")).graph.initializer)
        assert opened.file("recognizer", precision).stat().st_size < 0.52 * 4 * weights, "half of float32"
        entry = opened.recognizer.quantized[precision]
        assert (entry.strings, entry.kept_fp32, entry.speed_ratio, entry.speed_on) == (4, [], None, None)
        row = json.loads(report.read_text())["networks"][0]
        assert (row["precision"], row["speed_ratio"], row["timed"]) == (precision, None, {})
    spec = opened.recognizer
    assert set(spec.files) == {"fp32", "fp16", "int8-trt"}
    assert spec.preferred == dict.fromkeys(GPUS, "fp16")
    assert opened.precision("recognizer", "cpu") == "fp32"
    checked = CliRunner().invoke(verify, [str(reading)])
    assert checked.exit_code == 0, checked.output
    assert checked.output.count("recorded gate") == 2


@pytest.mark.parametrize("precision", ["int8", "fp16", "int8-trt"])
def test_a_layer_is_kept_when_asked_for(reading, crops, lenient, precision):
    name = f"{FEATURES}.8"
    outcome = run(reading, "recognizer", crops, precision=precision, keep={name})
    assert (outcome.pinned, outcome.kept_fp32) == ((name,), ())
    assert Bundle.open(reading).recognizer.quantized[precision].kept_fp32 == [name]
    stored = {item.name: item.data_type for item in onnx.load(str(outcome.path)).graph.initializer}
    assert stored[f"{name}.weight"] == onnx.TensorProto.FLOAT
    with pytest.raises(ExportError, match=r"layers to keep, got nonsense; the network has .*ConvNet\.0"):
        run(reading, "recognizer", crops, precision=precision, keep={"nonsense"})


def test_numbers_beyond_float16_are_kept_before_the_gate_sees_them_or_by_it(reading, crops, lenient, monkeypatch):
    """The network with one layer's numbers 1e5 times as large, and the next one's weights so much smaller."""
    monkeypatch.setattr(edgereader.export.precision.gate, "STRINGS_EQUAL", 1)
    monkeypatch.setattr(edgereader.export.precision.quantization, "folded", enlarged)
    wide = f"{FEATURES}.6", f"{FEATURES}.8"
    outcome = run(reading, "recognizer", crops, precision="fp16")
    assert (outcome.pinned, outcome.kept_fp32) == (wide, ())
    # when the ranges do not show it, bisection finds what ONNX Runtime would hide
    monkeypatch.setattr(edgereader.export.precision.half, "LARGEST", np.inf)
    outcome = run(reading, "recognizer", crops, precision="fp16")
    assert outcome.pinned == ()
    assert set(wide) <= set(outcome.kept_fp32)
    assert outcome.path is not None


def enlarged(path):
    model = folded(path)
    graph = Graph(model)
    for name, factor in (("6.weight", 1e5), ("6.bias", 1e5), ("8.weight", 1e-5)):
        graph.store(f"{FEATURES}.{name}", graph.array(f"{FEATURES}.{name}") * np.float32(factor))
    return model


def test_hostile_pictures_and_wrong_usage(reading, crops, tmp_path):
    (crops / "00.png").write_bytes(b"\x89PNG\r\n\x1a\nrubbish")
    with pytest.raises(ImageError, match="00.png"):
        run(reading, "recognizer", crops)
    for options in (
        ["--canvas", "100x100"],
        ["--against", "a.pt"],
        ["--keep", "a"],
        ["--precision", "fp16", "--canvas", "64x96"],
        ["--precision", "int4"],
    ):
        assert command(reading, crops, *options).exit_code == 2
    assert CliRunner().invoke(quantize, [str(reading)]).exit_code == 2
    for extra in (["--precision", "int8"], ["--calibration", str(crops)]):
        result = CliRunner().invoke(export, ["detector", "a.pt", "--to", str(tmp_path / "b"), *extra])
        assert result.exit_code == 2
        assert "give both or neither" in result.output
    assert not (tmp_path / "b").exists()
