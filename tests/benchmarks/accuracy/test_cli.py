import json
import re
import shutil

import cv2
import msgspec
import numpy as np
import pytest
from click.testing import CliRunner

from edgereader.benchmarks.accuracy.calibration import with_temperature
from edgereader.benchmarks.accuracy.results import read_report
from edgereader.benchmarks.contenders import Found, Unavailable
from edgereader.models.data.lmdb_crops import write_lmdb
from edgereader.runtime import Bundle
from edgereader.runtime.bundles.bundle import write_bundle
from edgereader.runtime.cli import main

from ..results import failed

NUMBERS = {"meter": "027418", "bib": "1573"}
"""What two of the sample photos show."""


def invoke(*arguments):
    return CliRunner().invoke(main, [str(argument) for argument in arguments])


def run(*arguments):
    return invoke("eval", *arguments)


@pytest.fixture
def photos(repository, tmp_path):
    """Two sample photos as a set of scenes, of which one is labelled with a wrong number on purpose."""
    root = tmp_path / "scenes_samples"
    shutil.copytree(repository / "models/zoo/samples", root / "images")
    labels = {"meter": NUMBERS["meter"], "house": "999"}
    lines = [f"images/{name}.jpg\t{text}\t[400, 200, 900, 500]\n" for name, text in labels.items()]
    (root / "labels.tsv").write_text("".join(lines))
    return root


@pytest.fixture
def crops(repository, tmp_path):
    """The bib's number, cut, once as it is and once with a wrong label."""
    root = tmp_path / "crops_samples"
    (root / "images").mkdir(parents=True)
    photo = cv2.imread(str(repository / "models/zoo/samples/bib.jpg"))
    cv2.imwrite(str(root / "images" / "bib.png"), photo[275:445, 390:870])
    (root / "labels.tsv").write_text(f"images/bib.png\t{NUMBERS['bib']}\nimages/bib.png\t0\n")
    return root


def test_a_bundle_is_measured_on_crops_and_scenes(tmp_path, crops, photos):
    result = run("digits-edge", crops, photos, "--json", tmp_path / "report.json", "--errors", tmp_path / "mistakes")
    assert result.exit_code == 0, result.output
    lines = result.stdout.splitlines()
    assert re.match(r"in .+:$", lines[0])
    assert lines[2].startswith("crops_samples        2  exact 50.0% (1 of 2), ECE ")
    assert lines[3].startswith("scenes_samples       2  recall 50.0% (1 of 2), precision ")
    report = json.loads((tmp_path / "report.json").read_text())
    (measured,) = report["runs"]
    assert [(part["kind"], part["name"]) for part in measured["sets"]] == [
        ("crops", "crops_samples"),
        ("scenes", "scenes_samples"),
    ]
    assert report["backend"] == "cpu"
    assert set(measured["files"]) == {"detector", "recognizer"}
    assert all(len(checksum) == 64 for checksum in measured["files"].values())
    assert measured["sets"][1]["latency"]["p50_ms"] > 0
    assert measured["all_crops"]["images"] == 2
    (house,) = (cause for cause in measured["sets"][1]["causes"] if cause["mistake"] == "number missed")
    assert house["count"] == 1
    assert {path.name for path in (tmp_path / "mistakes").iterdir()} == {"crops_samples-1.png", "scenes_samples-1.png"}


def test_two_precisions_are_two_runs(tmp_path, crops):
    arguments = ("--precision", "fp32", "--precision", "fp32", "--json", tmp_path / "report.json")
    result = run("digits-edge", crops, *arguments)
    assert result.exit_code == 0, result.output
    assert [run.precision for run in read_report(tmp_path / "report.json").runs] == ["fp32"] * 2
    assert "expected a detector in fp64" in failed(
        run("digits-edge", crops, "--precision", "fp32", "--precision", "fp64")
    )


def test_the_held_out_part_is_said_to_be_one(tmp_path, crops):
    shutil.copy(crops / "images/bib.png", crops / "images/lcd2_bib.png")
    (crops / "labels.tsv").write_text(f"images/bib.png\t0\nimages/lcd2_bib.png\t{NUMBERS['bib']}\n")
    result = run("digits-edge", f"{crops}:held-out", "--json", tmp_path / "report.json")
    assert result.exit_code == 0, result.output
    assert "exact 100.0% (1 of 1)" in result.stdout
    assert "crops_samples:held-out: only what training leaves out" in result.stdout
    assert json.loads((tmp_path / "report.json").read_text())["runs"][0]["all_crops"] is None


