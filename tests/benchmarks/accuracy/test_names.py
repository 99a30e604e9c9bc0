import shutil

import numpy as np
import pytest

from edgereader.benchmarks.accuracy.names import bundle_and_sets, is_bundle, is_data_set
from edgereader.models.data.lmdb_crops import write_lmdb
from edgereader.runtime.errors import DatasetError


@pytest.fixture(autouse=True)
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
def test_a_bundle_may_be_left_out(names, bundle, sets):
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
def test_what_is_neither_is_one_clear_line(name, got):
    with pytest.raises(DatasetError, match=f"expected a bundle .* or a data set .*, got {got}"):
        bundle_and_sets([name, "crops"])


def test_a_bundle_alone_is_not_enough():
    with pytest.raises(DatasetError, match="expected a data set behind the bundle digits-edge, got none"):
        bundle_and_sets(["digits-edge"])


def test_a_name_with_a_slash_is_no_shipped_bundle():
    assert is_bundle("digits-edge")
    assert not is_bundle("./digits-edge")
    assert not is_data_set("digits-edge")
