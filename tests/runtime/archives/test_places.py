import struct
import zlib

import pytest

from edgereader.runtime.archives.places import MARKER, Sink, find_paths, read_stored
from edgereader.runtime.errors import ImageError, SinkError, SourceError

pa = pytest.importorskip("pyarrow", reason="needs the extra ray")


def names(paths, folder):
    return [path.removeprefix("file://").removeprefix(f"{folder}/") for path in paths.to_pylist()]


def test_what_arguments_mean(photos, monkeypatch):
    every = [*(f"{number:02}.png" for number in range(20)), "broken.jpg"]
    (photos / "inside").mkdir()
    (photos / "inside" / "a.PNG").write_bytes((photos / "00.png").read_bytes())
    monkeypatch.chdir(photos.parent)
    for folder in (str(photos), "photos", f"file://{photos}", f"file://{photos}/"):
        assert sorted(names(find_paths([folder]), photos)) == [*every, "inside/a.PNG"]
    for few in (str(photos / "0[1-3].png"), f"file://{photos}/0[1-3].png"):
        assert names(find_paths([few]), photos) == ["01.png", "02.png", "03.png"]
    assert names(find_paths([f"file://{photos}/05.png", "photos/05.png"]), photos) == ["05.png", "05.png"]
    assert len(find_paths(["photos/05.png", "photos/0*.png"])) == 10


def test_lists(photos, monkeypatch):
    from pyarrow import csv, parquet

    monkeypatch.chdir(photos)
    listed = pa.table({"number": [1, 2, 3], "path": ["01.png", str(photos / "02.png"), "s3://bucket/a b.png"]})
    parquet.write_table(listed, "some.parquet")
    csv.write_csv(listed, "some.csv")
    for name in ("some.parquet", "some.csv", f"file://{photos}/some.csv"):
        assert names(find_paths([name]), photos) == ["01.png", "02.png", "s3://bucket/a b.png"]
    parquet.write_table(listed.drop_columns(["path"]), "none.parquet")
    csv.write_csv(listed.drop_columns(["path"]), "none.csv")
    for name in ("none.parquet", "none.csv", "missing.csv"):
        with pytest.raises(SourceError, match=f"{name}: expected a list of pictures with a column path"):
            find_paths([name])


def test_arguments_that_mean_nothing(tmp_path):
    (tmp_path / "empty").mkdir()
    for folder in (str(tmp_path / "empty"), f"file://{tmp_path}/empty", f"file://{tmp_path}/*.png"):
        with pytest.raises(ImageError, match="expected pictures"):
            find_paths([folder])
    for uri in (f"file://{tmp_path}/none", "nix://a/b"):
        with pytest.raises(SourceError, match="check the URI"):
            find_paths([uri])


def png(width, height):
    """The head of a PNG that claims a size, and no pixels."""
    data = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 13) + b"IHDR" + data + struct.pack(">I", zlib.crc32(b"IHDR" + data))


@pytest.mark.parametrize("prefix", ["", "file://"])
def test_hostile_pictures_meet_the_runtimes_limits(tmp_path, photos, prefix):
    (tmp_path / "huge.png").write_bytes(png(100_000, 100_000))
    assert read_stored(f"{prefix}{photos}/03.png").frame.shape == (160, 320, 3)
    with pytest.raises(ImageError, match=r"huge.png: expected up to 134217728 pixels, got 10000000000"):
        read_stored(f"{prefix}{tmp_path}/huge.png")
    with pytest.raises(ImageError, match=r"broken.jpg: expected a JPEG"):
        read_stored(f"{prefix}{photos}/broken.jpg")
    for nothing in ("none.png", "photos"):
        with pytest.raises(ImageError, match="expected a picture, got"):
            read_stored(f"{prefix}{tmp_path}/{nothing}")


