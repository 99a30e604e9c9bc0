import json

import cv2
import numpy as np
import pytest
import torch
from click.testing import CliRunner

from edgereader.models.charsets import CHARSETS
from edgereader.models.checkpoints.initial import detector_options
from edgereader.models.craft import CRAFT
from edgereader.models.data.datasets import open_crops
from edgereader.models.data.labels_writer import write_labels
from edgereader.models.data.samples import iterate
from edgereader.models.recognizer import Recognizer, RecognizerConfig
from edgereader.models.training.cli import Size, read_charset, synth, train

FAST = ("--steps", "2", "--batch", "2", "--workers", "0", "--validation", "1")


def run(command, *arguments):
    return CliRunner().invoke(command, [str(argument) for argument in arguments])


def failed(result):
    """The one line of a failure."""
    assert result.exit_code == 2, result.output
    assert result.stderr.startswith("error: ")
    assert result.stderr.count("\n") == 1
    assert "Traceback" not in result.stderr
    return result.stderr


def number(text):
    image = np.full((32, 24 * len(text) + 8, 3), 230, np.uint8)
    cv2.putText(image, text, (4, 25), cv2.FONT_HERSHEY_SIMPLEX, 0.9, (20, 20, 20), 2)
    return image


@pytest.fixture
def crops(tmp_path):
    samples = [(number(text), [(text, None, None)]) for text in ("12", "345", "6", "7890")]
    write_labels(tmp_path / "crops", samples, suffix=".png")
    return tmp_path / "crops"


@pytest.fixture
def scenes(tmp_path):
    image = np.full((200, 300, 3), 90, np.uint8)
    image[50:82, 60:140] = number("345")
    write_labels(tmp_path / "scenes", [(image, [("345", [60, 50, 140, 82], None)])] * 3, suffix=".png")
    return tmp_path / "scenes"


def test_a_published_checkpoint_is_fine_tuned_on_an_own_folder_by_one_command(tmp_path, crops):
    network = Recognizer(RecognizerConfig("None-VGG-BiLSTM-Attn", 38, width=0.125))
    torch.save({f"module.{key}": value for key, value in network.state_dict().items()}, tmp_path / "published.pth")
    result = run(
        train, "recognizer", "--init", tmp_path / "published.pth", "--data", crops, "--to", tmp_path / "run", *FAST
    )
    assert result.exit_code == 0, result.output
    assert f"weights: {tmp_path}/run/recognizer.pt" in result.output
    tuned = torch.load(tmp_path / "run" / "recognizer.pt", weights_only=True)["state_dict"]
    before = network.state_dict()
    assert {key: value.shape for key, value in tuned.items()} == {key: value.shape for key, value in before.items()}
    assert any(not torch.equal(tuned[key], before[key]) for key in before)
    shape = torch.load(tmp_path / "run" / "last.pt", weights_only=True)["shape"]
    assert (shape["image_hw"], shape["even_contrast"]) == ([32, 100], False), "as the published ones were trained"
    events = [json.loads(line) for line in (tmp_path / "run" / "log.jsonl").read_text().splitlines()]
    assert events[-1].keys() == {"step", "held_out_accuracy"}


def test_a_run_is_resumed(tmp_path, crops):
    shape = ("--stages", "None-VGG-None-CTC", "--width", "0.125", "--charset", "digits", "--as-it-is", "--fill")
    common = ("recognizer", "--data", crops, "--to", tmp_path / "run", *shape)
    assert run(train, *common, *FAST).exit_code == 0
    assert "got an earlier run; give --resume" in failed(run(train, *common, *FAST))
    resumed = run(train, *common, *FAST, "--resume", "--steps", "3")
    assert resumed.exit_code == 0, resumed.output
    state = torch.load(tmp_path / "run" / "last.pt", weights_only=True)
    assert state["step"] == 3
    assert (state["shape"]["image_hw"], state["shape"]["even_contrast"]) == ([32, 128], False)
    assert "drop --resume" in failed(run(train, *common[:-2], "--even-contrast", *FAST, "--resume"))


def test_a_detector_is_fine_tuned_on_an_own_folder(tmp_path, scenes):
    network = CRAFT(0.125)
    torch.save(network.state_dict(), tmp_path / "craft.pth")
    fast = ("--steps", "1", "--batch", "1", "--workers", "0", "--validation", "0", "--canvas", "64")
    result = run(train, "detector", "--init", tmp_path / "craft.pth", "--data", scenes, "--to", tmp_path / "run", *fast)
    assert result.exit_code == 0, result.output
    tuned = torch.load(tmp_path / "run" / "detector.pt", weights_only=True)["state_dict"]
    assert {key: value.shape for key, value in tuned.items()} == {k: v.shape for k, v in network.state_dict().items()}


