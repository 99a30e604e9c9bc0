import cv2
import numpy as np
import pytest

from edgereader.models.data.samples import TrainingDataError
from edgereader.models.synthesis.materials import FONT_FOLDER
from edgereader.models.synthesis.photos import BOLD, NUMBERS, SAMPLES, SEGMENTS, write_photos

needs_fonts = pytest.mark.skipif(
    not all((FONT_FOLDER / name).is_file() for name in (BOLD, SEGMENTS)),
    reason="fonts-dejavu-core and fonts-dseg are not installed: `make debian`",
)


def test_the_shipped_photos_are_small_and_of_the_expected_size(repository):
    shipped = sorted((repository / "models/zoo/samples").glob("*.jpg"))
    assert {path.stem for path in shipped} == set(SAMPLES) == set(NUMBERS)
    for path in shipped:
        assert path.stat().st_size < 200_000
        assert cv2.imread(str(path)).shape == (720, 1280, 3)


@needs_fonts
def test_the_shipped_photos_are_those_that_the_command_draws(repository, tmp_path):
    for path in write_photos(tmp_path / "photos", seed=1):
        drawn, shipped = (
            cv2.imread(str(one)).astype(int) for one in (path, repository / "models/zoo/samples" / path.name)
        )
        assert np.abs(drawn - shipped).mean() < 2, path.name


@needs_fonts
def test_another_seed_draws_other_pictures():
    one, other = (SAMPLES["house"](np.random.default_rng(seed)) for seed in (1, 2))
    assert np.abs(one.astype(int) - other).mean() > 2


def test_nothing_is_overwritten(tmp_path):
    (tmp_path / "meter.jpg").touch()
    with pytest.raises(TrainingDataError, match="expected a new or empty folder"):
        write_photos(tmp_path)


def test_a_missing_font_is_named(tmp_path, monkeypatch):
    monkeypatch.setattr("edgereader.models.synthesis.materials.FONT_FOLDER", tmp_path)
    with pytest.raises(TrainingDataError, match="expected a font, got nothing there; apt install fonts-dejavu-core"):
        write_photos(tmp_path / "photos")
    assert not (tmp_path / "photos").exists()
