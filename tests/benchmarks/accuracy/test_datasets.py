import shutil

import cv2
import lmdb
import numpy as np
import pytest

from edgereader.benchmarks.accuracy.datasets import (
    bundle_and_sets,
    is_bundle,
    is_data_set,
    is_lmdb,
    open_lmdb,
    open_set,
    open_sets,
)
from edgereader.models.data.datasets import open_crops
from edgereader.models.data.labels_writer import write_labels
from edgereader.models.data.lmdb_crops import write_lmdb
from edgereader.models.data.samples import parted
from edgereader.models.synthesis.crops import MeterDigits
from edgereader.runtime.errors import DatasetError


def make(root, lines, *, images=True):
    (root / "images").mkdir(parents=True)
    (root / "labels.tsv").write_text("".join(f"{line}\n" for line in lines))
    for line in lines if images else ():
        cv2.imwrite(str(root / line.split("\t")[0]), np.zeros((9, 9, 3), np.uint8))
    return root


def test_a_crop_is_a_line(tmp_path):
    found = open_set(
        make(tmp_path / "mine", ["images/a.png\t12", "images/b.png\t3", "images/c.png\t", "images/d.png\t###"])
    )
    assert (found.name, found.kind) == ("mine", "crops")
    assert [image.texts for image in found.images] == [("12",), ("3",)]


def test_a_scene_is_an_image(tmp_path):
    box = "[1, 1, 5, 5]"
    found = open_set(
        make(tmp_path / "mine", [f"images/b.png\t12\t{box}", f"images/a.png\t3\t{box}", f"images/b.png\t4\t{box}"])
    )
    assert found.kind == "scenes"
    assert [(image.path.name, image.texts) for image in found.images] == [("a.png", ("3",)), ("b.png", ("12", "4"))]
    assert all(quad.tolist() == [[1, 1], [5, 1], [5, 5], [1, 5]] for image in found.images for quad in image.quads)


def test_a_text_keeps_its_box_and_one_without_has_none(tmp_path):
    corners = [[0, 0], [4, 0], [8, 2], [4, 4], [0, 4]]
    lines = ["images/a.png\t\t[1, 1, 5, 5]", "images/a.png\t12", f"images/a.png\t3\t{corners}"]
    (image,) = open_set(make(tmp_path / "scenes_x", lines)).images
    assert image.texts == ("12", "3")
    assert image.quads[0] is None
    assert image.quads[1].tolist() == corners


def test_a_scene_without_numbers_is_kept(tmp_path):
    found = open_set(make(tmp_path / "scenes_empty", ["images/a.png\t\t"]))
    assert [image.texts for image in found.images] == [()]


def test_a_path_that_is_no_set_is_one_clear_line(tmp_path):
    with pytest.raises(DatasetError, match="expected a folder with labels.tsv, got nothing there; give"):
        open_set(tmp_path / "gone")
    with pytest.raises(DatasetError, match=r"expected a labels\.tsv .* got nothing there"):
        open_set(tmp_path)
    (tmp_path / "file").touch()
    with pytest.raises(DatasetError, match="got a file"):
        open_set(tmp_path / "file")


@pytest.mark.parametrize(
    ("name", "lines", "match"),
    [
        ("set", ["images/a.png\t"], "expected crops with a text, got none"),
        (
            "set:held-out",
            ["images/lcd_of_another.png\t1"],
            "expected photos that are held out, got none; leave :held-out away",
        ),
        (
            "scenes_x",
            ["images/a.png\t1\t[0, 0, 5, 5]", "images/a.png\t12\t[[0, 0], [2, 2], [5, 5]]"],
            r"labels\.tsv:2: expected a box or polygon with an area",
        ),
    ],
)
def test_labels_that_are_no_set_are_one_clear_line(tmp_path, name, lines, match):
    make(tmp_path / name.removesuffix(":held-out"), lines)
    with pytest.raises(DatasetError, match=match):
        open_set(tmp_path / name)


def test_labels_without_images_are_counted(tmp_path):
    root = make(tmp_path / "set", ["images/a.png\t1", "images/b.png\t2"], images=False)
    with pytest.raises(DatasetError, match=r"got 2 of 2 without one, such as .*images/a\.png; restore"):
        open_set(root)


