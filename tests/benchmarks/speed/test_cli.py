"""The harness itself, with real processes: `nothing`, EdgeReader, and interpreters that misbehave."""

import json
import os
import sys

import msgspec
import pytest
from click.testing import CliRunner
from msgspec.structs import replace

from edgereader.benchmarks.contenders import OPENERS
from edgereader.benchmarks.record import this_machine, write_json
from edgereader.benchmarks.speed import bench as bench_module
from edgereader.benchmarks.speed import cli
from edgereader.benchmarks.speed.cli import ALL, Variants, bench, entries, interpreters, readme, report, table
from edgereader.benchmarks.speed.results import (
    SCENARIOS,
    STAGES,
    Accuracy,
    ColdStart,
    Contender,
    Memory,
    Photos,
    Report,
    Scenario,
    Stage,
    Stages,
)
from edgereader.runtime.bundles.bundle import shipped
from edgereader.runtime.cli import main
from edgereader.runtime.errors import DatasetError

from .test_compare import BENCH, GROWTH, SOAK

TINY = ("--seconds", "0.2", "--turns", "2", "--cold-starts", "1", "--canvas", "320")


def edgereader(*arguments):
    return CliRunner().invoke(main, ["bench", *map(str, arguments)])


@pytest.fixture
def interpreter(tmp_path):
    """A program that stands in for Python, written in sh."""

    def make(script):
        path = tmp_path / "python"
        path.write_text(f"#!/bin/sh\n{script}\n")
        path.chmod(0o755)
        return path

    return make


@pytest.fixture
def labelled(tmp_path):
    """The meter, twice, once with a wrong label."""
    root = tmp_path / "scenes_meters"
    root.mkdir()
    for name in ("a.jpg", "b.jpg"):
        (root / name).symlink_to(shipped("samples") / "meter.jpg")
    (root / "labels.tsv").write_text("a.jpg\t00427\nb.jpg\t555\n")
    return root


def test_the_harness_measures_itself_and_edgereader(tmp_path, labelled):
    every = [word for name in SCENARIOS for word in ("--scenario", name)]
    path = tmp_path / "report.json"
    done = edgereader(
        *TINY, *every, "--contender", "nothing", "--contender", "edgereader", "--precision", "int8", "--streams", 2,
        "--threads", 1, "--batch", 2, "--photos", labelled, "--json", path, "--report", tmp_path / "pages",
    )  # fmt: skip
    assert done.exit_code == 0, done.output
    report = msgspec.json.decode(path.read_bytes(), type=Report)
    nothing, ours = report.contenders
    assert (nothing.name, nothing.kind, ours.name, ours.kind) == ("nothing", "nothing", "edgereader int8", "edgereader")
    for contender in (nothing, ours):
        assert contender.outcome == "ran", contender.reason
        assert [found.scenario for found in contender.scenarios] == list(SCENARIOS)
        assert all(len(found.turns_samples_per_s) == 2 for found in contender.scenarios)
        assert contender.memory.peak_mib > 0
        assert contender.cold_start.p50_s > 0
        assert contender.accuracy.labels == 2
        assert (contender.streams, contender.threads) == (2, 1)
    assert (ours.backend, ours.precision) == ("cpu", "int8")
    assert [stage.stage for stage in ours.stages.stages] == list(STAGES)
    assert ours.scenarios[0].p50_ms > nothing.scenarios[0].p50_ms
    assert nothing.accuracy.recall == 0
    assert report.photos.count == 2
    assert "edgereader int8  SingleStream" in done.stdout
    assert {page.name for page in (tmp_path / "pages").iterdir()} == {"report.html", "report.md"}


def test_a_contender_that_dies_is_told_and_the_others_go_on(tmp_path, interpreter):
    python = interpreter("echo something >&2; echo 'out of memory' >&2; exit 3")
    path = tmp_path / "report.json"
    done = edgereader(
        *TINY, "--contender", "easyocr", "--contender", "nothing", "--python", f"easyocr={python}", "--json", path
    )  # fmt: skip
    assert done.exit_code == 1
    assert "easyocr: failed: out of memory" in done.stdout
    bad, good = json.loads(path.read_text())["contenders"]
    assert (bad["outcome"], bad["reason"], bad["scenarios"]) == ("failed", "out of memory", [])
    assert good["outcome"] == "ran"


def test_a_contender_that_is_not_installed_is_skipped_with_what_installs_it(tmp_path, interpreter):
    program = tmp_path / "without.py"
    program.write_text("import sys\nsys.modules['easyocr'] = None\nexec(sys.argv[2])\n")
    python = interpreter(f'exec {sys.executable} {program} "$@"')
    done = edgereader(*TINY, "--contender", "easyocr", "--contender", "nothing", "--python", f"easyocr={python}")
    assert done.exit_code == 0, done.output
    assert "easyocr: skipped: " in done.stdout
    assert "pip install" in done.stdout


