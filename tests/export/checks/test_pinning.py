"""A layer whose int8 range was ruined is found, kept in fp32, and the model passes again."""

import shutil
from pathlib import Path
from types import SimpleNamespace

import pytest
from click.testing import CliRunner
from msgspec.structs import replace

import edgereader.export.checks.pinning
import edgereader.export.precision.gate
import edgereader.export.precision.recipes
from edgereader.export.canary import write_canary
from edgereader.export.checks.backend import Examined, examine
from edgereader.export.checks.cli import verify
from edgereader.export.checks.comparison import Trial, open_trial
from edgereader.export.checks.pinning import layer_to_keep, pin
from edgereader.export.precision.pictures import find_pictures, open_pictures
from edgereader.export.precision.quantization import quantize_model
from edgereader.export.search import Departure, Step
from edgereader.runtime.bundles.bundle import Bundle, file_sha256, write_bundle
from edgereader.runtime.bundles.manifest import FileEntry, ShapeRange
from edgereader.runtime.errors import ExportError

from ..bundles import draw_numbers, passport_of, shipped_in_fp32

RUINED, HARMED = "relu_4", "network.FeatureExtraction.ConvNet.14"
"""A tensor of the shipped recognizer, and the layer that takes it."""


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """The shipped recognizer with an int8 file in which one tensor is cut to nothing, and drawn crops beside it."""
    root = shipped_in_fp32(tmp_path_factory.mktemp("pinning") / "bundle", "recognizer")
    write_canary(root)
    draw_numbers(root.parent / "crops", 8)
    with pytest.MonkeyPatch.context() as patch:
        measure = edgereader.export.precision.recipes.measure_ranges
        patch.setattr(
            edgereader.export.precision.recipes, "measure_ranges", lambda *args: {**measure(*args), RUINED: (0, 1e-3)}
        )
        patch.setattr(edgereader.export.precision.gate, "STRINGS_EQUAL", 0)
        patch.setattr(edgereader.export.precision.gate, "MIN_CONFIDENCE", 0)
        pictures = open_pictures(root.parent / "crops")
        quantize_model(Bundle.open(root), "recognizer", pictures, say=lambda _: None)
    return root


@pytest.fixture
def ruined(made, tmp_path, monkeypatch):
    """A copy that a test may repair; how sure fp32 is of so few crops is not what is tested."""
    monkeypatch.setattr(edgereader.export.precision.gate, "STRINGS_EQUAL", 0.5)
    monkeypatch.setattr(edgereader.export.precision.gate, "MIN_CONFIDENCE", 0)
    return Path(shutil.copytree(made.parent, tmp_path / "copy")) / "bundle"


def trial_of(root, precision="int8"):
    return open_trial(Bundle.open(root), "recognizer", "cpu", precision, find_pictures(root.parent / "crops"))


def quiet(_line):
    pass


