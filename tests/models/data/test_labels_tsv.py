import cv2
import numpy as np
import pytest

from edgereader.models.data.labels_tsv import LabelledCrops, by_image, is_scene_set, read_labels
from edgereader.models.data.samples import TrainingDataError


def write(root, *lines):
    root.mkdir(exist_ok=True)
    (root / "labels.tsv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return root


def test_the_lines_of_the_shared_layout_are_read(tmp_path):
    labels = read_labels(
        write(
            tmp_path,
            "images/a.png\t12.5\t",
            "images/b.jpg\t7",
            "images/c.png\t-70%\t[10, 20, 30.5, 40]",
            "images/c.png\t70\t[[1, 2], [3, 2], [3, 4], [1, 4]]\r",
            "images/d.png\t\t",
        )
    )
    assert [label.text for label in labels] == ["12.5", "7", "-70%", "70", ""]
    assert labels[0].path == tmp_path / "images/a.png"
    assert labels[0].quad is None
    assert labels[2].quad.tolist() == [[10, 20], [30.5, 20], [30.5, 40], [10, 40]]
    assert labels[3].quad.tolist() == [[1, 2], [3, 2], [3, 4], [1, 4]]
    assert labels[3].where.endswith("labels.tsv:4")


def test_a_polygon_of_many_corners_becomes_the_rectangle_around_it(tmp_path):
    label = read_labels(write(tmp_path, "a.png\t1\t[[20, 10], [0, 10], [0, 0], [10, 0], [20, 0]]"))[0]
    np.testing.assert_allclose(label.quad, [[0, 0], [20, 0], [20, 10], [0, 10]], atol=1e-4)
    assert label.polygon.tolist() == [[20, 10], [0, 10], [0, 0], [10, 0], [20, 0]]


def test_characters_are_read_from_the_fourth_column(tmp_path):
    quads = [[[0, 0], [5, 0], [5, 9], [0, 9]], [[5, 0], [9, 0], [9, 9], [5, 9]]]
    label = read_labels(write(tmp_path, f"a.png\t4 2\t[0, 0, 9, 9]\t{quads}"))[0]
    assert label.characters.tolist() == quads


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("images/a.png", "labels.tsv:2: expected 2 to 4 columns .* got 1; separate them by tabs"),
        ("a.png\t1\t\t\t", "expected 2 to 4 columns .* got 5"),
        ("../a.png\t1", "labels.tsv:2: expected an image path below"),
        ("a.png\t1\tbox", "expected .x0, y0, x1, y1. or a polygon .* got 'box'"),
        ("a.png\t1\t[[1, 2], [3]]", "expected .* as JSON"),
        ('a.png\t1\t{"x": 1}', "expected .* as JSON"),
        ("a.png\t1\t[1, 2, 3]", "got an array of shape .3,."),
        ("a.png\t1\t[1, 2, 3, NaN]", "expected pixel coordinates"),
        ("a.png\t1\t[1, 2, 3, 1e300]", "expected pixel coordinates"),
        ("a.png\t1\t" + "[" * 100_000, "expected .* as JSON"),
        ("a.png\t42\t[0, 0, 9, 9]\t[[0, 0, 1, 1]]", "expected 2 character quads of 4 corners for '42'"),
    ],
)
def test_a_bad_line_is_named_with_what_is_wrong(tmp_path, line, message):
    write(tmp_path, "good.png\t1", line)
    with pytest.raises(TrainingDataError, match=message) as caught:
        read_labels(tmp_path)
    assert len(str(caught.value)) < 500
    assert "\n" not in str(caught.value)


def test_a_missing_an_empty_and_an_undecodable_file_are_told_apart(tmp_path):
    with pytest.raises(TrainingDataError, match=r"expected a labels\.tsv .* got nothing there"):
        read_labels(tmp_path)
    with pytest.raises(TrainingDataError, match="expected at least one line, got none"):
        read_labels(write(tmp_path, ""))
    (tmp_path / "labels.tsv").write_bytes(b"a.png\t\xff\xfe")
    with pytest.raises(TrainingDataError, match="expected UTF-8 text"):
        read_labels(tmp_path)


@pytest.mark.parametrize(
    ("name", "lines", "scenes"),
    [
        ("crops_x", ["a.png\t1\t[0, 0, 9, 9]", "a.png\t2\t[0, 0, 9, 9]"], False),
        ("scenes_x", ["a.png\t1"], True),
        ("mine", ["a.png\t1", "b.png\t2"], False),
        ("mine", ["a.png\t1\t[0, 0, 9, 9]", "b.png\t2\t[0, 0, 9, 9]"], False),
        ("mine", ["a.png\t1\t[0, 0, 9, 9]", "a.png\t2\t[0, 0, 9, 9]"], True),
    ],
)
def test_scenes_and_crops_are_told_apart(tmp_path, name, lines, scenes):
    root = write(tmp_path / name, *lines)
    assert is_scene_set(root, read_labels(root)) is scenes


def test_labels_are_grouped_by_image(tmp_path):
    groups = by_image(read_labels(write(tmp_path, "b.png\t1", "a.png\t2", "b.png\t3")))
    assert [[label.text for label in group] for group in groups] == [["2"], ["1", "3"]]


def test_crops_are_whole_images_decoded_when_asked_for(tmp_path):
    lines = "a.png\t12\t[1, 1, 3, 3]", "a.png\t", "gone.png\t3", "a.png\t###"
    crops = LabelledCrops(read_labels(write(tmp_path, *lines)))
    pixels = np.random.default_rng(0).integers(0, 256, (8, 9, 3), np.uint8)
    cv2.imwrite(str(tmp_path / "a.png"), pixels)
    image, text = crops[0]
    assert (len(crops), text) == (3, "12")
    assert crops[1][1] == "", "labelled to show nothing"
    assert np.array_equal(image, pixels)
    with pytest.raises(TrainingDataError, match=r"gone\.png"):
        crops[2]


def test_the_real_sets_are_read(shared_data):
    counts = {"crops_iiit5k": 221, "crops_icdar2015": 153, "crops_jersey": 394, "crops_sevenseg": 159}
    scenes = {"scenes_bibs": 142, "scenes_gaspump": 103, "scenes_icdar2015": 24, "scenes_without_numbers": 50}
    for name, count in {**counts, **scenes}.items():
        labels = read_labels(shared_data / name)
        assert len(labels) == count, name
        assert is_scene_set(shared_data / name, labels) is (name in scenes)
