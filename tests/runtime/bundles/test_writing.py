import pytest

from edgereader.runtime.bundles.writing import write_whole


def test_a_file_is_replaced_whole_or_not_at_all(tmp_path, monkeypatch):
    path = tmp_path / "a"
    write_whole(path, b"old")
    with monkeypatch.context() as patch:
        patch.setattr("os.fsync", lambda _: (_ for _ in ()).throw(OSError("disk")))
        with pytest.raises(OSError, match="disk"):
            write_whole(path, b"new")
    assert path.read_bytes() == b"old"
    write_whole(path, b"new")
    assert [(each.name, each.read_bytes()) for each in tmp_path.iterdir()] == [("a", b"new")]


def test_folders_are_made_and_what_is_in_the_way_stays(tmp_path):
    write_whole(tmp_path / "b/c/d", b"new")
    assert (tmp_path / "b/c/d").read_bytes() == b"new"
    with pytest.raises(OSError):
        write_whole(tmp_path / "b/c", b"new")
    assert sorted(each.name for each in tmp_path.rglob("*")) == ["b", "c", "d"]
