"""Against numbers of EasyOCR 1.7.2 itself; tests/export/test_published.py runs it beside these steps."""

import cv2
import numpy as np
import pytest

from edgereader.runtime.geometry.easyocr_steps import confidence, cut_line, is_unturned, outer_quad, padded_columns
from edgereader.runtime.geometry.images import box
from edgereader.runtime.geometry.rotation import upside_down

PHOTO = cv2.resize(np.random.default_rng(0).integers(60, 150, (20, 30, 3), np.uint8), (240, 160))
GREY = cv2.cvtColor(PHOTO, cv2.COLOR_BGR2GRAY)
STEEP = np.float32([(20, 30), (100, 60), (92, 80), (12, 50)])


def cut(quad, width=320, **options):
    crop = np.zeros((64, width, 1), np.uint8)
    return crop[..., 0], cut_line(PHOTO, np.asarray(quad, np.float32), crop, **options)


def test_nearly_level_text_is_an_upright_box_in_whole_pixels():
    quad, share = outer_quad(np.float32([(20.9, 30.2), (100.9, 33.4), (99.5, 53.8), (19.1, 50)]), PHOTO, 0.1)
    assert quad.tolist() == box(17, 28, 85, 27).tolist()
    assert share == pytest.approx(2 / 81)


def test_upright_boxes_end_at_the_frames_edges():
    quad, _ = outer_quad(box(1, 2, 238, 157), PHOTO, 0.1)
    assert quad.tolist() == box(0, 0, 240, 160).tolist()
    corner, _ = outer_quad(np.float32([(239, 159)] * 4), PHOTO, 0.1)
    assert corner.tolist() == box(239, 159, 1, 1).tolist()


def test_steep_text_stays_tilted():
    quad, share = outer_quad(STEEP, PHOTO, 0.1)
    easyocr = [(19.411651, 27.058258), (102.980816, 59.661271), (92.588348, 82.941742), (9.019184, 50.338729)]
    np.testing.assert_allclose(quad, easyocr, atol=1e-4)
    assert share == pytest.approx(3 / np.hypot(80, 30))


@pytest.mark.parametrize(("wide", "high", "columns"), [(30, 30, 64), (31, 30, 128), (90, 30, 192), (30, 91, 256)])
def test_lines_are_padded_to_multiples_of_their_height(wide, high, columns):
    assert padded_columns(box(5, 5, wide, high), 64) == columns


def test_a_level_line_is_interpolated_from_the_frames_pixels_however_large_it_is():
    for wide, high in ((80, 20), (230, 150)):
        crop, used = cut(box(4, 3, wide, high))
        assert used == 64 * wide // high
        assert np.array_equal(crop[:, :used], cv2.resize(GREY[3 : 3 + high, 4 : 4 + wide], (used, 64)))
        assert (crop[:, used:] == crop[:, used - 1 : used]).all()


def test_a_tall_line_is_widened_and_shrunk_again():
    crop, used = cut(box(40, 10, 30, 120))
    assert used == 16
    expected = cv2.resize(GREY[10:130, 40:70], (16, 64), interpolation=cv2.INTER_AREA)
    assert cv2.absdiff(np.ascontiguousarray(crop[:, :used]), expected).mean() < 2
    assert cut(box(40, 0, 1, 160))[1] == 13, "EasyOCR's would be widened to 10240 rows, which are 320 here"


def test_a_tilted_line_is_straightened():
    crop, used = cut(STEEP)
    assert used == 64 * 85 // 21
    middle = GREY[50:61, 50:63].mean()
    assert abs(crop[24:40, used * 4 // 10 : used * 6 // 10].mean() - middle) < 8


def test_a_second_look_has_more_contrast_where_there_is_little():
    (first, used), (again, same) = cut(box(0, 0, 240, 160)), cut(box(0, 0, 240, 160), again=True)
    assert used == same
    low, high = np.percentile(first[:, :used], (10, 90))
    expected = np.clip((first[:, :used] - low + 25) * 200 / (high - low), 0, 255).astype(np.uint8)
    assert np.array_equal(again[:, :used], expected)
    strong = np.zeros((40, 90, 3), np.uint8)
    strong[:, 30:60] = 255
    crops = np.zeros((2, 64, 192, 1), np.uint8)
    for crop, look in zip(crops, (False, True), strict=True):
        cut_line(strong, box(0, 0, 90, 40), crop, again=look)
    assert np.array_equal(*crops)


def test_confidence_counts_steps_with_characters_alone():
    steps = np.log(np.float32([(0.9, 0.1), (0.2, 0.8), (0.5, 0.5), (0.4, 0.6)]))
    assert confidence(steps) == pytest.approx(0.48 ** (2 / np.sqrt(2)))
    assert confidence(steps[:1]) == 0


def test_text_that_was_turned_is_told():
    assert is_unturned(STEEP)
    assert not is_unturned(upside_down(STEEP))
