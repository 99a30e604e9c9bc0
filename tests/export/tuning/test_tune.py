"""The whole, with a small network and seconds of training: settings stay, the detector stays, nothing worse ships."""

import shutil

import pytest
from click.testing import CliRunner
from msgspec.structs import asdict, replace

from edgereader.export.checks.files import verify_bundle
from edgereader.export.networks import load_recognizer
from edgereader.export.tuning import tune as module
from edgereader.export.tuning.cli import tune
from edgereader.runtime.bundles.bundle import Bundle, write_bundle
from edgereader.runtime.reader import Reader

from ..bundles import shipped_in_fp32
from ..test_pipeline import WIDTHS
from .conftest import number

STAGES = pytest.mark.parametrize("stages", ["None-VGG-BiLSTM-CTC"])
FILES = {"files", "parity", "quantized", "preferred"}


@pytest.fixture
def small(exported, tmp_path, stages, monkeypatch, few_fonts, lenient):
    """A bundle of the shipped detector and a small recognizer, with settings of its own."""
    monkeypatch.setattr(module, "GENERATED", 20)
    monkeypatch.setattr(module, "CALIBRATED_ON", 8)
    _, folder = exported(stages, 0.125, WIDTHS)
    root = shipped_in_fp32(tmp_path / "small", "detector")
    shutil.copy(folder / "recognizer.onnx", root)
    settings = {"margin": 0.07, "temperature": 1.3, "stretch": 1.7}
    manifest = Bundle.open(root).manifest
    recognizer = replace(Bundle.open(folder).recognizer, **settings)
    write_bundle(root, replace(manifest, name="small", licence="MIT", recognizer=recognizer))
    return root


def run(bundle, crops, to, *options):
    arguments = [bundle, "--data", crops, "--to", to, "--minutes", "0.05", *options]
    return CliRunner().invoke(tune, [str(argument) for argument in arguments])


@STAGES
def test_a_tuned_bundle_has_all_settings_of_the_old_one_and_a_card_of_its_own(small, write_crops, tmp_path):
    crops, to = write_crops([str(100 + 7 * place) for place in range(30)]), tmp_path / "tuned"
    result = run(small, crops, to, "--even-if-worse")
    assert result.exit_code == 0, result.output
    assert f"written: {to}" in result.stdout
    assert "held out, " in result.stdout
    assert "to go" in result.stderr or "training for" in result.stderr
    old, new = Bundle.open(small), Bundle.open(to)
    assert new.manifest.name == "tuned"
    assert new.manifest.licence == "MIT"
    assert new.detector == old.detector
    before, after = asdict(old.recognizer), asdict(new.recognizer)
    assert {name for name in before if before[name] != after[name]} == FILES
    assert set(after["files"]) == {"fp32", "int8"}
    assert after["files"]["fp32"].sha256 != before["files"]["fp32"].sha256
    wrong = [check for check in verify_bundle(new) if not check.passed]
    assert [check.name for check in wrong if check.name != "recorded gate"] == [], "which is lenient here"
    Reader(new).read(number("123"))
    card = (to / "README.md").read_text()
    assert card.startswith("# tuned\n")
    assert "- recognizer: that of `small`" in card
    assert "tuned on 30 crops of `crops`" in card
    assert "| held out, " in card
    assert "Not measured yet" in card
    assert "What the card of small says" in card
    assert "Handwriting was never shown" in card
    assert "crops_iiit5k" not in card, "figures of the other weights"
    assert not list(tmp_path.glob(".building-*"))


@pytest.mark.slow
@STAGES
def test_what_is_not_better_is_not_written(small, write_crops, tmp_path, monkeypatch):
    def untrained(start, *_):
        return load_recognizer(start)

    monkeypatch.setattr(module, "train", untrained)
    result = run(small, write_crops([str(100 + 7 * place) for place in range(30)]), tmp_path / "tuned")
    assert result.exit_code == 1, result.output
    assert "nothing was written: it is not better" in result.stdout
    assert not (tmp_path / "tuned").exists()


def test_an_existing_folder_is_refused_before_anything_is_done(tmp_path, write_crops):
    result = run("digits-edge", write_crops(["1"]), tmp_path)
    assert result.exit_code == 1
    assert "expected a new folder" in str(result.exception)
