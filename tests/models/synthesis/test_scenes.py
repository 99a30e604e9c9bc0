import numpy as np
import pytest

from edgereader.models.synthesis.backgrounds import Backgrounds
from edgereader.models.synthesis.scenes import Sheet, Stock, bend, make_scene, paste, pose

COUNT = 60


@pytest.fixture(scope="module")
def stock(fonts):
    return Stock(fonts, Backgrounds([]))


@pytest.fixture(scope="module")
def scenes(stock):
    return [make_scene(np.random.default_rng([7, number]), (160, 192), stock=stock) for number in range(COUNT)]


def test_the_same_seed_makes_the_same_scene(stock, scenes):
    for number in (0, 3, 11):
        again = make_scene(np.random.default_rng([7, number]), (160, 192), stock=stock)
        assert (again.image == scenes[number].image).all()
        assert [word.text for word in again.words] == [word.text for word in scenes[number].words]
        for word, other in zip(again.words, scenes[number].words, strict=True):
            assert (word.char_quads == other.char_quads).all()


def test_words_and_their_characters_are_inside(scenes):
    for scene in scenes:
        assert scene.image.shape == (160, 192, 3)
        assert scene.image.dtype == np.uint8
        for word in scene.words:
            assert word.quad.dtype == word.char_quads.dtype == np.float32
            assert word.char_quads.shape == (len(word.text), 4, 2)
            assert " " not in word.text
            for points in (word.quad, word.char_quads.reshape(-1, 2)):
                assert points.min() >= 0
                assert (points.max(0) <= [192, 160]).all()


def test_some_scenes_are_empty_and_most_are_not(scenes):
    empty = sum(not scene.words for scene in scenes)
    assert 1 <= empty <= COUNT * 0.4
    assert sum(len(scene.words) for scene in scenes) > COUNT


def test_digits_and_letters_of_many_heights_appear(scenes):
    words = [word for scene in scenes for word in scene.words]
    heights = [float(np.linalg.norm(word.quad[3] - word.quad[0])) for word in words]
    assert min(heights) < 12
    assert max(heights) > 45
    assert any(word.text.isdigit() for word in words)
    assert any(word.text.isalpha() for word in words)
    assert {word.ignored for word in words} == {False, True}


def test_easy_scenes_have_larger_text(stock):
    def median(level):
        scenes = [make_scene(np.random.default_rng([9, n]), (192, 192), level=level, stock=stock) for n in range(24)]
        return np.median([np.linalg.norm(w.quad[3] - w.quad[0]) for s in scenes for w in s.words])

    assert median(0.0) > 1.2 * median(1.0)


def test_characters_stand_where_their_quads_say(stock):
    for number in range(30):
        scene = make_scene(np.random.default_rng([3, number]), (192, 192), level=0.0, stock=stock)
        for word in (word for word in scene.words if not word.ignored):
            (x0, y0), (x1, y1) = word.quad.min(0).astype(int), np.ceil(word.quad.max(0)).astype(int)
            assert scene.image[y0:y1, x0:x1].std(axis=(0, 1)).max() > 3


def test_a_posed_sheet_fits_the_scene():
    for seed in range(200):
        corners = pose(np.random.default_rng(seed), (90, 400), (128, 160), 1.0)
        assert corners.min() >= 0
        assert (corners.max(0) <= [159, 127]).all()


def test_bending_moves_ink_and_quads_alike():
    sheet = Sheet((60, 200), None)
    quads = np.array([[[150, 20], [170, 20], [170, 40], [150, 40]]], np.float32)
    sheet.alpha[20:40, 150:170] = 255
    sheet.words.append(("1", quads))
    bend(np.random.default_rng(8), sheet)
    (_, moved), rows = sheet.words[0], np.argwhere(sheet.alpha[:, 155:165] > 128)[:, 0]
    assert abs(moved[0, :, 1].mean() - 30) > 0.8
    assert rows.mean() + 0.5 == pytest.approx(moved[0, :, 1].mean(), abs=1)


def test_what_is_too_small_to_be_seen_is_no_word():
    sheet, image = Sheet((200, 400), (90, 90, 90)), np.zeros((100, 100, 3), np.uint8)
    for text, height in (("1", 100), ("-", 4)):
        quads = np.array([[[50, 20], [90, 20], [90, 20 + height], [50, 20 + height]]], np.float32)
        sheet.words.append((text, quads))
    corners = np.array([[10, 10], [50, 10], [50, 30], [10, 30]], np.float32)
    words = paste(np.random.default_rng(1), image, sheet, corners)
    assert [word.text for word in words] == ["1"]
    assert np.linalg.norm(words[0].quad[3] - words[0].quad[0]) == pytest.approx(10, abs=0.1)
