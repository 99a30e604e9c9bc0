"""`edgereader verify` with and without --backend: its table, its report, its exit codes."""

import json
import shutil

import click
import numpy as np
import onnx
import pytest
from click.testing import CliRunner
from msgspec.structs import replace

from edgereader.export.canary import write_canary
from edgereader.export.checks.cli import verify
from edgereader.export.checks.comparison import open_trial, sizes_of
from edgereader.export.onnx_graph import Graph
from edgereader.runtime.bundles.bundle import Bundle, write_bundle
from edgereader.runtime.cli import main
from edgereader.runtime.sessions.opening import BACKENDS

from ..bundles import draw_numbers, shipped_in_fp32, with_graph


@pytest.fixture
def bundle(tmp_path, all_sure):
    """The shipped recognizer in fp32, with a canary, and two drawn crops beside it."""
    root = shipped_in_fp32(tmp_path / "bundle", "recognizer")
    write_canary(root)
    draw_numbers(tmp_path / "crops", 2)
    return root


def run(bundle, *options):
    """As a user runs it."""
    return CliRunner().invoke(main, ["verify", str(bundle), *options], catch_exceptions=False)


def with_spoiled_weights(bundle):
    """Add the graph as "fp16", with one layer made wrong; return the layer's name."""
    model = onnx.load(bundle / "recognizer.onnx")
    graph = Graph(model)
    name = "network.FeatureExtraction.ConvNet.18"
    graph.store(f"{name}.bias", np.full_like(graph.array(f"{name}.bias"), np.nan))
    with_graph(bundle, "recognizer", model, "fp16")
    return name


def test_a_backend_that_is_right(bundle, tmp_path):
    result = run(bundle, "--backend", "cpu", "--pictures", str(tmp_path / "crops"), "--json", str(tmp_path / "r.json"))
    assert result.exit_code == 0, result.output
    names = [line.split()[:4] for line in result.stdout.splitlines()]
    assert names == [["ok", "recognizer", "fp32", name] for name in ("canary", "numbers", "batches", "strings")]
    assert "recognizer fp32: cpu beside fp32 on cpu" in result.stderr
    report = json.loads((tmp_path / "r.json").read_text())
    assert report["passed"]
    (row,) = report["models"]
    assert (row["kind"], row["backend"], row["precision"], row["passed"]) == ("recognizer", "cpu", "fp32", True)
    sizes = sizes_of(open_trial(Bundle.open(bundle), "recognizer", "cpu", "fp32", ()))
    expected = [(batch, *hw, 1) for hw, batches in sizes.items() for batch in batches]
    assert [tuple(batch["shape"]) for batch in row["comparisons"]] == expected
    assert row["departure"] is None


def test_a_failure_names_the_layer_and_exits_with_1(bundle, tmp_path):
    layer, report = with_spoiled_weights(bundle), tmp_path / "r.json"
    options = ["--backend", "cpu", "--precision", "fp16", "--pictures", str(tmp_path / "crops"), "--json", str(report)]
    result = run(bundle, *options)
    assert result.exit_code == 1, result.output
    assert f"FAILED  recognizer fp16    first departure             {layer} (Conv): inf apart" in result.stdout
    table = [line.split() for line in result.stdout.splitlines() if line.startswith("   ")]
    assert ["inf", "Conv", layer] in table
    (row,) = json.loads(report.read_text())["models"]
    assert row["departure"]["first"] == {"layer": layer, "operator": "Conv", "tensor": "relu_6", "error": None}


def test_what_cannot_run_here_exits_with_2_and_the_fix(bundle):
    if shutil.which("nvidia-smi"):
        pytest.skip("there is a GPU")
    for backend, fix in (("cuda", "driver"), ("tensorrt-ep", "driver"), ("tensorrt", "pip install")):
        result = run(bundle, "--backend", backend)
        assert result.exit_code == 2, result.output
        assert result.stderr.startswith("error: ")
        assert fix in result.stderr
    result = run(bundle, "--backend", "cpu", "--precision", "fp16")
    assert result.exit_code == 2
    assert "expected a recognizer in fp16, got: fp32" in result.stderr
    result = run(bundle, "--backend", "cpu", "--pictures", str(bundle / "nowhere"))
    assert result.exit_code == 2
    assert "nowhere" in result.stderr
    result = run(bundle, "--backend", "cpu", "--only", "detector")
    assert result.exit_code == 2
    assert "expected a detector" in result.stderr


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--pin"], "expected --backend with it"),
        (["--precision", "int8"], "expected --backend with it"),
        (["--backend", "cpu", "--pin"], "add --calibration FOLDER"),
        (["--backend", "cpu", "--calibration", "crops"], "leave --calibration out"),
        (["--backend", "cpu", "--checkpoint", "a.pt"], "run the command twice"),
        (["--backend", "gpu"], "'gpu'"),
    ],
)
def test_wrong_usage(bundle, options, message):
    result = run(bundle, *options)
    assert result.exit_code == 2
    assert message in result.output


def test_all_backends_can_be_asked_for():
    option = next(option for option in verify.params if option.name == "backend")
    assert isinstance(option.type, click.Choice)
    assert set(option.type.choices) == set(BACKENDS)


def test_plain_verify_looks_at_the_canary(bundle, tmp_path):
    result = run(bundle, "--json", str(tmp_path / "r.json"))
    assert result.exit_code == 0, result.output
    assert result.stdout.splitlines()[-1].startswith(
        "ok      recognizer fp32    canary                      reads '40712'"
    )
    (row,) = json.loads((tmp_path / "r.json").read_text())["models"]
    assert row["checks"][-1]["name"] == "canary"

    manifest = Bundle.open(bundle).manifest
    assert manifest.canary is not None
    write_bundle(bundle, replace(manifest, canary=replace(manifest.canary, text="1")))
    result = run(bundle)
    assert result.exit_code == 1
    assert "FAILED  recognizer fp32    canary                      cpu: expected to read '1'" in result.stdout
    write_bundle(bundle, replace(manifest, canary=None))
    result = run(bundle)
    assert result.exit_code == 0, result.output
    assert "`edgereader export canary BUNDLE` writes one" in result.stdout


def test_a_report_that_cannot_be_written(bundle):
    result = run(bundle, "--json", str(bundle / "nowhere" / "r.json"))
    assert result.exit_code == 2
    assert "choose another --json" in result.stderr