def test_where_nothing_could_run_the_exit_code_says_so_and_the_json_is_whole(tmp_path):
    path = tmp_path / "report.json"
    done = edgereader(*TINY, "--backend", "tensorrt-rtx", "--json", path)
    found = msgspec.json.decode(path.read_bytes(), type=Report)
    if found.contenders[0].outcome == "ran":
        pytest.skip("tensorrt-rtx runs here")
    assert done.exit_code == 1


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--photos", "/no/such/folder"), "/no/such/folder: expected a folder with photos"),
        (("--photos", "{broken}"), "broken.jpg: expected a whole picture"),
        (("no-such-bundle",), "no bundle 'no-such-bundle'"),
        (("--precision", "int4"), "int4"),
        (("--json", "/tmp"), "--json /tmp: expected a file"),
        (("--report", "/dev/null"), "--report /dev/null: expected a folder"),
    ],
)
def test_what_is_wrong_is_told_before_anything_starts(tmp_path, monkeypatch, arguments, message):
    monkeypatch.setattr(cli.Bench, "run", lambda *_: pytest.fail("measured"))
    (tmp_path / "broken.jpg").write_bytes((shipped("samples") / "meter.jpg").read_bytes()[:9000])
    done = edgereader(*(argument.format(broken=tmp_path) for argument in arguments))
    assert done.exit_code == 2
    assert message in done.stderr
    assert "Traceback" not in done.output


def test_without_loadgen_the_command_says_what_installs_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "mlperf_loadgen", None)
    done = edgereader("--contender", "nothing")
    assert done.exit_code == 2
    assert "edgereader bench needs mlperf_loadgen: pip install 'onnxruntime" in done.stderr


def test_an_interrupted_run_writes_nothing_and_leaves_nothing(tmp_path, monkeypatch):
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(temporary))

    def interrupted(*_):
        assert list(temporary.iterdir())
        raise KeyboardInterrupt

    monkeypatch.setattr(cli.Bench, "run", interrupted)
    done = edgereader("--json", tmp_path / "report.json", "--report", tmp_path / "pages")
    assert done.exit_code == 1
    assert "Aborted" in done.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["temporary"]
    assert list(temporary.iterdir()) == []


def test_a_busy_machine_is_told(monkeypatch, capsys):
    monkeypatch.setattr(os, "getloadavg", lambda: (3.0, 2.0, 1.0))
    assert bench_module.busy() == 3.0
    assert "a load of 3.0" in capsys.readouterr().err
    monkeypatch.setattr(os, "getloadavg", lambda: (0.1, 2.0, 1.0))
    assert bench_module.busy() == 0.1
    assert capsys.readouterr().err == ""


def test_help_lists_the_commands_and_a_bundle_goes_to_run(monkeypatch):
    listed = CliRunner().invoke(bench, ["--help"]).stdout
    assert all(f"\n  {name}" in listed for name in ("run", *cli.COMMANDS))
    assert "--photos" in CliRunner().invoke(bench, ["run", "--help"]).stdout
    asked = []
    monkeypatch.setattr(cli, "measured", lambda *given: asked.extend(given[1]) or sys.exit(7))
    assert CliRunner().invoke(bench, [str(shipped("digits-edge"))]).exit_code == 7
    assert [entry.options.bundle for entry in asked] == [str(shipped("digits-edge"))]


def names(wanted, **variants):
    return [entry.name for entry in entries(wanted, Variants(**variants))]


BOTH = ["digits-edge", str(shipped("digits-edge"))]


@pytest.mark.parametrize(
    ("wanted", "variants", "expected"),
    [
        ([], {}, ["edgereader"]),
        ([ALL, "nothing"], {}, list(OPENERS)),
        (
            ["nothing", "edgereader"],
            {"backends": ["cpu", "cuda"], "precisions": ["int8"]},
            ["nothing", "edgereader cpu int8", "edgereader cuda int8"],
        ),
        (
            ["rapidocr", "pytorch", "edgereader"],
            {"bundles": BOTH, "precisions": ["fp32"]},
            ["rapidocr", *(f"pytorch {bundle}" for bundle in BOTH), *(f"edgereader {bundle} fp32" for bundle in BOTH)],
        ),
        (
            ["edgereader"] * 2,
            {"bundles": ["digits-edge"] * 2, "precisions": ["int8"] * 2, "backends": ["cpu"] * 2},
            ["edgereader cpu int8"],
        ),
        (["rapidocr"], {"threads": [1]}, ["rapidocr"]),
        (
            ["rapidocr", "edgereader"],
            {"threads": [1, 2]},
            ["rapidocr 1 thread", "rapidocr 2 threads", "edgereader 1 thread", "edgereader 2 threads"],
        ),
        (["edgereader"], {"threads": [1], "streams": [1, 2]}, ["edgereader 1 stream", "edgereader 2 streams"]),
    ],
)
def test_each_combination_is_a_contender_named_by_what_tells_it_apart(wanted, variants, expected):
    assert names(wanted, **variants) == expected