@pytest.fixture
def bundle(repository, tmp_path):
    """A copy of the shipped bundle, at temperature 1."""
    root = tmp_path / "my-bundle"
    shutil.copytree(repository / "models/zoo/digits-edge", root)
    with_temperature(Bundle.open(root), 1.0)
    return root


def test_a_bundle_is_calibrated_measured_and_described(bundle, crops, tmp_path):
    fitted, report = tmp_path / "calibration.json", tmp_path / "report.json"
    dry = invoke("calibrate", bundle, crops, "--dry-run")
    assert dry.exit_code == 0, dry.output
    assert Bundle.open(bundle).recognizer.temperature == 1
    result = invoke("calibrate", bundle, crops, "--json", fitted)
    assert result.exit_code == 0, result.output
    temperature = Bundle.open(bundle).recognizer.temperature
    assert temperature != 1
    lines = result.stdout.splitlines()
    assert lines[0] == "2 crops: crops_samples 2"
    assert lines[2].startswith(f"temperature {temperature:g}")
    assert json.loads(fitted.read_text())["temperature"] == temperature

    assert run(bundle, crops, "--json", report).exit_code == 0
    certainties = json.loads(report.read_text())["runs"][0]["all_crops"]
    assert certainties["certainty"]["nll"] < certainties["uncalibrated"]["nll"]

    (bundle / "README.md").unlink()
    readme = tmp_path / "README.md"
    readme.write_text("# Mine\n<!-- results:begin -->\n<!-- results:end -->\nmore\n")
    card = ("card", bundle, "--results", report, "--calibration", fitted, "--readme", readme)
    assert invoke(*card, "--check").exit_code == 1
    assert not (bundle / "README.md").exists()
    assert invoke(*card).exit_code == 0
    assert invoke(*card, "--check").exit_code == 0
    assert "| crops_samples (2 crops) | 50 % |" in readme.read_text()
    assert readme.read_text().endswith("more\n")
    assert f"at temperature {temperature:g}, fitted to crops_samples (2 crops)" in (bundle / "README.md").read_text()

    with_temperature(Bundle.open(bundle), 3.0)
    assert "report: expected temperature 3" in failed(invoke(*card))


def test_a_calibration_that_cannot_be_leaves_the_bundle_as_it_is(bundle, crops, tmp_path):
    before = (bundle / "bundle.json").read_bytes()
    measured_with = crops.rename(tmp_path / "crops_jersey")
    assert "got a set that figures are measured with" in failed(invoke("calibrate", bundle, measured_with))
    assert "got nothing there" in failed(invoke("calibrate", bundle, tmp_path / "gone"))
    assert (bundle / "bundle.json").read_bytes() == before


class Stand:
    """A contender that says the same of everything, until it breaks."""

    def __init__(self, *, breaks=False):
        self.breaks = breaks
        self.versions = {"stand": "1"}

    def read(self, _frame):
        return [Found(NUMBERS["meter"], 0.9, np.float32([[400, 200], [900, 200], [900, 500], [400, 500]]))]

    def recognize(self, _crop):
        if self.breaks:
            raise RuntimeError("out of\nwords")
        return Found(NUMBERS["bib"], 0.9)


@pytest.fixture
def contenders(monkeypatch):
    """Some contenders, of which one is not installed and one breaks."""

    def opened(name, options):
        if name == "easyocr":
            raise Unavailable("easyocr is not installed")
        return Stand(breaks=name == "onnxtr")

    monkeypatch.setattr("edgereader.benchmarks.contenders.opener", lambda _: opened)


def test_contenders_are_measured_beside_the_bundle(tmp_path, crops, photos, contenders):
    asked = ("--contender", "rapidocr", "--contender", "easyocr")
    outputs = ("--json", tmp_path / "report.json", "--errors", tmp_path / "mistakes")
    result = run(crops, photos, *asked, *outputs)
    assert result.exit_code == 0, result.output
    assert "skipped: easyocr: easyocr is not installed" in result.stderr.splitlines()
    assert "\nrapidocr:\nset " in result.stdout
    report = read_report(tmp_path / "report.json")
    assert report.bundle == "digits-edge"
    assert report.skipped == {"easyocr": "easyocr is not installed"}
    own, other = report.runs
    assert (own.contender, own.versions) == (None, {})
    assert (other.contender, other.versions, other.precision, other.files) == ("rapidocr", {"stand": "1"}, None, {})
    read, seen = other.sets
    assert (read.exact, read.uncalibrated) == (1, None)
    assert (seen.matched, seen.false_numbers, seen.thresholds) == (1, 1, [])
    assert seen.icdar.detection.matched == 2
    assert seen.icdar.end_to_end.matched == 1
    assert {path.name for path in (tmp_path / "mistakes/rapidocr").iterdir()} == {
        "crops_samples-1.png",
        "scenes_samples-1.png",
    }


