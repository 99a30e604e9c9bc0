import cv2
import numpy as np
import pytest

from edgereader.runtime.errors import ImageError
from edgereader.runtime.geometry.images import as_bgr, box, crop_columns, cut_quad, smallest_box, whole, with_margin

RNG = np.random.default_rng(0)
PHOTO = cv2.GaussianBlur(RNG.integers(0, 256, (60, 200, 3), dtype=np.uint8), (9, 9), 0)


def test_a_frame_is_not_copied():
    assert as_bgr(PHOTO) is PHOTO


@pytest.mark.parametrize("view", [PHOTO[:, ::-1], PHOTO[..., ::-1], PHOTO[::2, 3:50]])
def test_views_become_plain_arrays(view):
    frame = as_bgr(view)
    assert frame.flags["C_CONTIGUOUS"]
    assert np.array_equal(frame, view)


def test_grey_becomes_bgr():
    grey = PHOTO[..., 0]
    for image in (grey, grey[..., None]):
        assert np.array_equal(as_bgr(image), np.stack([grey] * 3, axis=-1))


def test_sixteen_bits_become_eight():
    deep = np.array([[0, 257, 32896, 65535]], np.uint16)
    assert as_bgr(deep)[0, :, 0].tolist() == [0, 1, 128, 255]
    assert as_bgr(np.dstack([deep] * 3)).dtype == np.uint8


def test_alpha_is_laid_over_white():
    image = np.zeros((1, 3, 4), np.uint8)
    image[0, :, 3] = 0, 255, 51
    assert as_bgr(image)[0, :, 1].tolist() == [255, 0, 204]
    assert as_bgr(image.astype(np.uint16) * 257)[0, :, 1].tolist() == [255, 0, 204]


@pytest.mark.parametrize(
    "wrong",
    [
        None,
        "photo.jpg",
        [[1, 2]],
        np.zeros((2, 2), np.float32),
        np.zeros((2, 2), bool),
        np.zeros(4, np.uint8),
        np.zeros((2, 2, 2), np.uint8),
        np.zeros((2, 2, 5), np.uint8),
        np.zeros((2, 2, 3, 1), np.uint8),
        np.zeros((0, 5, 3), np.uint8),
        np.zeros((5, 0), np.uint8),
    ],
)
def test_what_is_no_picture_is_refused(wrong):
    with pytest.raises(ImageError, match=r"expected .* got .*;"):
        as_bgr(wrong)


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("size", [(60, 200), (20, 50), (300, 900), (64, 70)])
def test_a_whole_picture_is_resized(size, channels):
    frame = cv2.resize(PHOTO, size[::-1])
    crop = np.zeros((32, 100, channels), np.uint8)
    cut_quad(frame, whole(frame), crop, keep_ratio=False)
    method = cv2.INTER_AREA if max(size[0] / 32, size[1] / 100) >= 2 else cv2.INTER_LINEAR
    source = frame if channels == 3 else cv2.cvtColor(frame, cv2.COLOR_BGR2GRAY)
    expected = cv2.resize(source, (100, 32), interpolation=method).reshape(crop.shape)
    assert np.abs(crop.astype(int) - expected).max() <= 2  # a picture that is halved first is rounded twice


def test_keeping_the_ratio_repeats_the_last_column():
    frame = PHOTO[:, :75]
    crop = np.zeros((32, 100, 3), np.uint8)
    cut_quad(frame, whole(frame), crop, keep_ratio=True)
    assert np.array_equal(crop[:, :40], cv2.resize(frame, (40, 32)))
    assert (crop[:, 40:] == crop[:, 39:40]).all()


def test_narrow_crops_are_widened_where_there_is_room():
    frame = PHOTO[:, :75]
    crop = np.zeros((32, 100, 3), np.uint8)
    assert cut_quad(frame, whole(frame), crop, keep_ratio=True, stretch=1.5) == 60
    assert np.array_equal(crop[:, :60], cv2.resize(frame, (60, 32)))
    assert cut_quad(frame, whole(frame), crop, keep_ratio=True, stretch=4) == 100
    assert cut_quad(frame, whole(frame), crop, keep_ratio=False, stretch=1.5) == 100


@pytest.mark.parametrize(
    ("ratio", "stretch", "columns"),
    [(1, 1, 32), (1, 2, 64), (2, 2, 128), (4, 2, 192), (10, 2, 384), (10, 1.125, 360), (1, 4, 96), (4, 0.5, 64)],
)
def test_columns_are_stretched_by_no_more_than_twice_the_height(ratio, stretch, columns):
    quad = box(7, 9, 20 * ratio, 20)
    assert crop_columns(quad, 32, stretch) == columns
    assert crop_columns(quad @ np.float32([[0.6, 0.8], [-0.8, 0.6]]), 32, stretch) == columns
    assert crop_columns(box(0, 0, 1, 5000), 32, stretch) == 1