def test_the_meters_kept_out_of_training_may_be_asked_for(tmp_path):
    root = make(tmp_path / "mine", [f"images/{name}.png\t1" for name in ("lcd2_1", "lcd_2", "top-x_3", "gasmeter_4")])
    whole, part = open_set(root), open_set(f"{root}:held-out")
    assert (len(whole.images), whole.part, whole.name) == (4, None, "mine")
    assert [image.path.stem for image in part.images] == ["lcd2_1", "top-x_3", "gasmeter_4"]
    assert part.name == "mine:held-out"
    assert part.part == "only what training leaves out"
    assert open_set(f"{root}:held-out", "scenes").kind == "scenes"


def test_the_photos_held_out_are_those_that_training_leaves_out(tmp_path):
    lines = [f"images/{photo:03}_{crop}.png\t{photo * 2 + crop}" for photo in range(20) for crop in range(2)]
    root = make(tmp_path / "crops_mine", lines)
    measured = {int(image.texts[0]) for image in open_set(f"{root}:held-out").images}
    assert measured == set(parted(open_crops(root))[1].tolist())
    assert 0 < len(measured) < 40


def test_the_meters_held_out_are_those_that_training_leaves_out(tmp_path):
    names = ("lcd2_1", "lcd_2", "top-x_3", "gasmeter_4", "powermeter-5", "lcd2-6")
    root = make(tmp_path / "mine", [f"images/{name}.png\t{number}" for number, name in enumerate(names)])
    trained = MeterDigits(root).by_meter.values()
    kept = {text for crops in trained for _, text in crops}
    assert kept | {image.texts[0] for image in open_set(f"{root}:held-out").images} == set("012345")
    assert kept == {"1", "4"}


def test_sets_of_one_name_are_refused(tmp_path):
    roots = [make(tmp_path / name / "mine", ["images/a.png\t12"]) for name in ("one", "other")]
    assert [data.name for data in open_sets([str(roots[0])])] == ["mine"]
    with pytest.raises(DatasetError, match="expected different names, got mine more than once"):
        open_sets([str(root) for root in roots])


def test_an_lmdb_is_taken_as_a_whole_and_as_crops(tmp_path):
    root = tmp_path / "scenes_mine"
    write_lmdb(root, [(np.zeros((9, 9, 3), np.uint8), "12")])
    assert open_set(root).kind == "crops"
    with pytest.raises(DatasetError, match="got --kind scenes; leave that away"):
        open_set(root, "scenes")
    with pytest.raises(DatasetError, match="got :held-out; leave that away"):
        open_set(f"{root}:held-out")


def test_generated_photos_are_a_set(tmp_path):
    word = ("12", [[1, 1], [5, 1], [5, 5], [1, 5]], np.zeros((2, 4, 2)))
    unreadable = ("###", [[1, 1], [5, 1], [5, 5], [1, 5]], None)
    photo = np.zeros((9, 9, 3), np.uint8)
    write_labels(tmp_path / "set", iter([(photo, [word, unreadable]), (photo, [])]), suffix=".jpg")
    found = open_set(tmp_path / "set")
    assert found.kind == "scenes"
    assert [image.texts for image in found.images] == [("12", "###"), ()]


def test_the_real_sets_are_opened(shared_data):
    found = {path.parent.name: open_set(path.parent) for path in sorted(shared_data.glob("*/labels.tsv"))}
    images = {name: len(part.images) for name, part in found.items()}
    assert images["crops_iiit5k"] == 221
    assert images["scenes_bibs"] == 108
    assert images["scenes_without_numbers"] == 50
    assert {name for name, part in found.items() if part.kind == "scenes"} == {
        n for n in found if n.startswith("scenes")
    }


def picture(shade):
    return np.full((10, 20, 3), shade, np.uint8)


def test_each_crop_is_found_again_by_its_key(tmp_path):
    root = tmp_path / "evaluation"
    write_lmdb(root, [(picture(10), "12"), (picture(20), ""), (picture(30), "###"), (picture(40), "exit")])
    assert is_lmdb(root)
    found = open_lmdb(root)
    assert (found.name, found.kind, found.part) == ("evaluation", "crops", None)
    assert [(image.path.name, image.texts, image.quads) for image in found.images] == [
        ("image-000000001", ("12",), (None,)),
        ("image-000000004", ("exit",), (None,)),
    ]
    assert [int(found.load(image.path)[0, 0, 0]) for image in found.images] == [10, 40]


