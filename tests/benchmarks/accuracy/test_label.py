import shutil

import cv2
import numpy as np
import pytest
from click.testing import CliRunner

from edgereader.benchmarks.accuracy.label import label
from edgereader.models.data.labelled_scenes import LabelledScenes
from edgereader.models.data.labels_tsv import IGNORED, read_labels
from edgereader.models.data.samples import TrainingDataError


def invoke(*arguments):
    return CliRunner().invoke(label, [str(argument) for argument in arguments])


@pytest.fixture
def photos(tmp_path, repository):
    """Two photos of the same name, and a file that is none."""
    folder = tmp_path / "photos"
    for name in ("a", "b"):
        (folder / name).mkdir(parents=True)
        shutil.copy(repository / "models" / "zoo" / "samples" / "meter.jpg", folder / name)
    (folder / "broken.png").write_bytes(b"no picture")
    return folder


def test_photos_are_labelled_with_what_is_read(photos, tmp_path):
    result = invoke(photos, "--to", tmp_path / "set", "--min-confidence", 0.5)
    assert result.exit_code == 1, "one file could not be read"
    assert "broken.png: expected" in result.output
    assert "2 photos, " in result.output
    labels = read_labels(tmp_path / "set")
    assert len({label.path for label in labels}) == 2
    assert sum(label.text == "027418" for label in labels) == 2
    for found in labels:
        assert found.path.read_bytes() == (photos / "a" / "meter.jpg").read_bytes()
    scenes = LabelledScenes(labels)
    assert len(scenes) == 2
    (counter,) = [word for word in scenes[0].words if word.text == "027418"]
    assert np.ptp(counter.quad[:, 0]) > 2 * np.ptp(counter.quad[:, 1])


def test_rapidocr_labels_words_too(tmp_path):
    picture = np.full((160, 420, 3), 240, np.uint8)
    cv2.putText(picture, "SALE 4711", (40, 100), cv2.FONT_HERSHEY_DUPLEX, 2, (20, 20, 20), 3, cv2.LINE_AA)
    cv2.imwrite(str(tmp_path / "sale.png"), picture)
    assert invoke(tmp_path / "sale.png", "--to", tmp_path / "set", "--with", "rapidocr").exit_code == 0
    words = " ".join(label.text for label in read_labels(tmp_path / "set"))
    assert words.replace(" ", "") == "SALE4711"


def test_what_is_not_sure_is_ignored(photos, tmp_path):
    result = invoke(photos / "a", "--to", tmp_path / "set", "--min-confidence", 1)
    labels = read_labels(tmp_path / "set")
    assert {label.text for label in labels} == {IGNORED}
    assert f"1 photos, 0 texts labelled, {len(labels)} left as ###; look over and correct" in result.output
    assert result.exit_code == 0


def test_a_photo_without_text_is_labelled_to_show_none(tmp_path):
    cv2.imwrite(str(tmp_path / "plain.png"), np.full((60, 80, 3), 200, np.uint8))
    assert invoke(tmp_path / "plain.png", "--to", tmp_path / "set").exit_code == 0
    assert (tmp_path / "set" / "labels.tsv").read_text() == "images/plain.png\t\t\n"


def test_nothing_is_overwritten_and_no_input_is_refused(photos, tmp_path):
    (tmp_path / "set").mkdir()
    (tmp_path / "set" / "mine.txt").write_text("")
    assert isinstance(invoke(photos, "--to", tmp_path / "set").exception, TrainingDataError)
    assert "standard input is no file to copy" in invoke("-", "--to", tmp_path / "new").output
    assert not (tmp_path / "new").exists()
