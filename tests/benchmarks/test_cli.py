import json
import shutil

import cv2
import numpy as np
import pytest
from click.testing import CliRunner

from edgereader.models.training.photos import NUMBERS
from edgereader.runtime.cli import main


def run(*arguments):
    return CliRunner().invoke(main, ["eval", *(str(argument) for argument in arguments)])


def failed(result):
    """The one line of a failure."""
    assert result.exit_code == 2, result.output
    assert result.stdout == ""
    assert result.stderr.startswith("error: ")
    assert result.stderr.count("\n") == 1
    return result.stderr


@pytest.fixture
def photos(repository, tmp_path):
    """Two sample photos as a set of scenes, with one label that is wrong on purpose."""
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
    assert lines[1].startswith("crops_samples        2  exact 50.0% (1 of 2)")
    assert lines[2].startswith("scenes_samples       2  recall 50.0% (1 of 2), precision ")
    report = json.loads((tmp_path / "report.json").read_text())
    assert [(part["kind"], part["name"]) for part in report["sets"]] == [
        ("crops", "crops_samples"),
        ("scenes", "scenes_samples"),
    ]
    assert report["backend"] == "cpu"
    assert all(len(checksum) == 64 for checksum in report["files"].values())
    assert report["sets"][1]["latency"]["p50_ms"] > 0
    assert {path.name for path in (tmp_path / "mistakes").iterdir()} == {"crops_samples-1.png", "scenes_samples-1.png"}


def test_the_kind_may_be_given(crops):
    result = run("digits-edge", crops, "--kind", "scenes")
    assert result.exit_code == 0, result.output
    assert "recall" in result.stdout


def test_what_is_wrong_is_one_line_and_nothing_is_written(tmp_path, crops, photos):
    report = ("--json", tmp_path / "report.json")
    assert "gone: expected a folder with labels.tsv, got nothing there" in failed(
        run("digits-edge", tmp_path / "gone", *report)
    )
    assert "no-such-bundle" in failed(run("no-such-bundle", crops, *report))
    shutil.rmtree(photos / "images")
    assert "got 2 of 2 without one" in failed(run("digits-edge", crops, photos, *report))
    (crops / "labels.tsv").write_text("")
    assert "expected at least one line, got none" in failed(run("digits-edge", crops, *report))
    assert not (tmp_path / "report.json").exists()


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
