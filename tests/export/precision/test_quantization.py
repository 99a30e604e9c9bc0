"""The shipped bundle in fewer bits: what passes the gate enters the bundle and is run; what fails leaves it alone."""

from __future__ import annotations

import json
import math
import shutil
from collections.abc import Callable
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
from edgereader.export.checks.files import gated
from edgereader.export.cli import export
from edgereader.export.precision.cli import quantize
from edgereader.export.precision.folding import Graph
from edgereader.export.precision.pictures import open_pictures
from edgereader.export.precision.quantization import GPUS, Outcome, folded, inputs_of, quantize_model
from edgereader.runtime.bundles.bundle import Bundle, shipped, write_bundle
from edgereader.runtime.bundles.manifest import Quantized
from edgereader.runtime.detector import Detector
from edgereader.runtime.errors import BundleError, ExportError, ImageError
from edgereader.runtime.recognizer import Recognizer


def draw(folder: Path, count: int, height: int, width: int) -> Path:
    """Pictures with a dark number each, all different."""
    folder.mkdir()
    for index in range(count):
        picture = np.full((height, width, 3), 200 - 5 * index, np.uint8)
        at = (8, height - height // 3)
        cv2.putText(picture, str(4071 + 1234 * index), at, cv2.FONT_HERSHEY_SIMPLEX, height / 48, (20, 30, 40), 2)
        cv2.imwrite(str(folder / f"{index:02}.png"), picture)
    return folder


@pytest.fixture
def crops(tmp_path: Path) -> Path:
    return draw(tmp_path / "crops", 8, 48, 150)


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    """The shipped bundle, in fp32 only."""
    root = Path(shutil.copytree(shipped("digits-edge"), tmp_path / "bundle"))
    manifest = Bundle.open(root).manifest
    parts = {}
    for kind in ("detector", "recognizer"):
        spec = getattr(manifest, kind)
        parts[kind] = replace(spec, files={"fp32": spec.files["fp32"]}, quantized={}, preferred={})
        (root / f"{kind}.int8.onnx").unlink(missing_ok=True)
    write_bundle(root, replace(manifest, **parts))
    return root


@pytest.fixture
def reading(bundle: Path) -> Path:
    """The same without its detector, so that pictures are crops."""
    write_bundle(bundle, replace(Bundle.open(bundle).manifest, detector=None))
    return bundle


@pytest.fixture
def lenient(monkeypatch: pytest.MonkeyPatch) -> None:
    """So few pictures say little about the gate, which is not what is tested then."""
    monkeypatch.setattr(edgereader.export.precision.gate, "STRINGS_EQUAL", 0)
    monkeypatch.setattr(edgereader.export.precision.gate, "HMEAN_LOSS", 100)
    monkeypatch.setattr(edgereader.export.precision.gate, "MIN_CONFIDENCE", 0)


def run(bundle: Path, kind: str, folder: Path, **options: object) -> Outcome:
    return quantize_model(Bundle.open(bundle), kind, open_pictures(folder), say=lambda _: None, **options)  # type: ignore[arg-type]


def test_a_recogniser_that_passes_enters_the_bundle(reading: Path, crops: Path, lenient: None) -> None:
    outcome = run(reading, "recognizer", crops)
    bundle = Bundle.open(reading)
    assert outcome.path == bundle.file("recognizer", "int8")
    assert outcome.path.stat().st_size < bundle.file("recognizer").stat().st_size
    entry = bundle.recognizer.quantized["int8"]
    assert (entry.calibrated_on, entry.validated_on, entry.strings, entry.labelled) == (4, 4, 4, False)
    assert entry.kept_fp32 == []
    assert entry.speed_ratio == pytest.approx(outcome.timed["fp32"].median_ms / outcome.timed["int8"].median_ms)
    assert bundle.precision("recognizer") == outcome.preferred["cpu"]
    assert bundle.precision("recognizer", "cuda") == "fp32"
    frames = [cv2.imread(str(path)) for path in sorted(crops.iterdir())]
    fp32, int8 = (Recognizer(bundle, "cpu", precision, alphabet=None) for precision in ("fp32", "int8"))
    pairs = list(zip(fp32.recognize_crops(frames), int8.recognize_crops(frames), strict=True))
    assert any(one.confidence != other.confidence for one, other in pairs), "it is another graph"
    assert all(abs(one.confidence - other.confidence) < 0.2 for one, other in pairs)
    result = CliRunner().invoke(verify, [str(reading)])
    assert result.exit_code == 0, result.output
    assert "recorded gate" in result.output


@pytest.mark.slow
@pytest.mark.xdist_group("None-VGG-BiLSTM-CTC")
def test_a_recogniser_of_several_widths_is_calibrated_at_those_of_its_pictures(
    exported: Callable[..., tuple[object, Path]], tmp_path: Path, lenient: None
) -> None:
    _, made = exported("None-VGG-BiLSTM-CTC", 0.125, (32, 64, 128))
    root = Path(shutil.copytree(made, tmp_path / "bundle"))
    folder = draw(tmp_path / "crops", 4, 48, 150)
    for index, width in enumerate((40, 90, 600, 40)):
        cv2.imwrite(
            str(folder / f"{index:02}.png"), cv2.resize(cv2.imread(str(folder / f"{index:02}.png")), (width, 48))
        )
    bundle, pictures = Bundle.open(root), open_pictures(folder)
    everything = (*pictures.calibration, *pictures.validation)
    widths = [each["crops"].shape[1:3] for each in inputs_of(bundle, "recognizer", everything)]
    assert sorted(widths) == [(32, 32), (32, 32), (32, 64), (32, 128)]
    for precision in ("int8", "fp16", "int8-trt"):
        assert run(root, "recognizer", folder, precision=precision).kept_fp32 == ()
        crops = [cv2.imread(str(each.path)) for each in everything]
        rows = [
            list(Recognizer(Bundle.open(root), "cpu", each, alphabet=None).log_probs(crops))
            for each in ("fp32", precision)
        ]
        for one, other in zip(*rows, strict=True):
            assert one.shape == other.shape
            assert np.abs(np.exp(one) - np.exp(other)).mean() < 0.02
    assert Bundle.open(root).recognizer.quantized["int8"].speed_on.startswith("8 crops of 32x64, ")


def test_a_detector_that_passes_is_run_where_it_is_faster(bundle: Path, tmp_path: Path, lenient: None) -> None:
    outcome = run(bundle, "detector", draw(tmp_path / "photos", 4, 96, 200), canvas_hw=(64, 96))
    opened = Bundle.open(bundle)
    entry = opened.detector.quantized["int8"]
    assert (entry.strings, entry.strings_equal, entry.validated_on) == (0, None, 2)
    assert entry.regions > 0
    assert entry.speed_on.startswith("64x96")
    for preferred in ("int8", "fp32"):
        spec = replace(opened.detector, preferred={"cpu": preferred})
        write_bundle(bundle, replace(opened.manifest, detector=spec))
        (bundle / f"detector.{preferred}.onnx" if preferred == "int8" else bundle / "detector.onnx").write_bytes(b"x")
        with pytest.raises(BundleError, match="bytes"):
            Detector(Bundle.open(bundle))
    assert outcome.layers > 10


def test_explicit_precision_gets_what_it_asks_for_or_an_error(bundle: Path) -> None:
    with pytest.raises(BundleError, match="int8"):
        Detector(Bundle.open(bundle), precision="int8")
    spec = Bundle.open(bundle).detector
    with pytest.raises(ValueError, match="preferred on cpu is int8, which has no file"):
        write_bundle(bundle, replace(Bundle.open(bundle).manifest, detector=replace(spec, preferred={"cpu": "int8"})))


def test_a_failed_gate_leaves_the_bundle_and_a_report(
    reading: Path, crops: Path, lenient: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(edgereader.export.precision.gate, "STRINGS_EQUAL", 1.1)
    before = {path.name: path.read_bytes() for path in reading.iterdir()}
    result = CliRunner().invoke(quantize, [str(reading), "--calibration", str(crops)])
    assert result.exit_code == 1, result.output
    assert result.stdout.startswith("FAILED  recognizer")
    assert "5 of 6 layers in int8" in result.stderr, "it tried to keep some in fp32"
    report = json.loads((reading / "int8-report.json").read_text())
    assert (report["networks"][0]["passed"], report["networks"][0]["kind"]) == (False, "recognizer")
    (reading / "int8-report.json").unlink()
    assert {path.name: path.read_bytes() for path in reading.iterdir()} == before


def test_a_layer_that_breaks_is_kept_and_named(
    reading: Path, crops: Path, lenient: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A layer whose input is cut to nothing reads nothing; the gate finds it."""
    original = edgereader.export.precision.recipes.measure_ranges

    def spoiled(*arguments: object) -> dict[str, tuple[float, float]]:
        found = original(*arguments)  # type: ignore[arg-type]
        return {**found, "relu_4": (0.0, 1e-3)} if "relu_4" in found else found

    monkeypatch.setattr(edgereader.export.precision.recipes, "measure_ranges", spoiled)
    monkeypatch.setattr(edgereader.export.precision.gate, "STRINGS_EQUAL", 0.99)
    outcome = run(reading, "recognizer", crops)
    assert outcome.path is not None
    assert 1 <= len(outcome.kept_fp32) < outcome.layers
    assert Bundle.open(reading).recognizer.quantized["int8"].kept_fp32 == list(outcome.kept_fp32)


@pytest.mark.parametrize(("precision", "opset"), [("fp16", 18), ("int8-trt", 19)])
def test_files_for_gpus_enter_the_bundle_untimed(
    reading: Path, crops: Path, lenient: None, precision: str, opset: int
) -> None:
    report = crops / "report.json"
    arguments = [str(reading), "--calibration", str(crops), "--precision", precision, "--report", str(report)]
    result = CliRunner().invoke(quantize, arguments)
    assert result.exit_code == 0, result.output
    assert "as fast" not in result.stdout
    opened = Bundle.open(reading)
    assert onnx.load(opened.file("recognizer", precision)).opset_import[0].version == opset
    weights = sum(math.prod(each.dims) for each in onnx.load(opened.file("recognizer")).graph.initializer)
    assert opened.file("recognizer", precision).stat().st_size < 0.52 * 4 * weights, "half of float32"
    entry = opened.recognizer.quantized[precision]
    assert (entry.strings, entry.kept_fp32, entry.speed_ratio, entry.speed_on) == (4, [], None, None)
    assert opened.precision("recognizer", "cpu") == "fp32"
    assert {opened.precision("recognizer", backend) for backend in GPUS} == {"fp16" if precision == "fp16" else "fp32"}
    row = json.loads(report.read_text())["networks"][0]
    assert (row["precision"], row["speed_ratio"], row["timed"]) == (precision, None, {})
    checked = CliRunner().invoke(verify, [str(reading)])
    assert checked.exit_code == 0, checked.output
    assert f"recognizer {precision}" in checked.output
    assert checked.output.count("recorded gate") == 1


def test_two_precisions_stand_side_by_side(reading: Path, crops: Path, lenient: None) -> None:
    for precision in ("int8", "fp16"):
        assert run(reading, "recognizer", crops, precision=precision).path is not None
    opened = Bundle.open(reading).recognizer
    assert set(opened.files) == {"fp32", "int8", "fp16"}
    assert set(opened.quantized) == {"int8", "fp16"}
    assert set(opened.preferred) == {"cpu", *GPUS}


@pytest.mark.parametrize("precision", ["int8", "fp16", "int8-trt"])
def test_a_layer_is_kept_when_asked_for(reading: Path, crops: Path, lenient: None, precision: str) -> None:
    name = "network.FeatureExtraction.ConvNet.8"
    outcome = run(reading, "recognizer", crops, precision=precision, keep={name})
    assert (outcome.pinned, outcome.kept_fp32) == ((name,), ())
    assert Bundle.open(reading).recognizer.quantized[precision].kept_fp32 == [name]
    stored = {item.name: item.data_type for item in onnx.load(str(outcome.path)).graph.initializer}
    assert stored[f"{name}.weight"] == onnx.TensorProto.FLOAT
    with pytest.raises(ExportError, match=r"layers to keep, got nonsense; the network has .*ConvNet\.0"):
        run(reading, "recognizer", crops, precision=precision, keep={"nonsense"})


def test_numbers_beyond_float16_are_kept_before_the_gate_sees_them(
    reading: Path, crops: Path, lenient: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The network with one layer's numbers 1e5 times as large, and the next one's weights so much smaller."""
    monkeypatch.setattr(edgereader.export.precision.gate, "STRINGS_EQUAL", 1)
    monkeypatch.setattr(edgereader.export.precision.quantization, "folded", enlarged)
    outcome = run(reading, "recognizer", crops, precision="fp16")
    assert outcome.pinned == ("network.FeatureExtraction.ConvNet.6", "network.FeatureExtraction.ConvNet.8")
    assert outcome.kept_fp32 == ()


def test_the_gate_sees_an_overflow_that_onnx_runtime_hides(
    reading: Path, crops: Path, lenient: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same, when the ranges did not show it: bisection finds the layers."""
    monkeypatch.setattr(edgereader.export.precision.gate, "STRINGS_EQUAL", 1)
    monkeypatch.setattr(edgereader.export.precision.quantization, "folded", enlarged)
    monkeypatch.setattr(edgereader.export.precision.half, "LARGEST", np.inf)
    outcome = run(reading, "recognizer", crops, precision="fp16")
    assert outcome.pinned == ()
    assert {"network.FeatureExtraction.ConvNet.6", "network.FeatureExtraction.ConvNet.8"} <= set(outcome.kept_fp32)
    assert outcome.path is not None


def enlarged(path: Path) -> onnx.ModelProto:
    model = folded(path)
    graph, layer = Graph(model), "network.FeatureExtraction.ConvNet."
    for name, factor in (("6.weight", 1e5), ("6.bias", 1e5), ("8.weight", 1e-5)):
        graph.store(layer + name, graph.array(layer + name) * np.float32(factor))
    return model


def test_the_command_says_the_ratios(reading: Path, crops: Path, lenient: None) -> None:
    result = CliRunner().invoke(
        quantize, [str(reading), "--calibration", str(crops), "--report", str(crops / "r.json")]
    )
    assert result.exit_code == 0, result.output
    assert "times as fast" in result.stdout
    row = json.loads((crops / "r.json").read_text())["networks"][0]
    assert row["speed_ratio"] > 0
    assert set(row["timed"]) == {"fp32", "int8"}
    assert not (reading / "int8-report.json").exists()


def test_hostile_pictures_and_wrong_usage(reading: Path, crops: Path, tmp_path: Path) -> None:
    (crops / "00.png").write_bytes(b"\x89PNG\r\n\x1a\nrubbish")
    with pytest.raises(ImageError, match="00.png"):
        run(reading, "recognizer", crops)
    for arguments in (
        ["--calibration", str(crops), "--canvas", "100x100"],
        ["--calibration", str(crops), "--against", "a.pt"],
        ["--calibration", str(crops), "--keep", "a"],
        ["--calibration", str(crops), "--precision", "fp16", "--canvas", "64x96"],
        ["--calibration", str(crops), "--precision", "int4"],
        [],
    ):
        assert CliRunner().invoke(quantize, [str(reading), *arguments]).exit_code == 2
    for extra in (["--precision", "int8"], ["--calibration", str(crops)]):
        result = CliRunner().invoke(export, ["detector", "a.pt", "--to", str(tmp_path / "b"), *extra])
        assert result.exit_code == 2
        assert "give both or neither" in result.output
    assert not (tmp_path / "b").exists()


@pytest.mark.parametrize("figures", [{"strings_equal": 0.0}, {"strings_equal": 0.98}, {"hmean_loss": 0.6}])
def test_verify_refuses_a_gate_that_was_not_passed(figures: dict[str, float]) -> None:
    entry = Quantized(
        calibrated_on=1, validated_on=1, labelled=False, strings=9, strings_equal=1.0, regions=9, hmean_loss=0.0,
        kept_fp32=[], speed_ratio=2.0, speed_on="", versions={},
    )  # fmt: skip
    assert "2.00 times" in gated(entry)
    assert gated(replace(entry, speed_ratio=None, speed_on=None)) == "1 pictures"
    with pytest.raises(ExportError, match="of the strings equal"):
        gated(replace(entry, **figures))
