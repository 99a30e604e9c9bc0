import re
import shutil

import msgspec
import pytest

from edgereader.benchmarks.calibration import Calibration
from edgereader.benchmarks.card import BLOCK, blocks, documents, filled
from edgereader.benchmarks.report import read_json, read_report
from edgereader.runtime import Bundle
from edgereader.runtime.errors import DatasetError


@pytest.fixture
def bundle(repository):
    return Bundle.open(repository / "models/zoo/digits-edge")


@pytest.fixture
def committed(repository):
    """The report and, if there is one, the calibration that the shipped bundle's card is made from."""
    results = repository / "benchmarks/results"
    fitted = results / "digits-edge-calibration.json"
    calibration = read_json(fitted, Calibration, "edgereader calibrate --json") if fitted.is_file() else None
    return read_report(results / "digits-edge.json"), calibration


def test_card_and_readme_are_what_the_measured_figures_make_of_them(repository, bundle, committed):
    """Nobody types a figure: after a new measurement, `make card` writes them."""
    made = documents(bundle, blocks(bundle, *committed), repository / "README.md")
    assert {path.relative_to(repository).as_posix() for path in made} == {
        "README.md",
        "models/zoo/digits-edge/README.md",
    }
    for path, text in made.items():
        assert path.read_text(encoding="utf-8") == text, f"{path}: run `make card`"


def test_no_table_of_figures_stands_outside_the_markers(repository):
    for path in (repository / "README.md", repository / "models/zoo/digits-edge/README.md"):
        by_hand = BLOCK.sub("", path.read_text(encoding="utf-8"))
        assert not re.search(r"^\| *(crops|scenes|digits)_", by_hand, re.MULTILINE), path


def test_the_bundle_the_card_and_the_package_agree(repository, bundle):
    project = (repository / "pyproject.toml").read_text()
    card = (bundle.root / "README.md").read_text()
    licence = re.search(r'^license = \{ text = "(.+)" \}', project, re.MULTILINE)[1]
    assert bundle.manifest.licence.startswith(licence)
    assert bundle.manifest.name == bundle.root.name
    assert card.startswith(f"# {bundle.manifest.name}\n")
    assert bundle.manifest.licence in card
    assert f"`{bundle.recognizer.charset}`" in card


def test_what_is_between_markers_is_replaced_and_nothing_else():
    old = "by hand\n<!-- facts:begin -->\nold\n<!-- facts:end -->\nalso\n<!-- results:begin -->\n<!-- results:end -->\n"
    parts = {"facts": "new", "results": r"\1", "other": "unused"}
    new = filled(old, parts, "x")
    assert new == (
        "by hand\n<!-- facts:begin -->\nnew\n<!-- facts:end -->\n"
        "also\n<!-- results:begin -->\n\\1\n<!-- results:end -->\n"
    )
    assert filled(new, parts, "x") == new


def test_parts_of_other_commands_stay_as_they_are():
    theirs = "<!-- bench:begin -->\nfast\n<!-- bench:end -->\n"
    old = f"<!-- facts:begin -->\nold\n<!-- facts:end -->\n{theirs}"
    assert filled(old, {"facts": "new"}, "x") == f"<!-- facts:begin -->\nnew\n<!-- facts:end -->\n{theirs}"
    with pytest.raises(DatasetError, match="x: expected markers"):
        filled(theirs, {"facts": "new"}, "x")


@pytest.mark.parametrize(
    "document",
    [
        "nothing",
        "<!-- facts:begin -->\n",
        "<!-- facts:begin -->\n<!-- results:end -->\n",
        "<!-- unknown:begin -->\n<!-- unknown:end -->\n",
    ],
)
def test_wrong_markers_are_one_clear_line(document):
    with pytest.raises(DatasetError, match="x: expected markers"):
        filled(document, {"facts": "", "results": ""}, "x")


def own(bundle, report):
    """The report as if it were of the shipped files."""
    files = {"recognizer": bundle.recognizer.files["fp32"].sha256}
    runs = [msgspec.structs.replace(run, files=files) for run in report.runs]
    return msgspec.structs.replace(report, runs=runs, temperature=bundle.recognizer.temperature)


def test_figures_of_other_files_make_no_card(bundle, report):
    assert set(blocks(bundle, own(bundle, report), None)) == {
        "facts", "results", "targets", "latency", "calibration", "machine", "written", "boxes",
    }  # fmt: skip
    with pytest.raises(DatasetError, match="with other files; measure again: edgereader eval digits-edge"):
        blocks(bundle, report, None)
    with pytest.raises(DatasetError, match="got one of another"):
        blocks(bundle, msgspec.structs.replace(own(bundle, report), bundle="another"), None)
    with pytest.raises(DatasetError, match="got 77; measure again"):
        blocks(bundle, msgspec.structs.replace(own(bundle, report), temperature=77.0), None)


def test_a_bundle_without_a_card_gets_one(bundle, report, tmp_path):
    root = tmp_path / "digits-edge"
    shutil.copytree(bundle.root, root, ignore=shutil.ignore_patterns("README.md"))
    parts = blocks(bundle, own(bundle, report), None)
    ((path, text),) = documents(Bundle.open(root), parts, None).items()
    assert path == root / "README.md"
    assert text.startswith("# digits-edge\n")
    assert all(part in text for part in parts.values())


def test_a_readme_that_is_not_there_is_one_clear_line(bundle, report, tmp_path):
    with pytest.raises(DatasetError, match="expected a README with markers, got nothing there"):
        documents(bundle, blocks(bundle, own(bundle, report), None), tmp_path / "README.md")