@pytest.fixture(scope="module")
def found(made):
    """What is wrong with the int8 file, found once."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(edgereader.export.precision.gate, "MIN_CONFIDENCE", 0)
        return examine(trial_of(made), quiet)


def test_the_layer_is_kept_in_fp32_and_the_model_passes(ruined):
    crops = str(ruined.parent / "crops")
    arguments = [str(ruined), "--backend", "cpu", "--precision", "int8", "--pictures", crops]
    result = CliRunner().invoke(verify, arguments)
    assert result.exit_code == 1, result.output
    assert f"{HARMED} (Conv)" in result.stdout
    result = CliRunner().invoke(verify, [*arguments, "--pin", "--calibration", crops])
    assert result.exit_code == 0, result.output
    assert f"ok      recognizer int8    kept in fp32                {HARMED}\n" in result.stdout
    quantized = Bundle.open(ruined).recognizer.quantized["int8"]
    assert quantized.kept_fp32 == [HARMED]


def test_rounds_are_bounded_and_keep_one_more_layer_each(ruined, found, monkeypatch):
    """With a quantisation that helps nothing, so that each round finds the same."""
    asked = []

    def helpless(*_, keep, **__):
        asked.append(tuple(keep))
        return SimpleNamespace(path=ruined)

    monkeypatch.setattr(edgereader.export.checks.pinning, "quantize_model", helpless)
    monkeypatch.setattr(edgereader.export.checks.pinning, "examine", lambda *_: found)
    monkeypatch.setattr(edgereader.export.checks.pinning, "MOST_ROUNDS", 2)
    rounds = list(pin(trial_of(ruined), found, open_pictures(ruined.parent / "crops"), quiet))
    assert asked[0] == (HARMED,)
    assert len(asked) == len(rounds) == 2
    assert set(asked[0]) < set(asked[1])
    assert not any(examined.passed for examined in rounds)


def test_a_gate_that_is_not_passed_ends_it(ruined, found, monkeypatch):
    monkeypatch.setattr(edgereader.export.precision.gate, "STRINGS_EQUAL", 2)
    with pytest.raises(ExportError, match="expected to pass the gate of quantize"):
        list(pin(trial_of(ruined), found, open_pictures(ruined.parent / "crops"), quiet))


def test_engines_are_to_be_built_again(ruined, found, monkeypatch):
    """Stand-ins for quantisation, checks and TensorRT's sessions: what is checked is what the user is told."""
    module = edgereader.export.checks.pinning
    monkeypatch.setattr(module, "quantize_model", lambda *_, **__: SimpleNamespace(path=ruined))
    monkeypatch.setattr(module, "examine", lambda *_: Examined((), (), None))
    trial = trial_of(ruined)
    entry = FileEntry(path="a.engine", sha256=file_sha256(ruined / "bundle.json"), bytes=1)
    shape = ShapeRange(min=(1, 32, 128, 1), opt=(8, 32, 128, 1), max=(32, 32, 128, 1))
    passport = passport_of(entry, "recognizer", "int8", entry.sha256, crops=shape)
    write_bundle(ruined, replace(Bundle.open(ruined).manifest, engines=[passport]))
    pictures = open_pictures(ruined.parent / "crops")
    command = f"`edgereader engine {ruined} --flavour tensorrt --precision int8 --only recognizer`"
    last = list(pin(trial, found, pictures, quiet))[-1]
    assert last.passed
    assert last.checks[0].detail == f"{HARMED}; {command}"

    native = SimpleNamespace(backend="tensorrt", precision="int8")
    (only,) = pin(Trial(trial.bundle, "recognizer", native, trial.reference, ()), found, pictures, quiet)
    assert not only.passed
    assert only.checks[0].detail == f"{HARMED}; {command}, then verify again"


def test_what_is_kept(ruined, found):
    trial = trial_of(ruined)

    def keep(tensor, *kept):
        first = Step("", "", tensor, 1.0)
        return layer_to_keep(trial, Departure(first, 0.1, (first,)), kept)

    features = "network.FeatureExtraction.ConvNet"
    assert keep("relu_5") == f"{features}.14"
    assert keep("relu_5", f"{features}.14") == f"{features}.11", "the nearest one before it that is left"
    assert keep("log_probs") == f"{features}.18", "what is never int8 cannot be the one"
    with pytest.raises(ExportError, match="expected a layer in int8"):
        keep("relu")
    steps = Step("", "", "relu_5", 0.0), Step("", "", "relu_6.bytes", 1.0)
    assert layer_to_keep(trial, Departure(steps[1], 0.1, steps), ()) == f"{features}.14", "int8 codes are no layer's"
    with pytest.raises(ExportError, match="expected a layer that departs"):
        layer_to_keep(trial, None, ())
    with pytest.raises(ExportError, match="expected a model in fewer bits"):
        list(pin(trial_of(ruined, "fp32"), found, open_pictures(ruined.parent / "crops"), quiet))
