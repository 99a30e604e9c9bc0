import cv2
import numpy as np
import pytest
import torch

from edgereader.models.craft import CRAFT
from edgereader.models.data.labels_writer import write_labels
from edgereader.models.data.samples import TrainingDataError
from edgereader.models.training.distillation import Teacher
from edgereader.models.training.taught_photos import TaughtPhotos


@pytest.fixture
def teacher(tmp_path):
    """A teacher that sees what is bright, with the last layer's bias lifted into the maps' range."""
    torch.manual_seed(0)
    network = CRAFT(0.0625)
    network.conv_cls[-1].bias.data[:] = 0.4
    torch.save(network.state_dict(), tmp_path / "teacher.pt")
    return Teacher(tmp_path / "teacher.pt", "cpu")


@pytest.fixture
def photos(tmp_path):
    """Three photos without labels."""
    folder = tmp_path / "photos"
    folder.mkdir()
    for number in range(3):
        image = np.random.default_rng(number).integers(0, 256, (90 + number, 120, 3), np.uint8)
        cv2.imwrite(str(folder / f"{number}.png"), image)
    return folder


def test_each_photo_is_looked_at_once(teacher, photos, tmp_path, monkeypatch):
    lines, looks, look = [], [], teacher.look
    monkeypatch.setattr(teacher, "look", lambda image: looks.append(image) or look(image))
    first = TaughtPhotos(photos, teacher, tmp_path / "taught", lines.append)
    scenes = [first[index] for index in range(3)]
    assert len(looks) == 3
    assert lines == [f"{photos}: 0 of 3 photos looked at by teacher.pt"]
    again = TaughtPhotos(photos, teacher, tmp_path / "taught", lines.append)
    assert len(looks) == 3
    for one, other in zip(scenes, map(again.__getitem__, range(3)), strict=True):
        assert one.taught.any()
        assert np.array_equal(one.taught, other.taught)
    next((tmp_path / "taught").glob("*.png")).unlink()
    TaughtPhotos(photos, teacher, tmp_path / "taught", lines.append)
    assert len(looks) == 4


def test_maps_have_half_the_photos_size_and_are_the_teachers(teacher, photos, tmp_path):
    scene = TaughtPhotos(photos, teacher, tmp_path / "taught", print)[1]
    height, width = scene.image.shape[:2]
    assert (height, width) == (136, 180), "enlarged by half, to even sides"
    assert scene.words == []
    assert scene.taught.shape == (68, 90, 2)
    assert np.array_equal(scene.taught, teacher.look(scene.image))


def test_labels_come_along_at_the_photos_new_size(teacher, tmp_path):
    image = np.full((100, 200, 3), 90, np.uint8)
    write_labels(tmp_path / "scenes", [(image, [("12", [20, 10, 60, 30], None)])], suffix=".png")
    scene = TaughtPhotos(tmp_path / "scenes", teacher, tmp_path / "taught", print)[0]
    (word,) = scene.words
    assert word.text == "12"
    assert word.quad == pytest.approx(np.float32([[30, 15], [90, 15], [90, 45], [30, 45]]))
    assert word.char_quads[1] == pytest.approx(np.float32([[60, 15], [90, 15], [90, 45], [60, 45]]))


def test_a_folder_without_photos_is_refused(teacher, tmp_path):
    (tmp_path / "none").mkdir()
    with pytest.raises(TrainingDataError, match="expected photos .* got none"):
        TaughtPhotos(tmp_path / "none", teacher, tmp_path / "taught", print)
