import multiprocessing

import lmdb
import numpy as np
import pytest

from edgereader.models.data import lmdb_crops
from edgereader.models.data.labels_writer import encode_image
from edgereader.models.data.lmdb_crops import LmdbCrops, write_lmdb
from edgereader.models.data.samples import TrainingDataError


def sample(seed, text):
    return np.random.default_rng(seed).integers(0, 256, (20, 30, 3), np.uint8), text


def database(root, items):
    with lmdb.open(str(root), map_size=1 << 20) as environment, environment.begin(write=True) as transaction:
        for key, value in items.items():
            transaction.put(key, value)
    return root


def test_what_is_written_is_read_back(tmp_path):
    samples = [sample(0, "42"), sample(1, "é $"), sample(2, "7")]
    assert write_lmdb(tmp_path / "deep" / "set", iter(samples)) == 3
    crops = LmdbCrops(tmp_path / "deep" / "set")
    assert len(crops) == 3
    for index, (image, text) in enumerate(samples):
        assert np.array_equal(crops[index][0], image)
        assert crops[index][1] == text
    assert crops[-1][1] == "7"


def test_the_keys_are_those_of_the_community(tmp_path):
    write_lmdb(tmp_path / "set", [sample(0, "42")])
    with lmdb.open(str(tmp_path / "set"), readonly=True, lock=False) as environment, environment.begin() as transaction:
        keys = [bytes(key) for key, _ in transaction.cursor()]
        assert keys == [b"image-000000001", b"label-000000001", b"num-samples"]
        assert bytes(transaction.get(b"num-samples")) == b"1"
        assert bytes(transaction.get(b"label-000000001")) == b"42"


def test_a_database_of_others_is_read(tmp_path):
    jpeg = encode_image(sample(0, "")[0], ".jpg")
    keys = {b"image-000000001": jpeg, b"label-000000001": b"slinking", b"num-samples": b"1"}
    image, text = LmdbCrops(database(tmp_path / "set", keys))[0]
    assert (image.shape, text) == ((20, 30, 3), "slinking")


def test_the_map_grows(tmp_path, monkeypatch):
    monkeypatch.setattr(lmdb_crops, "START_BYTES", 1 << 16)
    monkeypatch.setattr(lmdb_crops, "BATCH", 40)
    assert write_lmdb(tmp_path / "set", (sample(index, str(index)) for index in range(200))) == 200
    crops = LmdbCrops(tmp_path / "set")
    assert [crops[index][1] for index in (0, 39, 40, 199)] == ["0", "39", "40", "199"]


@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_worker_processes_read_the_database_too(tmp_path, method):
    write_lmdb(tmp_path / "set", [sample(0, "42"), sample(1, "43")])
    crops = LmdbCrops(tmp_path / "set")
    with multiprocessing.get_context(method).Pool(1) as pool:
        assert [text for _, text in pool.map(crops.__getitem__, range(2))] == ["42", "43"]
    assert crops[1][1] == "43"


def test_a_database_may_be_opened_twice(tmp_path):
    write_lmdb(tmp_path / "set", [sample(0, "42")])
    first, second = LmdbCrops(tmp_path / "set"), LmdbCrops(tmp_path / "set")
    assert first[0][1] == second[0][1] == "42"


def test_a_failure_half_way_leaves_nothing(tmp_path):
    def failing():
        yield sample(0, "1")
        raise TrainingDataError("broken")

    with pytest.raises(TrainingDataError, match="broken"):
        write_lmdb(tmp_path / "set", failing())
    assert not list(tmp_path.iterdir())


def test_a_missing_database_a_broken_one_and_missing_keys_are_told_apart(tmp_path):
    with pytest.raises(TrainingDataError, match="expected an LMDB, got nothing there"):
        LmdbCrops(tmp_path)
    (tmp_path / "data.mdb").write_bytes(b"no database" * 1000)
    with pytest.raises(TrainingDataError, match=r"expected an LMDB, got: .*; write it again"):
        LmdbCrops(tmp_path)
    with pytest.raises(TrainingDataError, match="expected the key num-samples, got no such key"):
        LmdbCrops(database(tmp_path / "none", {}))
    with pytest.raises(TrainingDataError, match="expected a number under num-samples, got 'many'"):
        LmdbCrops(database(tmp_path / "many", {b"num-samples": b"many"}))
    with pytest.raises(TrainingDataError, match="expected the key image-000000002"):
        LmdbCrops(database(tmp_path / "two", {b"num-samples": b"2"}))[1]