def test_a_contender_that_is_the_only_one_must_run(tmp_path, crops, contenders):
    assert "easyocr: easyocr is not installed" in failed(
        run(crops, "--contender", "easyocr", "--json", tmp_path / "report.json")
    )
    assert not (tmp_path / "report.json").exists()


def test_a_contender_that_breaks_leaves_the_others_figures(tmp_path, crops, contenders):
    asked = ("--contender", "onnxtr", "--contender", "rapidocr")
    result = run(crops, *asked, "--json", tmp_path / "report.json")
    assert result.exit_code == 1, result.output
    assert "failed: onnxtr: RuntimeError: out of words" in result.stderr.splitlines()
    report = read_report(tmp_path / "report.json")
    assert [run.contender for run in report.runs] == [None, "rapidocr"]
    assert report.skipped == {"onnxtr": "RuntimeError: out of words"}


def test_an_lmdb_is_measured_like_a_folder(tmp_path, crops):
    image = cv2.imread(str(crops / "images/bib.png"))
    write_lmdb(tmp_path / "evaluation", [(image, NUMBERS["bib"]), (image, "0")])
    for name in (crops, tmp_path / "evaluation"):
        assert (
            run(name, "--json", tmp_path / f"{name.name}.json", "--errors", tmp_path / name.name / "e").exit_code == 0
        )
    (folder,), (lmdb,) = (
        read_report(tmp_path / f"{name}.json").runs[0].sets for name in ("crops_samples", "evaluation")
    )
    assert (lmdb.name, lmdb.exact, lmdb.texts, lmdb.by_ratio) == ("evaluation", 1, folder.texts, folder.by_ratio)
    assert (tmp_path / "evaluation/e/evaluation-1.png").is_file()


def test_the_alphabet_is_what_the_bundle_may_read(tmp_path, crops):
    report, digit = tmp_path / "report.json", NUMBERS["bib"][0]
    assert run(crops, "--alphabet", digit, "--json", report, "--errors", tmp_path / "e").exit_code == 0
    assert read_report(report).alphabet == digit
    assert read_report(report).runs[0].sets[0].exact == 0
    assert run(crops, "--alphabet", "all", "--json", report).exit_code == 0
    assert read_report(report).alphabet == "all"
    assert "alphabet: expected characters of" in failed(run(crops, "--alphabet", "é", "--json", tmp_path / "no.json"))
    assert not (tmp_path / "no.json").exists()


def test_photos_need_a_detector(tmp_path, bundle, crops, photos):
    opened = Bundle.open(bundle)
    write_bundle(bundle, msgspec.structs.replace(opened.manifest, detector=None))
    assert "expected a detector, got none" in failed(run(bundle, crops, photos, "--json", tmp_path / "report.json"))
    assert run(bundle, crops).exit_code == 0


def test_an_output_that_cannot_be_is_refused_before_anything_is_measured(tmp_path, crops):
    assert "expected a file, got a folder" in failed(run("digits-edge", crops, "--json", tmp_path))
    (tmp_path / "file").touch()
    assert "expected a folder, got a file" in failed(run("digits-edge", crops, "--errors", tmp_path / "file"))


def test_a_picture_that_cannot_be_read_ends_the_measurement(tmp_path, crops):
    cv2.imwrite(str(crops / "images" / "b.png"), np.zeros((9, 9, 3), np.uint8))
    (crops / "images" / "b.png").write_bytes(b"broken")
    (crops / "labels.tsv").write_text("images/bib.png\t1\nimages/b.png\t1\n")
    result = run("digits-edge", crops, "--json", tmp_path / "report.json")
    assert result.exit_code == 2
    assert "b.png" in result.stderr.splitlines()[-1]
    assert not (tmp_path / "report.json").exists()
