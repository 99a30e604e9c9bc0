import lmdb
import numpy as np
import pytest

from edgereader.benchmarks.datasets import open_set
from edgereader.benchmarks.lmdb_set import is_lmdb, open_lmdb
from edgereader.models.data.lmdb_crops import write_lmdb
from edgereader.runtime.errors import DatasetError


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