def test_options_and_streams_are_those_of_the_variant_and_bundles_have_short_names(tmp_path):
    found = entries(["edgereader"], Variants(threads=[1, 0], streams=[2], canvas_px=320, backends=["cpu"]))
    assert [(entry.options.threads, entry.streams) for entry in found] == [(1, 2), (0, 2)]
    assert {(entry.options.canvas_px, entry.options.backend) for entry in found} == {(320, "cpu")}
    assert found[1].name == "edgereader cpu all threads"
    (tmp_path / "wide").symlink_to(shipped("digits-edge"))
    found = names(["edgereader"], bundles=["digits-edge", str(tmp_path / "wide")])
    assert found == ["edgereader digits-edge", "edgereader wide"]


def test_an_interpreter_is_for_one_contender():
    pythons = interpreters([f"rapidocr={sys.executable}"])
    assert [entry.python for entry in entries(["rapidocr"], Variants(pythons=pythons))] == [sys.executable]
    for given in ("rapidocr", "nobody=/bin/sh", "rapidocr=/no/such/file"):
        with pytest.raises(DatasetError, match="--python"):
            interpreters([given])


SINGLE = Scenario(
    scenario="SingleStream", valid=True, samples_per_s=20.0, turns_samples_per_s=[20.0], p50_ms=50.0, p90_ms=60.0,
    p99_ms=70.0, p999_ms=80.0, times_ms=[[50.0]],
)  # fmt: skip
OURS = Contender(
    name="edgereader int8", kind="edgereader", outcome="ran", threads=0, scenarios=[SINGLE],
    memory=Memory(loaded_mib=80.0, steady_mib=120.0, peak_mib=140.0),
    cold_start=ColdStart(p50_s=0.52, times_s=[0.52]),
    accuracy=Accuracy(photos=9, labels=10, recall=0.9, precision=None, false_numbers_per_image=0.1),
    stages=Stages(
        photos=3, stages=[Stage(stage=stage, mean_ms=1.0, p50_ms=1.0) for stage in STAGES], sum_ms=7.0, whole_ms=7.5,
        outside_networks=0.08,
    ),
)  # fmt: skip
PEER = Contender(
    name="rapidocr", kind="peer", outcome="ran", threads=0,
    scenarios=[replace(SINGLE, p50_ms=400.0, times_ms=[[400.0]], valid=False, reasons=["Only processed 9 queries."])],
)  # fmt: skip
GONE = Contender(name="easyocr", kind="peer", outcome="skipped", reason="easyocr is not installed", threads=0)


def lines(*contenders):
    photos = Photos(folders=["a"], count=9, megapixels=1.0, sha256="0")
    made = Report(command="", date="", machine=this_machine(), photos=photos, turns=1, contenders=[*contenders])
    return table(made).splitlines()


def test_the_table_has_a_line_for_each_that_ran_beside_ours_and_reasons_below():
    _, ours, peer, *below = lines(OURS, PEER, GONE)
    assert ours.split() == [
        "edgereader", "int8", "SingleStream", "VALID", "50.00", "60.00", "70.00", "80.00", "20.00", "1.00", "140",
        "0.52", "90.0%",
    ]  # fmt: skip
    assert "INVALID" in peer
    assert peer.split()[-1] == "8.00"
    assert "detect 1.00" in below[1]
    assert "sum 7.00 of 7.50 ms" in below[1]
    assert below[2] == "rapidocr, SingleStream: INVALID: Only processed 9 queries."
    assert below[3:] == ["easyocr: skipped: easyocr is not installed"] == lines(GONE)
    offline = replace(SINGLE, scenario="Offline", p50_ms=9000.0)
    peer = replace(PEER, scenarios=[replace(offline, samples_per_s=5.0)])
    assert lines(replace(OURS, scenarios=[offline]), peer)[2].split()[-1] == "4.00"  # seconds a photo


@pytest.fixture
def files(tmp_path):
    for name, figures in (("bench", BENCH), ("growth", GROWTH), ("soak", SOAK)):
        write_json(tmp_path / f"{name}.json", figures)
    (tmp_path / "broken.json").write_text("{")
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
    ("arguments", "to", "said"),
    [
        (["bench.json", "bench.json"], "pages", "expected one report a page, got a second"),
        (["broken.json"], "pages", "expected the JSON of"),
        (["bench.json"], "soak.json", "expected a folder, got a file"),
    ],
)
def test_wrong_files_write_nothing(files, arguments, to, said):
    with pytest.raises(DatasetError, match=said):
        invoke(report, *(files / argument for argument in arguments), "--to", files / to)
    assert not (files / "pages").exists()


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
