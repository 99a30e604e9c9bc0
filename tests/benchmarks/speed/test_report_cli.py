import pytest
from click.testing import CliRunner

from edgereader.benchmarks.record import write_json
from edgereader.benchmarks.speed.report_cli import readme, report
from edgereader.runtime.errors import DatasetError

from .test_compare import BENCH, GROWTH, SOAK


@pytest.fixture
def files(tmp_path):
    for name, each in (("bench", BENCH), ("growth", GROWTH), ("soak", SOAK)):
        write_json(tmp_path / f"{name}.json", each)
    return tmp_path


def invoke(command, *arguments):
    return CliRunner().invoke(command, list(map(str, arguments)), catch_exceptions=False)


def test_a_page_is_made_again_from_files(files):
    done = invoke(report, files / "soak.json", files / "bench.json", "--to", files / "pages")
    assert done.exit_code == 0
    assert done.output.splitlines() == [str(files / "pages" / name) for name in ("report.html", "report.md")]
    text = (files / "pages/report.md").read_text(encoding="utf-8")
    assert "## Soak: FAIL" in text
    assert "## Growth" not in text


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["bench.json", "bench.json"], "expected one report a page, got a second"),
        (["none.json"], "No such file"),
        (["broken.json"], "expected the JSON of"),
    ],
)
def test_wrong_files_write_nothing(files, arguments, said):
    (files / "broken.json").write_text("{")
    with pytest.raises(DatasetError, match=said):
        invoke(report, *(files / each for each in arguments), "--to", files / "pages")
    assert not (files / "pages").exists()


def test_a_file_is_no_folder(files):
    with pytest.raises(DatasetError, match="expected a folder, got a file"):
        invoke(report, files / "bench.json", "--to", files / "soak.json")


def test_the_readme_is_checked_and_written(files):
    document = files / "README.md"
    document.write_text("<!-- bench:begin -->\n<!-- bench:end -->\n")
    done = invoke(readme, document, "--results", files, "--check")
    assert (done.exit_code, done.output) == (1, f"not up to date: {document}\n")
    assert "edgereader" not in document.read_text()
    assert invoke(readme, document, "--results", files).output == f"written: {document}\n"
    assert "edgereader cpu int8" in document.read_text(encoding="utf-8")
    done = invoke(readme, document, "--results", files, "--check")
    assert (done.exit_code, done.output) == (0, "")
