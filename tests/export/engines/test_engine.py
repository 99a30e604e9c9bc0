"""A bundle's engines: entered whole or not at all. All but what names a stand-in is TensorRT for RTX itself."""

import shutil
from pathlib import Path

import pytest
from msgspec.structs import replace

from edgereader.export.engines.engine import build_engine, expect_canvases, graph_precision
from edgereader.export.engines.tensorrt_library import Options
from edgereader.export.staging import entry_of
from edgereader.runtime.bundles.bundle import Bundle, file_sha256, write_bundle
from edgereader.runtime.errors import BundleError, ExportError

from ...runtime.graphs import write_test_bundle
from .plan_bytes import read_plan

pytest.importorskip("tensorrt_rtx", reason="needs TensorRT for RTX: pip install tensorrt-rtx")


@pytest.fixture
def folder(tmp_path):
    return Path(write_test_bundle(tmp_path / "bundle", steps=5))


def build(folder, kind="detector", precision=None, **options):
    options = {"targets": ["sm86"], "say": lambda _: None, "max_batch": 2, **options}
    return build_engine(Bundle.open(folder), kind, "tensorrt-rtx", precision, **options)


def contents(folder):
    """All files but the logs."""
    files = (path for path in folder.rglob("*") if path.is_file() and path.suffix != ".log")
    return {str(path.relative_to(folder)): path.read_bytes() for path in files}


def test_an_engine_enters_its_bundle_with_a_passport(folder):
    said = []
    passport = build(folder, targets=["sm89", "sm86", "sm86"], options=Options(optimization_level=1), say=said.append)
    bundle = Bundle.open(folder)
    assert bundle.manifest.engines == [passport]
    assert (passport.kind, passport.precision, passport.flavour) == ("detector", "fp32", "tensorrt-rtx")
    assert (passport.targets, passport.flags) == (["sm86", "sm89"], ["optimization-level=1"])
    assert passport.onnx_sha256 == file_sha256(bundle.file("detector"))
    path = bundle.engine(passport).path
    assert path.name == f"detector.fp32.tensorrt-rtx-{passport.version}.sm86-sm89.engine"
    shapes, plan = passport.profile["image"], read_plan(path.read_bytes())
    assert plan.profile["image"] == [shapes.min, shapes.opt, shapes.max]
    assert (plan.version, list(plan.targets)) == (passport.version, passport.targets)
    log = path.with_suffix(".log")
    assert "VERBOSE" in log.read_text()
    assert sorted(file.name for file in path.parent.iterdir()) == sorted([path.name, log.name])
    assert said[0] == f"detector: fp32, tensorrt-rtx {passport.version}, for sm86, sm89"
    assert str(log) in said[1]
    assert any("not loaded here" in line for line in said), "an engine is never said to be checked where it was not"


def test_an_engine_of_the_same_name_is_replaced_and_others_stay(folder):
    first = build(folder)
    other, recognizer = build(folder, targets=["sm89"]), build(folder, "recognizer")
    again = build(folder, canvases_hw=[(64, 96)])
    assert again.file.path == first.file.path
    assert again.profile["image"].opt == (1, 64, 96, 3)
    assert Bundle.open(folder).manifest.engines == [other, recognizer, again]
    for passport in (other, recognizer, again):
        assert Bundle.open(folder).engine(passport).contents


def test_what_happened_to_the_bundle_meanwhile_stays(folder):
    """Builds take minutes: the manifest that is written is the one of afterwards, with one passport more."""
    old = Bundle.open(folder)
    first = build(folder)
    second = build_engine(old, "recognizer", "tensorrt-rtx", targets=["sm86"], say=str)
    assert Bundle.open(folder).manifest.engines == [first, second]


def test_a_graph_that_does_not_parse_leaves_the_bundle_and_a_log(folder):
    path = folder / "detector.onnx"
    path.write_bytes(b"nonsense" * 10)
    entry = entry_of(path)
    manifest = Bundle.open(folder).manifest
    assert manifest.detector is not None
    write_bundle(folder, replace(manifest, detector=replace(manifest.detector, files={"fp32": entry})))
    before = contents(folder)
    with pytest.raises(ExportError, match=r"all messages: .*/engines/detector\.fp32\.tensorrt-rtx-.*\.sm86\.log"):
        build(folder)
    assert contents(folder) == before


def test_ctrl_c_leaves_the_bundle_as_it_was(folder):
    before = contents(folder)

    def interrupt(_done, _phase):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        build(folder, progress=interrupt)
    assert contents(folder) == before


def with_precisions(folder, *precisions):
    """The same graph under more names: here it matters which file is taken, not what is in it."""
    manifest = Bundle.open(folder).manifest
    files = dict(manifest.detector.files)
    for precision in precisions:
        files[precision] = entry_of(Path(shutil.copy(folder / "detector.onnx", folder / f"detector.{precision}.onnx")))
    write_bundle(folder, replace(manifest, detector=replace(manifest.detector, files=files)))
    return Bundle.open(folder)


def test_fp16_is_built_where_there_is_a_choice_and_int8_is_tensorrts_own(folder):
    bundle = Bundle.open(folder)
    assert graph_precision(bundle, "detector", None) == "fp32"
    bundle = with_precisions(folder, "fp16", "int8", "int8-trt")
    assert [graph_precision(bundle, "detector", wanted) for wanted in (None, "fp32", "fp16", "int8")] == [
        "fp16",
        "fp32",
        "fp16",
        "int8-trt",
    ]
    said = []
    passport = build(folder, precision="int8", say=said.append)
    assert passport.precision == "int8-trt"
    assert passport.file.path.startswith("detector.int8-trt.")
    assert any("in fp32 2 of 2 nodes that calculate: " in line for line in said), said


@pytest.mark.parametrize(("wanted", "named"), [("fp16", "fp16"), ("int8", "int8-trt")])
def test_a_precision_that_the_bundle_lacks_is_refused_with_the_command_that_makes_it(folder, wanted, named):
    with_precisions(folder, "int8")
    command = f"edgereader quantize {folder} --precision {named} --calibration FOLDER --only detector"
    with pytest.raises(BundleError, match=rf"expected a detector in {named}, got: .*int8.*; make it with `{command}`"):
        build(folder, precision=wanted)
    assert not (folder / "engines").exists()


def test_a_bundle_without_the_model_is_refused(tmp_path):
    with pytest.raises(BundleError, match="expected a recognizer"):
        build(write_test_bundle(tmp_path / "bundle", recognizer=False), "recognizer")


@pytest.mark.parametrize("canvas", [(100, 96), (96, 33), (0, 32), (32, 8224)])
def test_canvases_that_the_detector_does_not_take_are_refused(folder, canvas):
    expect_canvases([(32, 64), (8192, 32)])
    with pytest.raises(ExportError, match=rf"canvas {canvas[0]}x{canvas[1]}: expected multiples of 32 up to 8192"):
        build(folder, canvases_hw=[(32, 32), canvas])
    assert not (folder / "engines").exists()
