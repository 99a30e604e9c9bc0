"""LMDB as the community of scene text recognition uses it: `num-samples`, `image-%09d`, `label-%09d`, from 1."""

import shutil
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import Any

from .labels_writer import encode_image, vacant
from .samples import Crop, TrainingDataError, decode_image, existing

FILE_NAME = "data.mdb"
COUNT = b"num-samples"
BATCH = 1000
START_BYTES = 64 << 20


class LmdbCrops:
    """The crops of one LMDB folder; it may travel to worker processes."""

    def __init__(self, root: Path) -> None:
        """Open the database and read the number of crops.

        Raises:
            TrainingDataError: There is no database, or it has no `num-samples`.
        """
        existing(root / FILE_NAME, "an LMDB")
        self.root = root
        count = self._get(COUNT).decode("ascii", "replace")
        if not count.isdecimal():
            raise TrainingDataError(f"{root}: expected a number under num-samples, got {count!r}; write it again")
        self._count = int(count)

    def __len__(self) -> int:
        return self._count

    def __getitem__(self, index: int, /) -> Crop:
        """Decode one crop."""
        number = range(self._count)[index] + 1
        contents, label = self._get(b"image-%09d" % number), self._get(b"label-%09d" % number)
        try:
            text = label.decode("utf-8")
        except UnicodeDecodeError as exc:
            raise TrainingDataError(f"{self.root}: label-{number:09d}: expected UTF-8 text, got: {exc.reason}") from exc
        return decode_image(contents, where=f"{self.root}: image-{number:09d}"), text

    def photo(self, index: int, /) -> str:
        """Name a crop by its place, since an LMDB does not say what it was cut from."""
        return str(index)

    def _get(self, key: bytes) -> bytes:
        import lmdb

        try:
            with _environment(str(self.root.resolve())).begin() as transaction:
                value = transaction.get(key)
        except lmdb.Error as exc:
            raise TrainingDataError(f"{self.root}: expected an LMDB, got: {exc}; write it again") from exc
        if value is None:
            raise TrainingDataError(f"{self.root}: expected the key {key.decode()}, got no such key; write it again")
        return bytes(value)


@cache
def _environment(path: str) -> Any:
    """Open a database for reading, once in a process: LMDB refuses a second time. Without locks, a fork may go on."""
    import lmdb

    return lmdb.open(path, readonly=True, lock=False, readahead=False, meminit=False)


def write_lmdb(root: Path, crops: Iterable[Crop], *, suffix: str = ".png") -> int:
    """Write crops as an LMDB into a new or empty folder, which appears when it is complete; return their number.

    `crops`: images uint8 (H, W, 3) and their texts; `suffix`: `.png` or `.jpg`.

    Raises:
        TrainingDataError: The folder holds something already.
    """
    vacant(root)
    temporary = root.with_name(f".{root.name}.part")
    shutil.rmtree(temporary, ignore_errors=True)
    temporary.mkdir(parents=True)
    try:
        count = _fill(temporary, crops, suffix)
        if root.exists():
            root.rmdir()
        temporary.rename(root)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
    return count


def _fill(root: Path, crops: Iterable[Crop], suffix: str) -> int:
    import lmdb

    count, pending = 0, list[tuple[bytes, bytes]]()
    with lmdb.open(str(root), map_size=START_BYTES) as environment:
        for count, (image, text) in enumerate(crops, 1):
            pending.append((b"image-%09d" % count, encode_image(image, suffix)))
            pending.append((b"label-%09d" % count, text.encode("utf-8")))
            if count % BATCH == 0:
                _put(environment, pending)
                pending = []
        _put(environment, [*pending, (COUNT, str(count).encode("ascii"))])
    return count


def _put(environment: Any, items: list[tuple[bytes, bytes]]) -> None:
    """Store all items in one transaction; a full map is doubled and the transaction repeated."""
    import lmdb

    while True:
        try:
            with environment.begin(write=True) as transaction:
                for key, value in items:
                    transaction.put(key, value)
        except lmdb.MapFullError:
            environment.set_mapsize(2 * environment.info()["map_size"])
        else:
            return
