import re
import shutil

import pytest
from msgspec.structs import replace

from edgereader.benchmarks.accuracy.calibration import Calibration
from edgereader.benchmarks.accuracy.results import read_report
from edgereader.benchmarks.record import read_json
from edgereader.benchmarks.report.card import blocks, documents, facts
from edgereader.benchmarks.report.documents import BLOCK
from edgereader.runtime import Bundle
from edgereader.runtime.bundles.manifest import Quantized
from edgereader.runtime.errors import DatasetError

from .conftest import rows


@pytest.fixture
def committed(repository):
    """The report and, if there is one, the calibration that the shipped bundle's card is made from."""
    results = repository / "benchmarks/results"
    fitted = results / "digits-edge-calibration.json"
    calibration = read_json(fitted, Calibration, "edgereader calibrate --json") if fitted.is_file() else None
    return read_report(results / "digits-edge.json"), calibration


def test_card_and_tables_are_what_the_measured_figures_make_of_them(repository, bundle, committed):
    """Nobody types a figure: after a new measurement, `make card` writes them."""
    made = documents(bundle, blocks(bundle, *committed), repository / "docs/benchmarks.md")
    assert {path.relative_to(repository).as_posix() for path in made} == {
        "docs/benchmarks.md",
        "models/zoo/digits-edge/README.md",
    }
    for path, text in made.items():
        assert path.read_text(encoding="utf-8") == text, f"{path}: run `make card`"


def test_no_table_of_figures_stands_outside_the_markers(repository):
    for path in (repository / "docs/benchmarks.md", repository / "models/zoo/digits-edge/README.md"):
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


def own(bundle, report):
    """The report as if it were of the shipped files."""
    files = {"recognizer": bundle.recognizer.files["fp32"].sha256}
    runs = [replace(run, files=files) for run in report.runs]
    return replace(report, runs=runs, temperature=bundle.recognizer.temperature)


def test_figures_of_other_files_make_no_card(bundle, report):
    assert set(blocks(bundle, own(bundle, report), None)) == {
        "facts", "results", "targets", "latency", "calibration", "machine", "written", "boxes",
    }  # fmt: skip
    with pytest.raises(DatasetError, match="with other files; measure again: edgereader eval digits-edge"):
        blocks(bundle, report, None)
    with pytest.raises(DatasetError, match="got one of another"):
        blocks(bundle, replace(own(bundle, report), bundle="another"), None)
    with pytest.raises(DatasetError, match="got 77; measure again"):
        blocks(bundle, replace(own(bundle, report), temperature=77.0), None)


def test_a_bundle_without_a_card_gets_one(bundle, report, tmp_path):
    root = tmp_path / "digits-edge"
    shutil.copytree(bundle.root, root, ignore=shutil.ignore_patterns("README.md"))
    parts = blocks(bundle, own(bundle, report), None)
    ((path, text),) = documents(Bundle.open(root), parts, None).items()
    assert path == root / "README.md"
    assert text.startswith("# digits-edge\n")
    assert all(part in text for part in parts.values())


def test_facts_are_those_of_the_manifest(bundle):
    found = {row[0]: row[1:] for row in rows(facts(bundle))}
    detector, recognizer = bundle.detector, bundle.recognizer
    assert found["network"] == [detector.architecture, recognizer.stages]
    assert found["size in fp32"] == [f"{spec.files['fp32'].bytes / 1e6:.1f} MB" for spec in (detector, recognizer)]
    assert f"It knows {len(recognizer.charset)} symbols: `{recognizer.charset}`." in facts(bundle)
    assert bundle.manifest.licence in facts(bundle)


def test_what_fewer_bits_cost_and_gain_is_told(bundle):
    common = {"calibrated_on": 9, "validated_on": 9, "labelled": True, "speed_on": "one thread", "versions": {}}
    read = Quantized(
        strings=200, strings_equal=0.995, regions=0, hmean_loss=None, kept_fp32=["a"], speed_ratio=1.84, **common
    )
    find = Quantized(
        strings=0, strings_equal=None, regions=80, hmean_loss=0.25, kept_fp32=[], speed_ratio=2.0, **common
    )
    untimed = replace(find, speed_ratio=None, speed_on=None)
    manifest = replace(
        bundle.manifest,
        detector=replace(bundle.detector, quantized={"int8": find, "fp16": untimed}),
        recognizer=replace(bundle.recognizer, quantized={"int8": read}),
    )
    found = {row[0]: row[1:] for row in rows(facts(Bundle(bundle.root, manifest)))}
    assert found["int8 beside fp32"] == [
        "H-mean 0.25 points lower on 80 regions; 2.00 times as fast (one thread)",
        "99.5 % of 200 texts equal, 1 layer kept in fp32; 1.84 times as fast (one thread)",
    ]
    assert found["fp16 beside fp32"] == ["H-mean 0.25 points lower on 80 regions", "–"]


@pytest.mark.parametrize(
    ("loss", "told"),
    [(0.25, "0.25 points lower"), (-0.27, "0.27 points higher"), (0.0, "as high"), (-0.004, "as high")],
)
def test_a_gain_is_called_one(bundle, loss, told):
    gate = replace(bundle.detector.quantized["fp16"], hmean_loss=loss, regions=80)
    detector = replace(bundle.detector, quantized={"fp16": gate})
    found = facts(Bundle(bundle.root, replace(bundle.manifest, detector=detector)))
    assert f"H-mean {told} on 80 regions" in found


def test_several_widths_are_told(bundle):
    recognizer = replace(bundle.recognizer, image_hw=(32, 128), widths=(64, 128))
    several = Bundle(bundle.root, replace(bundle.manifest, recognizer=recognizer))
    (told,) = (row[2] for row in rows(facts(several)) if row[0] == "input")
    assert told == "crops of 32 × 64 to 128 px, grey, aspect ratio kept"


def test_a_bundle_of_one_model_has_one_column(bundle):
    alone = Bundle(bundle.root, replace(bundle.manifest, detector=None))
    found = {row[0]: row[1:] for row in rows(facts(alone))}
    assert found["network"] == ["–", bundle.recognizer.stages]
