import pytest
from msgspec.structs import replace

from edgereader.benchmarks.record import write_json
from edgereader.benchmarks.report.summary import block, read_results, renewed
from edgereader.benchmarks.speed.results import Troubles, read_figures
from edgereader.runtime.errors import DatasetError

from .conftest import AGREEMENT, SOAK, STREAM

BEGIN = "<!-- bench:begin -->"


def test_the_document_is_what_the_committed_figures_make_of_it(repository):
    """Nobody types a figure: `edgereader bench readme` writes them. Markers and figures come together or not at all."""
    document, results = repository / "docs/benchmarks.md", repository / "benchmarks/results"
    text, files = document.read_text(encoding="utf-8"), read_results(results)
    assert (BEGIN in text) == bool(files), f"{document} has {BEGIN}: {BEGIN in text}; figures: {sorted(files)}"
    if files:
        assert renewed(document, results) == text, "run `edgereader bench readme`"


@pytest.fixture
def results(bench, growth, soak, stream, tmp_path):
    for name, figures in (("bench", bench), ("growth", growth), ("soak", soak), ("stream", stream)):
        write_json(tmp_path / f"{name}.json", figures)
    return tmp_path


def test_only_what_is_between_the_markers_changes(results):
    readme = results / "README.md"
    kept = "<!-- results:begin -->\nkept\n<!-- results:end -->\n"
    readme.write_text(f"# x\n{BEGIN}\nbefore\n<!-- bench:end -->\n{kept}", encoding="utf-8")
    text = renewed(readme, results)
    assert text.startswith(f"# x\n{BEGIN}\n**One photo at a time.**")
    assert text.endswith(f"<!-- bench:end -->\n{kept}")
    assert "before" not in text
    readme.write_text(text, encoding="utf-8")
    assert renewed(readme, results) == text


def test_the_block_hides_nothing(bench, growth, soak, stream):
    text = block({"bench.json": bench, "growth.json": growth, "soak.json": soak, "stream.json": stream})
    assert "| rapidocr | 404 / 556 / 707 | 2.92 | 10.20 |" in text
    assert "onnxtr (failed: died with exit code -9)" in text.replace("\\", "")
    assert "INVALID, for reasons that the file tells: edgereader cpu fp32, Server; rapidocr, Server" in text
    assert bench.command in text
    assert "7 % | yes" in text
    assert "| ≥ 1.6 × | – | not measured | – |" in text
    assert "**FAIL**, faster than linearly: text with regions" in text
    assert "resident memory +0.100 (−0.200 to +0.400) MiB an hour" in text
    assert "not judged" not in text
    assert "45,000 frames, 1,234 dropped, 1,800 events, 3 missed, 1 wrong" in text
    assert "to event 120 ms (p99 240 ms)" in text
    assert "| ≥ 20 /s | 21.80 /s | yes |" in text
    assert "| ≥ 8 /s | 7.20 /s | **no** |" in text
    assert "| ≤ 250 ms | 240.00 ms | yes |" in text
    assert stream.command in text


def test_what_reads_as_easyocr_does_is_said():
    text = block({"agreement.json": AGREEMENT})
    assert "of 12 texts of EasyOCR and 14 of ours, 12 are at the same place and 10 of these equal, 9 of the 10" in text
    assert "others: 1 by place" in text
    assert "| ≥ 98 % | 90 % | **no** |" in text
    assert "| ≥ 10 × | 12.50 × | yes |" in text


def test_what_became_of_a_stream_among_troubles_is_said(tmp_path):
    found = Troubles(
        date="2026-11-29T10:00:00+00:00", machine=SOAK.machine, bundle="digits-edge", backend="cpu", precision="int8",
        command="python -m tests.hostile.troubles", minutes=60.0, warm_up_s=360.0, troubles={"disk full": 60},
        events=900, missed=2, sinks={"jsonl": 900, "mqtt": 899}, wrong=1, first_wrong="mqtt: ...", samples=SOAK.samples,
        slopes=STREAM.live.slopes, method="The method.", passed=False,
    )  # fmt: skip
    write_json(tmp_path / "troubles.json", found)
    assert read_figures(tmp_path / "troubles.json") == found
    text = block(read_results(tmp_path))
    assert "60 min, cpu, int8: **FAIL**; disk full 60 times; 900 events, 2 numbers missed, 1 wrong" in text
    assert "in its sinks: jsonl 900, mqtt 899; resident memory +0.100 (−0.200 to +0.400) MiB an hour" in text
    assert found.command in text


def test_a_miss_is_said(bench):
    slow = replace(bench.contenders[1], cold_start=replace(bench.contenders[1].cold_start, p50_s=0.61))
    text = block({"bench.json": replace(bench, contenders=[slow, *bench.contenders[2:]])})
    assert "| ≤ 0.6 s | 0.61 s | **no** |" in text


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda folder: (folder / "README.md").unlink(), "got nothing there"),
        (lambda folder: (folder / "README.md").write_text("no markers"), "expected markers"),
        (lambda folder: [path.unlink() for path in folder.glob("*.json")], "expected figures"),
        (lambda folder: (folder / "bench.json").write_text("{}"), "bench.json: expected the JSON of"),
        (lambda folder: (folder / "bench.json").write_bytes((folder / "soak.json").read_bytes()), "expected a report"),
    ],
)
def test_wrong_files_are_one_clear_line(results, make, said):
    (results / "README.md").write_text(f"{BEGIN}\n<!-- bench:end -->\n")
    make(results)
    with pytest.raises(DatasetError, match=said) as caught:
        renewed(results / "README.md", results)
    assert "\n" not in str(caught.value)
