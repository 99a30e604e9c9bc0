import math
import shutil

import cv2
import numpy as np
import pytest

from edgereader.benchmarks.accuracy.calibration import (
    MEASURED_WITH,
    Reading,
    at_temperature,
    best_temperature,
    fit,
    numbers,
    open_calibration_set,
    read_crops,
    with_temperature,
)
from edgereader.models.data.lmdb_crops import write_lmdb
from edgereader.models.data.samples import iterate
from edgereader.runtime import NUMBERS, Bundle, Reader, Recognizer
from edgereader.runtime.errors import DatasetError
from edgereader.runtime.text.alphabets import make_alphabet
from edgereader.runtime.text.decoding import decode

SHOWN = {"bib": "1573"}
"""What a sample photo shows."""
DIGITS = make_alphabet("0123456789", "CTC", NUMBERS, None)


def readings(sharper, count=300, seed=0):
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
    assert before.readings == after.readings == 300


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


def make(root, names):
    (root / "images").mkdir(parents=True)
    for name in names:
        cv2.imwrite(str(root / "images" / name), np.full((20, 12, 3), 200, np.uint8))
    (root / "labels.tsv").write_text("".join(f"images/{name}\t{number}\n" for number, name in enumerate(names)))
    return root


def test_the_held_out_meters_alone_are_taken_if_asked_for(tmp_path):
    root = make(tmp_path / "meters", ["lcd2_a.png", "lcd_b.png", "top-c.png", "powermeter_d.png"])
    assert len(open_calibration_set(str(root))) == 4
    assert [text for _, text in iterate(open_calibration_set(f"{root}:held-out"))] == ["0", "2"]


def test_other_layouts_are_taken_too(tmp_path):
    write_lmdb(tmp_path / "set", iter([(np.zeros((9, 9, 3), np.uint8), "12")]))
    assert [text for _, text in iterate(open_calibration_set(str(tmp_path / "set")))] == ["12"]


@pytest.mark.parametrize("name", sorted(MEASURED_WITH))
def test_what_figures_are_measured_with_is_refused(tmp_path, name):
    root = make(tmp_path / name, ["a.png"])
    with pytest.raises(DatasetError, match="expected images to calibrate on, got a set that figures are measured with"):
        open_calibration_set(str(root))


def test_only_the_single_digits_are_not_refused(shared_data):
    folders = {path.parent.name for path in shared_data.glob("*/labels.tsv")}
    assert folders - MEASURED_WITH == {"digits_meter_apache2"}


def test_what_is_no_set_is_one_clear_line(tmp_path):
    with pytest.raises(DatasetError, match="got nothing there"):
        open_calibration_set(str(tmp_path / "gone"))
    with pytest.raises(DatasetError, match="expected photos that are held out"):
        open_calibration_set(f"{make(tmp_path / 'set', ['a.png'])}:held-out")


def test_only_numbers_are_kept():
    labels = ["12", "exit", "a4", "$1.50", "-", "7"]
    assert [label for _, label in numbers((np.zeros((4, 4, 3), np.uint8), label) for label in labels)] == [
        "12",
        "$1.50",
        "7",
    ]


def test_the_recognizer_is_run_as_a_reader_runs_it(repository):
    photo = cv2.imread(str(repository / "models/zoo/samples/bib.jpg"))
    crops = [photo[275:445, 390:870], photo[275:445, 390:620], photo[:60, :90]] * 12  # more than one batch
    bundle = Bundle.open(repository / "models/zoo/digits-edge")
    recognizer = Recognizer(bundle, "cpu", "fp32")
    readings = list(read_crops(recognizer, ((crop, SHOWN["bib"]) for crop in crops)))
    temperature = bundle.recognizer.temperature
    texts = [decode(reading.log_probs, recognizer.alphabet, temperature=temperature) for reading in readings]
    expected = Reader(bundle, backend="cpu", precision="fp32").recognize(crops)
    assert [text.text for text in texts] == [text.text for text in expected]
    assert [text.confidence for text in texts] == pytest.approx([text.confidence for text in expected], abs=1e-6)
    assert {reading.label for reading in readings} == {SHOWN["bib"]}


def test_a_broken_image_is_one_clear_line(repository, tmp_path):
    root = make(tmp_path / "set", ["a.png"])
    (root / "images" / "a.png").write_bytes(b"broken")
    recognizer = Recognizer(Bundle.open(repository / "models/zoo/digits-edge"), "cpu", "fp32")
    with pytest.raises(DatasetError, match=r"a\.png"):
        list(read_crops(recognizer, iterate(open_calibration_set(str(root)))))
