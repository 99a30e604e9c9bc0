"""Where an archive's pictures and readings lie: files here, or object storage, through pyarrow's file systems."""

import glob
import hashlib
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path, PurePosixPath
from typing import Any

import msgspec

from ..bundles.writing import write_whole
from ..commands.batch import shown
from ..errors import ImageError, SinkError, SourceError, one_line
from ..geometry.files import SUFFIXES, Photo, decode_photo, find_photos, read_photo, read_picture

LISTS = (".parquet", ".csv")
"""Files of these names list pictures in their column ``path``."""
MARKER = "_edgereader.json"
"""The file of a sink that says what its readings were read with, and which run may write; data sets skip its name."""


def find_paths(arguments: Iterable[str]) -> Any:
    """Return the absolute path or the URI of each picture that arguments mean, once: a pyarrow array of strings.

    An argument is a picture, a folder (all levels), a glob, or a Parquet or CSV file that lists pictures; also as a
    URI as pyarrow takes it, such as ``s3://bucket/folder?region=eu-north-1``.

    Raises:
        ImageError: an argument means no picture.
        SourceError: a folder, a list or a storage cannot be read.
    """
    import pyarrow as pa

    found = [shown(path if "://" in path else os.path.abspath(path)) for one in arguments for path in _meant(one)]  # noqa: PTH100
    return pa.array(found, pa.string()).unique()


def _meant(argument: str) -> Iterable[str]:
    if argument.lower().partition("?")[0].endswith(LISTS):
        return _listed(argument)
    return _stored(argument) if "://" in argument else map(str, find_photos(argument))


def _listed(argument: str) -> list[str]:
    import pyarrow as pa
    from pyarrow import csv, parquet

    try:
        system, place = located(argument)
        with system.open_input_file(place) as file:
            if place.lower().endswith(".csv"):
                options = csv.ConvertOptions(include_columns=["path"], column_types={"path": pa.string()})
                table = csv.read_csv(file, convert_options=options)
            else:
                table = parquet.read_table(file, columns=["path"])
        return [path for path in table["path"].to_pylist() if path]
    except (pa.ArrowException, OSError, KeyError) as exc:
        got = one_line(exc)
        raise SourceError(f"{argument}: expected a list of pictures with a column path, got: {got}") from exc


def _stored(uri: str) -> list[str]:
    from pyarrow import fs

    system, place = located(uri)
    is_glob = glob.has_magic(place)
    folder = place[: glob.magic_check.search(place).start()].rpartition("/")[0] if is_glob else place  # type: ignore[attr-defined]
    try:
        if not is_glob and system.get_file_info(place).type == fs.FileType.File:
            return [uri]
        inside = system.get_file_info(fs.FileSelector(folder, recursive=True))
    except OSError as exc:
        raise SourceError(f"{uri}: expected a folder of pictures, got: {one_line(exc)}; check the URI") from exc
    bare, mark, options = uri.partition("?")
    root = bare[: len(bare.rstrip("/")) - len(place)]
    found = [
        f"{root}{info.path}{mark}{options}"
        for info in inside
        if info.type == fs.FileType.File
        and (PurePosixPath(info.path).match(place) if is_glob else Path(info.path).suffix.lower() in SUFFIXES)
    ]
    if not found:
        raise ImageError(f"{uri}: expected pictures ({', '.join(sorted(SUFFIXES))}), got none; check the URI")
    return sorted(found)


def located(path: str) -> tuple[Any, str]:
    """Return the pyarrow file system on which a path or URI lies, and its place there.

    Raises:
        SourceError: no such storage.
    """
    scheme, separator, rest = path.partition("://")
    if not separator:
        return _file_system("file:///")[0], os.path.abspath(path)  # noqa: PTH100
    rest, mark, options = rest.partition("?")
    host, _, place = rest.partition("/")
    system, root = _file_system(f"{scheme}://{host}/{mark}{options}")
    return system, f"{root.rstrip('/')}/{place}".rstrip("/")


@lru_cache(maxsize=8)
def _file_system(root: str) -> tuple[Any, str]:
    import pyarrow as pa
    from pyarrow import fs

    try:
        found: tuple[Any, str] = fs.FileSystem.from_uri(root)
    except (pa.ArrowException, OSError) as exc:
        schemes = "file, s3, gs, abfs or hdfs"
        raise SourceError(f"{root}: expected a storage ({schemes}), got: {one_line(exc)}; check the URI") from exc
    return found