def test_a_folder_with_labels_is_no_lmdb(tmp_path):
    write_lmdb(tmp_path / "both", [(picture(10), "12")])
    (tmp_path / "both" / "labels.tsv").write_text("a.png\t1\n")
    assert not is_lmdb(tmp_path / "both")
    assert not is_lmdb(tmp_path)


def test_an_lmdb_without_texts_is_one_clear_line(tmp_path):
    write_lmdb(tmp_path / "empty", [])
    write_lmdb(tmp_path / "silent", [(picture(10), "")])
    for name in ("empty", "silent"):
        with pytest.raises(DatasetError, match="expected crops with a text, got none"):
            open_set(tmp_path / name)


def test_a_label_without_an_image_is_one_clear_line(tmp_path):
    write_lmdb(tmp_path / "set", [(picture(10), "12"), (picture(10), "34")])
    with lmdb.open(str(tmp_path / "set"), map_size=1 << 20) as environment, environment.begin(write=True) as changes:
        changes.delete(b"image-000000002")
    with pytest.raises(DatasetError, match="expected the key image-000000002, got no such key"):
        open_set(tmp_path / "set")


def test_what_is_no_lmdb_is_one_clear_line(tmp_path):
    (tmp_path / "data.mdb").write_bytes(b"something else")
    with pytest.raises(DatasetError, match="expected an LMDB, got"):
        open_set(tmp_path)


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A working folder with a bundle and two data sets."""
    monkeypatch.chdir(tmp_path)
    for name, file in (("mine", "bundle.json"), ("crops", "labels.tsv")):
        (tmp_path / name).mkdir()
        (tmp_path / name / file).touch()
    write_lmdb(tmp_path / "evaluation", [(np.zeros((9, 9, 3), np.uint8), "1")])
    return tmp_path


@pytest.mark.parametrize(
    ("names", "bundle", "sets"),
    [
        (["crops"], "digits-edge", ["crops"]),
        (["evaluation", "crops"], "digits-edge", ["evaluation", "crops"]),
        (["crops:held-out", "gone"], "digits-edge", ["crops:held-out", "gone"]),
        (["digits-edge", "crops"], "digits-edge", ["crops"]),
        (["mine", "crops"], "mine", ["crops"]),
        (["./mine/", "gone"], "./mine/", ["gone"]),
    ],
)
def test_a_bundle_may_be_left_out(folder, names, bundle, sets):
    assert bundle_and_sets(names) == (bundle, sets)


def test_what_could_be_both_is_asked_back(folder):
    shutil.copy(folder / "crops/labels.tsv", folder / "mine/labels.tsv")
    with pytest.raises(DatasetError, match="mine: expected a bundle or a data set, got both"):
        bundle_and_sets(["mine", "crops"])
    assert bundle_and_sets(["digits-edge", "mine"]) == ("digits-edge", ["mine"])
    (folder / "crops").rename(folder / "digits-edge")
    with pytest.raises(DatasetError, match="digits-edge: expected a bundle or a data set, got both"):
        bundle_and_sets(["digits-edge", "evaluation"])
    assert bundle_and_sets(["./digits-edge"]) == ("digits-edge", ["./digits-edge"])


@pytest.mark.parametrize(("name", "got"), [("gone", "nothing there"), (".", "something that is neither")])
def test_what_is_neither_is_one_clear_line(folder, name, got):
    with pytest.raises(DatasetError, match=f"expected a bundle .* or a data set .*, got {got}"):
        bundle_and_sets([name, "crops"])


def test_a_bundle_alone_is_not_enough(folder):
    with pytest.raises(DatasetError, match="expected a data set behind the bundle digits-edge, got none"):
        bundle_and_sets(["digits-edge"])


def test_a_name_with_a_slash_is_no_shipped_bundle(folder):
    assert is_bundle("digits-edge")
    assert not is_bundle("./digits-edge")
    assert not is_data_set("digits-edge")