def test_a_thin_detector_is_trained_by_a_wide_one(tmp_path, scenes):
    torch.save(CRAFT(0.125).state_dict(), tmp_path / "craft.pth")
    fast = ("--steps", "1", "--batch", "1", "--workers", "0", "--validation", "0", "--canvas", "64", "--data", scenes)
    common = ("detector", "--teacher", tmp_path / "craft.pth", *fast, "--strided")
    result = run(train, *common, "--to", tmp_path / "run", "--width", "0.0625")
    assert result.exit_code == 0, result.output
    assert detector_options(tmp_path / "run" / "detector.pt") == {"width": 0.0625, "strided": True}
    assert "as wide as the detector" in failed(run(train, *common, "--to", tmp_path / "wide", "--width", "0.5"))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--data", "gone"), "gone: expected labels.tsv, data.mdb"),
        (("--data", "gone/labels.tsv"), "got nothing there"),
        (("--init", "gone.pth"), "gone.pth: expected a checkpoint"),
    ],
)
def test_a_wrong_option_is_one_line_and_exit_code_2(tmp_path, arguments, message):
    line = failed(run(train, "recognizer", "--to", tmp_path / "run", *FAST, *arguments))
    assert message in line
    assert not (tmp_path / "run").exists()


def test_a_set_that_breaks_in_a_worker_process_is_one_line_too(tmp_path, crops):
    for path in sorted((crops / "images").iterdir())[1:]:
        path.write_bytes(b"broken")
    shape = ("--stages", "None-VGG-None-CTC", "--width", "0.125", "--charset", "digits", "--workers", "1")
    result = run(train, "recognizer", "--data", crops, "--to", tmp_path / "run", *FAST, *shape, "--steps", "50")
    assert result.exit_code == 2
    assert "expected readable crops" in result.stderr.splitlines()[-1]
    assert "Traceback" not in result.stderr


@pytest.mark.parametrize(("charset", "symbols"), [("digits", CHARSETS["digits"]), ("abc", "abc"), ("@it.txt", "xyz")])
def test_a_charset_is_a_name_a_file_or_itself(tmp_path, monkeypatch, charset, symbols):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "it.txt").write_text("xyz\n")
    assert read_charset(None, None, charset) == symbols


@pytest.mark.parametrize("charset", ["aab", "@gone.txt"])
def test_a_charset_that_is_none_is_refused(tmp_path, charset):
    result = run(train, "recognizer", "--to", tmp_path / "run", *FAST, "--charset", charset)
    assert result.exit_code == 2
    assert "expected" in result.stderr


def test_generated_crops_are_written_as_a_folder_or_an_lmdb(tmp_path):
    assert run(synth, "crops", "--to", tmp_path / "a", "--count", 3, "--seed", 1).exit_code == 0
    result = run(synth, "crops", "--to", tmp_path / "b", "--count", 3, "--seed", 1, "--lmdb")
    assert result.exit_code == 0, result.output
    assert f"3 crops in {tmp_path}/b" in result.output
    folder, database = open_crops(tmp_path / "a"), open_crops(tmp_path / "b")
    for (image, text), (other, same) in zip(iterate(folder), iterate(database), strict=True):
        assert text == same != ""
        assert np.array_equal(image, other)


def test_generated_scenes_have_the_size_that_was_asked_for(tmp_path):
    result = run(synth, "scenes", "--to", tmp_path / "a", "--count", 2, "--size", "160x224")
    assert result.exit_code == 0, result.output
    assert cv2.imread(str(tmp_path / "a" / "images" / "0000001.jpg")).shape == (160, 224, 3)


def test_synth_writes_nothing_over_other_files(tmp_path):
    (tmp_path / "precious.txt").touch()
    for command in (("crops", "--count", 1), ("crops", "--count", 1, "--lmdb"), ("scenes", "--count", 1)):
        assert "expected a new or empty folder" in failed(run(synth, *command, "--to", tmp_path))


@pytest.mark.parametrize("value", ["32", "axb", "4x4", "32x100x3"])
def test_a_size_is_two_numbers(value):
    result = run(synth, "scenes", "--to", "x", "--count", 1, "--size", value)
    assert result.exit_code == 2
    assert "expected height and width in pixels" in result.stderr
    assert Size().convert("32x100", None, None) == (32, 100)


def test_a_detector_learns_from_photos_that_nobody_labelled(tmp_path, scenes):
    torch.save(CRAFT(0.125).state_dict(), tmp_path / "craft.pth")
    (scenes / "labels.tsv").unlink()
    fast = ("--steps", "1", "--batch", "1", "--workers", "0", "--validation", "0", "--canvas", "64")
    common = ("detector", "--photos", scenes, "--to", tmp_path / "run", "--width", "0.0625", *fast)
    assert "give --teacher" in failed(run(train, *common))
    result = run(train, *common, "--teacher", tmp_path / "craft.pth")
    assert result.exit_code == 0, result.output
    assert "0 of 3 photos looked at by craft.pth" in result.output
    assert len(list((tmp_path / "run" / "taught").glob("*.png"))) == 1, "three photos that are the same"
