"""The model repository: what is in it, and that it is written whole or not at all."""

import json
import re
import shutil

import msgspec
import pytest
from click.testing import CliRunner
from msgspec.structs import replace

from edgereader.export.cli import export
from edgereader.export.staging import entry_of
from edgereader.export.triton import repository
from edgereader.export.triton.repository import KINDS, write_repository
from edgereader.runtime.bundles.bundle import Bundle, write_bundle
from edgereader.runtime.bundles.manifest import ShapeRange
from edgereader.runtime.errors import BundleError, ExportError
from edgereader.runtime.sessions.opening import open_session
from edgereader.runtime.sessions.triton.contract import Fleet, Served, identity_of

from ..bundles import passport_of


@pytest.fixture
def bundle():
    return Bundle.open("digits-edge")


def told(root, model, kind=Served):
    text = (root / model / "config.pbtxt").read_text()
    (said,) = re.findall(r'^parameters \{ key: "edgereader" value \{ string_value: (".*") \} \}$', text, re.MULTILINE)
    return msgspec.json.decode(json.loads(said), type=kind), text


def test_each_model_has_what_it_needs_and_nothing_else(bundle, tmp_path):
    root = tmp_path / "new" / "fleet"
    write_repository(bundle, root, threads=1, options={"alphabet": "0123456789"})
    shared = {"1/model.py", "1/bundle/bundle.json", "1/bundle/canary.png", "1/bundle/canary.maps.png", "config.pbtxt"}
    own = {
        "detector": {"1/bundle/detector.int8.onnx", "warmup/image"},
        "recognizer": {"1/bundle/recognizer.int8.onnx", "warmup/crops"},
        "reader": set(),
    }
    for model, files in own.items():
        folder = root / model
        assert {path.relative_to(folder).as_posix() for path in folder.rglob("*.*")} | files == shared | files
        assert all((folder / name).stat().st_size for name in files)
    for kind in KINDS:  # what is there opens, and reads the canary
        assert open_session(Bundle.open(root / kind / "1" / "bundle"), kind, "cpu", "int8", 1).precision == "int8"
    assert [path.name for path in (*tmp_path.iterdir(), *root.parent.iterdir())] == ["new", "fleet"], "and no more"


def test_what_the_configurations_say(bundle, tmp_path):
    networks = write_repository(bundle, tmp_path / "fleet", instances=3, canvases=2, threads=1)
    detector, text = told(tmp_path / "fleet", "detector")
    assert detector == networks["detector"]
    assert detector.identity == identity_of(bundle, "detector")
    assert (detector.backend, detector.precision, detector.threads) == ("cpu", "int8", 1)
    assert detector.limits.max == (2, 768, 768, 3)
    assert "max_batch_size: 2\n" in text
    assert "count: 3 }" in text
    recognizer, text = told(tmp_path / "fleet", "recognizer")
    assert recognizer.limits.max == (32, 32, 512, 1)
    assert recognizer.outputs["log_probs"][2] == bundle.recognizer.classes
    assert 'name: "crops" data_type: TYPE_UINT8 dims: [32, -1, 1] allow_ragged_batch: true' in text
    assert f"dims: [{bundle.recognizer.classes}]" in text
    fleet, _ = told(tmp_path / "fleet", "reader", Fleet)
    assert fleet.networks == networks


@pytest.mark.parametrize(("asked", "most"), [(None, 768), (800, 896), (1024, 1024)])
def test_canvases_are_as_large_as_a_reader_makes_them(asked, most, bundle, tmp_path):
    served = write_repository(bundle, tmp_path / "fleet", long_side_px=asked)["detector"]
    assert served.limits.max[1] == served.limits.max[2] >= (asked or 768)
    assert served.limits.max[1] == most


def test_a_folder_with_files_is_left_as_it_is(bundle, tmp_path):
    (tmp_path / "mine").write_text("kept")
    with pytest.raises(ExportError, match=r"expected a new folder, got one that is not empty; name another"):
        write_repository(bundle, tmp_path)
    assert [path.read_text() for path in tmp_path.iterdir()] == ["kept"]