@pytest.mark.parametrize("stretch", [1.0, 1.25, 2.0])
def test_a_fixed_width_is_used_as_by_the_plain_rule(stretch):
    """At 32 x 128 the bound is beyond what the crop holds."""
    frame, crop = np.zeros((90, 1300, 3), np.uint8), np.zeros((32, 128, 1), np.uint8)
    for width in range(1, 1300, 7):
        for height in (1, 13, 40, 90):
            used = cut_quad(frame, box(0, 0, width, height), crop, keep_ratio=True, stretch=stretch)
            assert used == min(128, max(1, int(32 * width * stretch) // height))


def test_keeping_the_ratio_squeezes_what_is_too_wide():
    frame = cv2.resize(PHOTO, (800, 64))
    crop = np.zeros((32, 100, 3), np.uint8)
    cut_quad(frame, whole(frame), crop, keep_ratio=True)
    assert np.array_equal(crop, cv2.resize(frame, (100, 32), interpolation=cv2.INTER_AREA))


@pytest.mark.parametrize("angle", [10, 45, 90, 180, 200])
@pytest.mark.parametrize("scale", [1, 4])
def test_turned_text_is_straightened(angle, scale):
    target = cv2.GaussianBlur(PHOTO, (15, 15), 0)[14:46, 50:150]
    large = cv2.resize(target, None, fx=scale, fy=scale)
    matrix = cv2.getRotationMatrix2D((50 * scale, 16 * scale), angle, 1)
    matrix[:, 2] += 20 * scale
    matrix[:, 2] += 60 * scale
    frame = cv2.warpAffine(large, matrix, (300 * scale, 300 * scale))
    quad = (whole(large) @ matrix[:, :2].T + matrix[:, 2]).astype(np.float32)
    crop = np.zeros((32, 100, 3), np.uint8)
    cut_quad(frame, quad, crop, keep_ratio=False)
    assert np.abs(crop[3:-3, 3:-3].astype(int) - target[3:-3, 3:-3]).mean() < 4


def test_a_turned_pattern_that_shrinks_does_not_alias():
    frame = np.zeros((900, 900, 3), np.uint8)
    frame[:, ::2] = 255
    quad = np.array([[100, 140], [740, 40], [780, 240], [140, 340]], np.float32)
    crop = np.zeros((32, 100, 1), np.uint8)
    cut_quad(frame, quad, crop, keep_ratio=False)
    assert crop.std() < 12


@pytest.mark.parametrize(
    "quad",
    [
        [[0, 0], [0, 0], [0, 0], [0, 0]],
        [[0, 0], [199, 0], [199, 0], [0, 0]],
        [[5, 5], [5, 5], [5, 40], [5, 40]],
        [[199, 59], [199, 59], [199, 59], [199, 59]],
        [[10, 10], [30, 12], [10, 10], [30, 12]],
    ],
)
@pytest.mark.parametrize("keep_ratio", [True, False])
def test_quads_without_area_do_not_fail(quad, keep_ratio):
    crop = np.zeros((32, 100, 1), np.uint8)
    cut_quad(PHOTO, np.array(quad, np.float32), crop, keep_ratio=keep_ratio)


@pytest.mark.parametrize("size", [(1, 1), (1, 5000), (5000, 1)])
def test_extreme_pictures_can_be_cut(size):
    frame = np.full((*size, 3), 90, np.uint8)
    crop = np.zeros((32, 100, 1), np.uint8)
    for keep_ratio in (True, False):
        cut_quad(frame, whole(frame), crop, keep_ratio=keep_ratio)
        assert (crop == 90).all()


@pytest.mark.parametrize("angle", [0, 30, 90, 200])
def test_a_margin_is_a_share_of_the_height_on_every_side(angle):
    sine, cosine = np.sin(np.radians(angle)), np.cos(np.radians(angle))
    turn = np.array([[cosine, sine], [-sine, cosine]])
    inner, outer = (
        np.array([(-x, -y), (x, -y), (x, y), (-x, y)]) @ turn + 100 for x, y in ((30.0, 10.0), (32.0, 12.0))
    )
    grown, share = with_margin(inner.astype(np.float32), np.zeros((200, 200, 3), np.uint8), 0.1)
    np.testing.assert_allclose(grown, outer, atol=1e-3)
    assert share == pytest.approx(2 / 60)


def test_a_margin_ends_at_the_frame():
    frame = np.zeros((50, 100, 3), np.uint8)
    grown, _ = with_margin(whole(frame), frame, 0.5)
    np.testing.assert_array_equal(grown, [(0, 0), (99, 0), (99, 49), (0, 49)])
    point, share = with_margin(np.full((4, 2), 7, np.float32), frame, 0.5)
    assert np.isfinite(point).all()
    assert np.isfinite(share)


def rectangle(angle, width=60.0, height=20.0):
    """Corners of a text turned by an angle in degrees, clockwise on the screen, from the text's top left."""
    sine, cosine = np.sin(np.radians(angle)), np.cos(np.radians(angle))
    corners = np.array([(-1, -1), (1, -1), (1, 1), (-1, 1)]) * (width / 2, height / 2)
    return (corners @ np.array([[cosine, sine], [-sine, cosine]]) + 100).astype(np.float32)


@pytest.mark.parametrize("angle", [-45, -44, -30, -0.5, 0, 0.5, 10, 30, 44, 45])
@pytest.mark.parametrize("first", range(4))
def test_a_smallest_box_starts_at_its_texts_top_left(angle, first, monkeypatch):
    """In whatever order, and with whatever angle and sides, OpenCV describes the same rectangle."""
    expected = rectangle(angle)
    inside = np.concatenate([expected + step * (expected[::-1] - expected) for step in (0, 0.3, 0.5)])
    assert np.abs(smallest_box(inside) - expected).max() < 0.01
    monkeypatch.setattr(cv2, "boxPoints", lambda _: np.roll(expected, first, axis=0))
    assert np.abs(smallest_box(inside) - expected).max() < 0.01
    monkeypatch.setattr(cv2, "boxPoints", lambda _: np.roll(expected[::-1], first, axis=0))
    assert np.abs(smallest_box(inside) - expected).max() < 0.01


def test_smallest_boxes_of_a_point_and_a_line():
    assert smallest_box(np.array([[5, 7]])).tolist() == [[5, 7]] * 4
    line = smallest_box(np.array([[5, 7], [25, 7]]))
    assert sorted({tuple(corner) for corner in line.round(3).tolist()}) == [(5, 7), (25, 7)]
