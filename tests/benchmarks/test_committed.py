"""The committed figures are of the model files that ship: of each, those that it depends on."""

from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest

from edgereader.benchmarks.accuracy.calibration import Calibration
from edgereader.benchmarks.accuracy.results import read_report
from edgereader.benchmarks.record import read_json
from edgereader.benchmarks.speed.results import Report, read_figures
from edgereader.runtime.bundles.bundle import Bundle, shipped

RESULTS = Path(__file__).parents[2] / "benchmarks" / "results"
AGAIN = "to be measured again with the model files that ship"
KNOWN: list[str] = []
"""What is waiting to be measured again; `xfail_strict` sees to it that a name goes from here when it has been."""

Files = tuple[str, str, dict[str, str]]
"""Bundle, precision and, by kind of model, the SHA-256 of the file that ran."""


def measured_files(path: Path) -> Iterator[Files]:
    """What a file of figures says that it was measured with."""
    if path.name.endswith("-calibration.json"):
        fitted = read_json(path, Calibration, "edgereader calibrate --json")
        yield fitted.bundle, fitted.precision, {"recognizer": fitted.recognizer}
    elif path.name == "digits-edge.json":
        report = read_report(path)
        yield from ((report.bundle, run.precision or "", run.files) for run in report.runs if run.contender is None)
    else:
        figures = read_figures(path)
        if isinstance(figures, Report):
            own = (
                contender
                for contender in figures.contenders
                if contender.kind == "edgereader" and contender.outcome == "ran"
            )
            yield from ((contender.bundle or "", contender.precision or "", contender.files) for contender in own)
        else:
            yield figures.bundle, figures.precision, figures.files


@pytest.mark.parametrize(
    "name",
    [
        pytest.param(path.name, marks=[pytest.mark.xfail(reason=AGAIN)] if path.name in KNOWN else [])
        for path in sorted(RESULTS.glob("*.json"))
    ],
)
def test_figures_are_of_the_files_that_ship(name: str) -> None:
    found = list(measured_files(RESULTS / name))
    assert found
    for bundle, precision, files in found:
        assert files, "a report keeps the checksums of what ran"
        if shipped(bundle).is_dir():
            manifest, each = Bundle.open(bundle).manifest, precisions(precision, files)
            assert files == {kind: getattr(manifest, kind).files[each[kind]].sha256 for kind in files}, "measure again"


def precisions(label: str, kinds: Iterable[str]) -> dict[str, str]:
    """Kind of model -> precision, of "int8" or of "detector int8, recognizer fp32"."""
    return dict(part.split() for part in label.split(", ")) if " " in label else dict.fromkeys(kinds, label)


def test_the_precision_of_each_network_is_told_apart() -> None:
    assert precisions("int8", ["detector"]) == {"detector": "int8"}
    assert precisions("detector int8, recognizer fp32", []) == {"detector": "int8", "recognizer": "fp32"}
