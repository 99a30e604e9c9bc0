import numpy as np
import pytest

from edgereader.models.synthesis.glyphs import Line
from edgereader.models.synthesis.sheets import Lettering, Sheet, brightness, contrasting, fit, level

BLACK = (0, 0, 0)


def rng(seed=0):
    return np.random.default_rng(seed)


def test_a_line_is_written_inside_its_box_and_its_words_noted(fonts):
    sheet = Sheet((80, 300), (255, 255, 255))
    sheet.write(rng(), "ROOM 12", (20, 20, 280, 60), Lettering(fonts, BLACK))
    assert [text for text, _ in sheet.words] == ["ROOM", "12"]
    assert [len(quads) for _, quads in sheet.words] == [4, 2]
    dark = np.argwhere(sheet.image[..., 0] < 128)
    assert (dark.min(0) >= [19, 19]).all()
    assert (dark.max(0) <= [61, 281]).all()
    for _, quads in sheet.words:
        x0, y0, x1, y1 = *quads.min((0, 1)), *quads.max((0, 1))
        assert (sheet.image[int(y0) : int(y1) + 1, int(x0) : int(x1) + 1, 0] < 128).any()


def test_digits_in_windows_of_their_own_join_to_one_word(fonts):
    sheet = Sheet((40, 120), (255, 255, 255))
    for place, digit in enumerate("407"):
        box = (place * 40, 5, place * 40 + 38, 35)
        sheet.write(rng(), digit, box, Lettering(fonts, BLACK), join=place > 0)
    ((text, quads),) = sheet.words
    assert text == "407"
    assert quads.shape == (3, 4, 2)
    assert (np.diff(quads.mean(1)[:, 0]) > 20).all()


def test_a_seven_segment_text_may_have_a_point(fonts):
    sheet = Sheet((60, 300), (160, 170, 160))
    sheet.write(rng(1), "58.01", (5, 5, 295, 55), Lettering(fonts, BLACK, segments=True))
    ((text, quads),) = sheet.words
    assert text == "58.01"
    assert len(quads) == 5


def test_writing_on_nothing_leaves_only_the_strokes(fonts):
    sheet = Sheet((40, 100), None)
    sheet.write(rng(), "5", (5, 5, 95, 35), Lettering(fonts, (10, 20, 30)))
    assert 0 < (sheet.alpha > 0).mean() < 0.5
    assert (sheet.image[sheet.alpha > 250] == (10, 20, 30)).all()


@pytest.mark.parametrize("text", ["", " ", "-", ".:"])
def test_without_a_letter_or_digit_nothing_is_written(fonts, text):
    sheet = Sheet((40, 100), (255, 255, 255))
    sheet.write(rng(), text, (0, 0, 100, 40), Lettering(fonts, BLACK))
    assert not sheet.words
    assert (sheet.image == 255).all()


@pytest.mark.parametrize("size", [(12, 400), (90, 30), (48, 200)])
def test_a_fitted_line_fills_height_or_width(size):
    quads = np.array([[[0, 0], [200, 0], [200, 48], [0, 48]]], np.float32)
    line = fit(Line(np.full((48, 200), 255, np.uint8), None, quads, "x"), size)
    height, width = line.mask.shape
    assert height <= size[0]
    assert width <= size[1]
    assert height == size[0] or width == size[1]
    assert 1 / 1.6 < (width / height) / (200 / 48) < 1.1
    assert line.quads.max((0, 1)) == pytest.approx([width, height])


def test_levelled_characters_share_top_and_bottom():
    quads = np.array([[[0, 10], [5, 10], [5, 20], [0, 20]], [[6, 4], [9, 4], [9, 30], [6, 30]]], np.float32)
    flat = level(quads)
    assert (flat[:, :2, 1] == 4).all()
    assert (flat[:, 2:, 1] == 30).all()
    assert (flat[..., 0] == quads[..., 0]).all()


def test_contrast_is_kept():
    source = rng(3)
    for _ in range(50):
        colour = contrasting(source, (128, 128, 128), 60)
        assert abs(brightness(colour) - 128) >= 60