def test_an_empty_folder_is_filled(bundle, tmp_path):
    write_repository(bundle, tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == {"detector", "recognizer", "reader"}


def test_all_is_on_the_disk_before_it_is_there(bundle, tmp_path, monkeypatch):
    flushed = []
    monkeypatch.setattr(repository, "flush", lambda path: flushed.append(path.name))
    write_repository(bundle, tmp_path / "fleet")
    assert sorted(flushed) == sorted(path.name for path in (tmp_path / "fleet").rglob("*") if path.is_file())


def test_it_is_there_whole_or_not_at_all(bundle, tmp_path, monkeypatch):
    def full(path):
        if path.name == "config.pbtxt":
            raise OSError(28, "No space left on device")

    monkeypatch.setattr(repository, "flush", full)
    with pytest.raises(ExportError, match="No space left on device; make room"):
        write_repository(bundle, tmp_path / "fleet")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("missing", ["detector", "recognizer", "canary"])
def test_a_bundle_that_lacks_something(missing, bundle, tmp_path):
    shutil.copytree(bundle.root, tmp_path / "bundle")
    write_bundle(tmp_path / "bundle", replace(bundle.manifest, **{missing: None}))
    with pytest.raises(BundleError, match="expected a detector, a recognizer and a canary, got less"):
        write_repository(Bundle.open(tmp_path / "bundle"), tmp_path / "fleet")
    assert not (tmp_path / "fleet").exists()


def test_a_damaged_file_is_not_served(bundle, tmp_path):
    shutil.copytree(bundle.root, tmp_path / "bundle")
    (tmp_path / "bundle" / "recognizer.int8.onnx").write_bytes(b"other")
    with pytest.raises(BundleError, match="recognizer"):
        write_repository(Bundle.open(tmp_path / "bundle"), tmp_path / "fleet")
    assert not (tmp_path / "fleet").exists()


def test_engines_come_along_with_their_limits(bundle, tmp_path):
    folder, passports = shutil.copytree(bundle.root, tmp_path / "bundle"), []
    (folder / "engines").mkdir()
    shapes = {
        "detector": {"image": ShapeRange(min=(1, 32, 32, 3), opt=(1, 448, 768, 3), max=(4, 448, 768, 3))},
        "recognizer": {"crops": ShapeRange(min=(1, 32, 64, 1), opt=(8, 32, 192, 1), max=(16, 32, 512, 1))},
    }
    for kind in KINDS:
        (folder / "engines" / f"{kind}.engine").write_bytes(b"a plan")
        entry = entry_of(folder / "engines" / f"{kind}.engine")
        passports.append(passport_of(entry, kind, "fp32", "0" * 64, **shapes[kind]))
    write_bundle(folder, replace(bundle.manifest, engines=passports))
    networks = write_repository(Bundle.open(folder), tmp_path / "fleet", "tensorrt", "fp32")
    for kind in KINDS:
        assert [networks[kind].limits] == list(shapes[kind].values())
        assert (tmp_path / "fleet" / kind / "1" / "bundle" / "engines" / f"{kind}.engine").read_bytes() == b"a plan"
    with pytest.raises(BundleError, match=r"engine of the detector in fp16, got none; `edgereader engine --flavour te"):
        write_repository(Bundle.open(folder), tmp_path / "other", "tensorrt", "fp16")


def test_the_command(tmp_path):
    options = ["--alphabet", "0123456789", "--threads", "1", "--min-confidence", "0.5", "--long-side", "512"]
    done = CliRunner().invoke(export, ["triton", "digits-edge", "--to", str(tmp_path / "fleet"), *options])
    assert done.exit_code == 0, done.output
    assert "cpu in int8, up to 1x512x512x3" in done.output
    said = told(tmp_path / "fleet", "reader", Fleet)[0].options
    assert (said["alphabet"], said["min_confidence"]) == ("0123456789", 0.5)
    assert repr(said["long_side_px"]) == "512", "a float is no number of pixels"