def read_stored(path: str) -> Photo:
    """Read a picture; `read_photo` with its limits, for URIs too.

    Raises:
        ImageError: it cannot be read.
    """
    if "://" not in path:
        return read_photo(Path(path))
    try:
        system, place = located(path)
        with system.open_input_stream(place) as file:
            return decode_photo(read_picture(file, path), path)
    except OSError as exc:
        raise ImageError(f"{path}: expected a picture, got: {one_line(exc)}; check the URI") from exc


@dataclass(frozen=True)
class Sink:
    """A folder of Parquet files, each written whole or not at all, that one run at a time may write."""

    folder: str
    """A path, or a URI."""
    run: str = ""
    """The run that writes."""

    def claim(self, run: str, settings: Mapping[str, Any]) -> "Sink":
        """Return the sink for a run; what an earlier run still sends is no longer taken.

        Raises:
            SinkError: it cannot be written, or holds readings that were read with other settings.
        """
        marker = self._marker()
        if marker is None and self._parts():
            raise SinkError(f"{self.folder}: expected a new folder or one of edgereader, got other files; name another")
        before = settings if marker is None else marker["settings"]
        if changed := [f"{name}={before.get(name)!r}" for name in settings if before.get(name) != settings[name]]:
            raise SinkError(f"{self.folder}: its readings were read with {', '.join(changed)}; name a new folder")
        self._write(MARKER, msgspec.json.encode({"run": run, "settings": settings}))
        return Sink(self.folder, run)

    def done(self) -> Any:
        """Return the paths of the pictures whose rows are here: a pyarrow array of strings.

        Raises:
            SinkError: a file is damaged.
        """
        import pyarrow as pa
        from pyarrow import dataset

        parts, (system, _) = self._parts(), located(self.folder)
        try:
            paths = dataset.dataset(parts, pa.schema([("path", pa.string())]), "parquet", system).to_table()["path"]
        except (pa.ArrowException, OSError) as exc:
            fix = "delete that file: its pictures are read again"
            raise SinkError(f"{self.folder}: expected whole Parquet files, got: {one_line(exc)}; {fix}") from exc
        return paths.unique()

    def add(self, rows: Any) -> None:
        """Write a table of rows as one file, whose name its paths give: written twice, it is there once.

        Raises:
            SinkError: it cannot be written, or another run has taken over.
        """
        import pyarrow as pa
        from pyarrow import parquet

        parquet.write_table(rows, made := pa.BufferOutputStream(), compression="zstd")
        name = hashlib.sha256("\0".join(sorted(set(rows["path"].to_pylist()))).encode()).hexdigest()[:20]
        if (self._marker() or {}).get("run") != self.run:
            raise SinkError(f"{self.folder}: another run writes there now; wait for it, or name another folder")
        self._write(f"part-{name}.parquet", made.getvalue().to_pybytes())

    def _marker(self) -> dict[str, Any] | None:
        system, folder = located(self.folder)
        try:
            with system.open_input_stream(f"{folder}/{MARKER}") as file:
                found: dict[str, Any] = msgspec.json.decode(file.read(), type=dict[str, Any])
        except FileNotFoundError:
            return None
        except (OSError, msgspec.DecodeError) as exc:
            raise SinkError(f"{self.folder}/{MARKER}: expected a file of edgereader, got: {one_line(exc)}") from exc
        return found

    def _parts(self) -> list[str]:
        from pyarrow import fs

        system, folder = located(self.folder)
        inside = system.get_file_info(fs.FileSelector(folder, allow_not_found=True))
        return sorted(info.path for info in inside if info.base_name.startswith("part-"))

    def _write(self, name: str, contents: bytes) -> None:
        system, folder = located(self.folder)
        try:
            if system.type_name == "local":
                write_whole(Path(folder, name), contents)
            else:
                with system.open_output_stream(f"{folder}/{name}") as file:  # which appears when it is closed
                    file.write(contents)
        except OSError as exc:
            raise SinkError(f"{self.folder}: expected to write {name}, got: {one_line(exc)}") from exc
