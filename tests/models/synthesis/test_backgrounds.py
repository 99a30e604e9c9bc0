import cv2
import numpy as np
import pytest

from edgereader.models.synthesis import backgrounds
from edgereader.models.synthesis.backgrounds import TEXTURES, Backgrounds, ink, recolour


@pytest.fixture
def photo(tmp_path):
    path = tmp_path / "photo.png"
    cv2.imwrite(str(path), np.full((300, 400, 3), (20, 120, 220), np.uint8))
    return path


def test_without_photographs_backgrounds_are_textures():
    image = Backgrounds([]).draw(np.random.default_rng(1), (64, 96))
    assert image.shape == (64, 96, 3)


def test_a_photograph_is_cut_to_size(photo):
    pool = Backgrounds([photo], photo_share=1.0)
    images = [pool.draw(np.random.default_rng(seed), (64, 96)) for seed in range(20)]
    assert {image.shape for image in images} == {(64, 96, 3)}
    assert any((image == (20, 120, 220)).all() for image in images)
    assert any((image != (20, 120, 220)).any() for image in images)


def test_no_photograph_is_one_clear_error(tmp_path):
    path = tmp_path / "photo.png"
    path.write_text("no photograph")
    with pytest.raises(ValueError, match="expected a photograph"):
        Backgrounds([path], photo_share=1.0).draw(np.random.default_rng(0), (8, 8))


def test_recolouring_keeps_the_order_of_brightness():
    ramp = np.repeat(np.arange(256, dtype=np.uint8)[np.newaxis, :, np.newaxis], 3, axis=2)
    assert (np.diff(recolour(np.random.default_rng(5), ramp).astype(int), axis=1) >= 0).all()


def test_one_size_of_each_wallpaper_and_none_with_writing(tmp_path, monkeypatch):
    names = "Lake/contents/images/100x50.png", "Lake/contents/images/200x100.png", "Lake/contents/screenshot.png"
    for name in (*names, "field.jpg", "field.xml", "debian-logo.png"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    monkeypatch.setattr(backgrounds, "FOLDERS", (tmp_path,))
    backgrounds.installed_backgrounds.cache_clear()
    pool = backgrounds.installed_backgrounds(limit=5)
    backgrounds.installed_backgrounds.cache_clear()
    assert sorted(path.name for path in pool.paths) == ["100x50.png", "field.jpg"]


@pytest.mark.parametrize("name", sorted(TEXTURES))
def test_a_texture_is_an_image_of_the_size_asked_for_and_repeats_by_its_seed(name):
    first, again, other = (TEXTURES[name](np.random.default_rng(seed), (70, 110)) for seed in (3, 3, 4))
    assert first.shape == (70, 110, 3)
    assert first.dtype == np.uint8
    assert (first == again).all()
    assert (first != other).any()


def test_inks_are_colours():
    rng = np.random.default_rng(0)
    colours = np.array([ink(rng) for _ in range(200)])
    assert colours.min() >= 0
    assert colours.max() <= 255
    assert len({tuple(colour) for colour in colours.tolist()}) > 150