@pytest.mark.slow
def test_object_storage(photos, monkeypatch):
    """Pictures, lists and the sink on S3, as a server of `moto` that the test starts has it."""
    moto = pytest.importorskip("moto.server", reason="needs moto[server]")
    from pyarrow import fs

    server = moto.ThreadedMotoServer("127.0.0.1", port=0)
    server.start()
    host, port = server.get_host_and_port()
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "none")
    options = f"?region=us-east-1&scheme=http&endpoint_override={host}:{port}"
    try:
        storage, _ = fs.FileSystem.from_uri(f"s3://archive/{options}&allow_bucket_creation=true")
        storage.create_dir("archive")
        fs.copy_files(str(photos), "archive/photos", destination_filesystem=storage)
        paths = find_paths([f"s3://archive/photos{options}"]).to_pylist()
        assert len(paths) == 21
        assert paths[0] == f"s3://archive/photos/00.png{options}"
        assert find_paths([f"s3://archive/photos/0[1-3].png{options}"]).to_pylist() == paths[1:4]
        assert read_stored(paths[0]).frame.shape == (160, 320, 3)
        with pytest.raises(ImageError, match="broken.jpg.*: expected a JPEG"):
            read_stored(paths[-1])
        sink = Sink(f"s3://archive/to{options}").claim("run", {"bundle": "0"})
        sink.add(pa.table({"path": paths}))
        assert sorted(sink.done().to_pylist()) == paths
        with pytest.raises(SinkError, match="another run"):
            Sink(sink.folder, "other").add(pa.table({"path": paths}))
    finally:
        server.stop()


SETTINGS = {"bundle": "0" * 64, "find": None}


@pytest.fixture(params=["", "file://"])
def folder(request, tmp_path):
    return f"{request.param}{tmp_path}/to"


def rows(*paths):
    return pa.table({"path": pa.array(paths), "text": ["7"] * len(paths)})


def test_rows_are_there_once_however_often_they_are_written(folder, tmp_path):
    sink = Sink(folder).claim("run", SETTINGS)
    assert sink.done().to_pylist() == []
    for _ in range(2):
        sink.add(rows("a", "a", "b"))
        sink.add(rows("c"))
    assert sorted(sink.done().to_pylist()) == ["a", "b", "c"]
    assert len(list((tmp_path / "to").iterdir())) == 3
    assert len(pytest.importorskip("pyarrow.dataset").dataset(tmp_path / "to", format="parquet").to_table()) == 4


def test_an_earlier_run_writes_no_more(folder):
    before = Sink(folder).claim("before", SETTINGS)
    now = Sink(folder).claim("now", SETTINGS)
    with pytest.raises(SinkError, match="another run writes there now"):
        before.add(rows("a"))
    now.add(rows("b"))
    assert now.done().to_pylist() == ["b"]


def test_other_settings_and_strange_files_are_refused(folder, tmp_path):
    sink = Sink(folder).claim("run", SETTINGS)
    sink.add(rows("a"))
    with pytest.raises(SinkError, match=r"to: its readings were read with find=None; name a new folder"):
        Sink(folder).claim("run", {**SETTINGS, "find": "text"})
    (tmp_path / "to" / MARKER).write_text("{")
    with pytest.raises(SinkError, match="expected a file of edgereader"):
        Sink(folder).claim("run", SETTINGS)
    (tmp_path / "to" / MARKER).unlink()
    with pytest.raises(SinkError, match="expected a new folder"):
        Sink(folder).claim("run", SETTINGS)


def test_a_damaged_file_is_told(folder, tmp_path):
    sink = Sink(folder).claim("run", SETTINGS)
    sink.add(rows("a"))
    (part,) = (tmp_path / "to").glob("part-*")
    part.write_bytes(part.read_bytes()[:-9])
    with pytest.raises(SinkError, match="expected whole Parquet files"):
        sink.done()


def test_what_cannot_be_written_is_told(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(SinkError):
        Sink(f"{tmp_path}/file/to").claim("run", SETTINGS)
