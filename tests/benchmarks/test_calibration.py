import math
import shutil

import numpy as np
import pytest

from edgereader.benchmarks.calibration import at_temperature, best_temperature, fit, with_temperature
from edgereader.benchmarks.calibration_data import Reading
from edgereader.runtime import NUMBERS, Bundle
from edgereader.runtime.errors import DatasetError
from edgereader.runtime.text.alphabets import make_alphabet

DIGITS = make_alphabet("0123456789", "CTC", NUMBERS, None)


def readings(sharper, count=600, seed=0):
    """Two-digit readings whose log probabilities are `sharper` times what they would be if they were honest."""
    rng = np.random.default_rng(seed)
    logits = rng.normal(0, 2.5, (count, 2, 10))
    honest = np.exp(logits) / np.exp(logits).sum(-1, keepdims=True)
    shown = (honest.cumsum(-1) > rng.random((count, 2, 1))).argmax(-1)
    scores = np.full((count, 3, 11), -40.0)
    scores[:, 1, 0] = 40  # a blank between the digits
    scores[:, ::2, 1:] = sharper * logits
    log_probs = scores - np.logaddexp.reduce(scores, axis=-1, keepdims=True)
    return [
        Reading(rows.astype(np.float32), "".join(map(str, digits)))
        for rows, digits in zip(log_probs, shown, strict=True)
    ]


@pytest.mark.parametrize("sharper", [3.0, 0.5])
def test_the_temperature_is_how_much_too_sharp_the_probabilities_are(sharper):
    temperature, before, after = fit(readings(sharper), DIGITS)
    assert temperature == pytest.approx(sharper, rel=0.2)
    assert after.nll < before.nll
    assert after.ece < before.ece / 2
    assert before.readings == after.readings == 600


def test_what_is_read_does_not_depend_on_the_temperature():
    some = readings(2.0, count=50)
    sharp, soft = (at_temperature(some, DIGITS, temperature) for temperature in (0.5, 4.0))
    assert sharp.right.tolist() == soft.right.tolist()
    assert (sharp.confidences > soft.confidences).all()


@pytest.mark.parametrize("best", [0.11, 0.3, 1.0, 2.345, 9.5])
def test_the_least_loss_is_found(best):
    found = best_temperature(lambda temperature: math.log(temperature / best) ** 2)
    assert found == pytest.approx(best, rel=0.01)


@pytest.mark.parametrize("label", ["00", "0"])
def test_readings_that_are_all_right_or_all_wrong_fit_nothing(label):
    row = np.log(np.full((3, 11), 0.001, np.float32))
    row[[0, 2], 1], row[1, 0] = np.log(0.99), np.log(0.99)
    with pytest.raises(DatasetError, match="expected right and wrong readings, got . right ones of 5; give more"):
        fit([Reading(row, label)] * 5, DIGITS)


def test_the_temperature_is_all_that_changes_in_the_bundle(repository, tmp_path):
    root = tmp_path / "bundle"
    shutil.copytree(repository / "models/zoo/digits-edge", root)
    old = Bundle.open(root)
    with_temperature(old, 1.75)
    new = Bundle.open(root)
    assert new.recognizer.temperature == 1.75
    assert new.detector == old.detector
    assert new.recognizer.files == old.recognizer.files
    assert new.file("recognizer").is_file()
