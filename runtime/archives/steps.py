"""What the workers of an archive do with a batch: load pictures, read them, write their rows as a file."""

import sys
import time
from collections.abc import Callable, Iterator
from typing import Any

import cv2
import numpy as np

from ..errors import EdgeReaderError, SinkError, one_line
from ..extras import installed_version
from ..geometry.images import Frame
from ..reader import Reader, Reading
from .places import Sink, read_stored

LIBRARIES = "cv2", "onnxruntime", "tensorrt", "tensorrt_rtx"
"""Modules whose versions a row tells, where they are loaded."""


def load(paths: Any) -> Iterator[Any]:
    """Yield a row for each path: its picture's pixels, uint8 BGR, or why there are none. They are not copied."""
    import pyarrow as pa

    cv2.setNumThreads(1)
    for path in paths["item"].to_pylist():
        start, frame, shrunk, error = time.perf_counter(), np.zeros((1, 0, 3), np.uint8), 1, None
        try:
            photo = read_stored(path)
            frame, shrunk = np.ascontiguousarray(photo.frame), photo.shrunk
        except EdgeReaderError as exc:
            error = one_line(exc)
        ends = pa.py_buffer(np.array([0, frame.nbytes], np.int64))
        columns = {
            "path": pa.array([path], pa.string()),
            "pixels": pa.Array.from_buffers(pa.large_binary(), 1, [None, ends, pa.py_buffer(frame)]),
            "height": pa.array([len(frame)], pa.int32()),
            "shrunk": pa.array([shrunk], pa.int32()),
            "error": pa.array([error], pa.string()),
            "load": pa.array([time.perf_counter() - start], pa.float64()),
        }
        yield pa.table(columns)


class ReadPictures:
    """A reader in a worker of its own: pictures → their readings."""

    def __init__(self, open_reader: Callable[[], Reader], threads: int) -> None:
        cv2.setNumThreads(threads)
        self._reader = open_reader()
        session = self._reader.sessions["recognizer"]
        made = [f"{name} {sys.modules[name].__version__}" for name in LIBRARIES if name in sys.modules]
        self._versions = ", ".join(
            (f"edgereader {installed_version()}".strip(), *made, session.backend, session.precision)
        )

    def __call__(self, pictures: Any) -> Any:
        """Return a row for each picture: its readings, or why it could not be read."""
        start, rows, frames = time.perf_counter(), pictures.drop_columns(["pixels"]).to_pylist(), []
        for row, pixels in zip(rows, pictures["pixels"], strict=True):
            if row["error"] is None:
                frames.append(np.frombuffer(pixels.as_buffer(), np.uint8).reshape(row["height"], -1, 3))
        found = self._read(frames)
        for row in rows:
            row.update(readings=[{}], versions=self._versions)
            if row["error"] is not None:
                continue
            if isinstance(read := next(found), str):
                row["error"] = read
            else:
                row["readings"] = [_described(reading, row["shrunk"]) for reading in read] or [{}]
        for row in rows:
            row["read"] = (time.perf_counter() - start) / len(rows)
        return table(rows)

    def _read(self, frames: list[Frame]) -> Iterator[list[Reading] | str]:
        """The readings of each frame; where one fails, all are read alone, and it gives its error."""
        try:
            yield from list(self._reader.read_many(frames))
        except EdgeReaderError:
            for frame in frames:
                try:
                    yield self._reader.read(frame)
                except EdgeReaderError as exc:
                    yield one_line(exc)


def _described(reading: Reading, shrunk: int) -> dict[str, Any]:
    return {
        "text": reading.text,
        "value": reading.value,
        "confidence": reading.confidence,
        "quad": (reading.quad * shrunk).tolist(),
        "characters": [
            {"text": one.text, "confidence": one.confidence, "quad": (one.quad * shrunk).tolist()}
            for one in reading.characters
        ],
    }


def table(rows: list[dict[str, Any]]) -> Any:
    """A table with a row for each picture."""
    import pyarrow as pa

    quad = pa.list_(pa.list_(pa.float32()))
    number = [("confidence", pa.float64()), ("quad", quad)]
    characters = pa.list_(pa.struct([("text", pa.string()), *number]))
    reading = [("text", pa.string()), ("value", pa.float64()), *number, ("characters", characters)]
    told = [("error", pa.string()), ("versions", pa.string()), ("load", pa.float64()), ("read", pa.float64())]
    types = pa.schema([("path", pa.string()), ("readings", pa.list_(pa.struct(reading))), *told])
    return pa.Table.from_pylist(rows, types)


def write(pictures: Any, sink: Sink, bundle: str) -> Any:
    """Write the rows of pictures as one file; return a row that counts them, or says why that failed."""
    import pyarrow as pa

    try:
        return pa.Table.from_pylist([{**add(pictures, sink, bundle), "failure": None}])
    except SinkError as exc:
        return pa.Table.from_pylist([{"failure": one_line(exc)}])


def add(pictures: Any, sink: Sink, bundle: str) -> dict[str, float]:
    """Write a row for each reading, and one for each picture without; return sums."""
    import pyarrow as pa
    import pyarrow.compute as pc

    start, lists = time.perf_counter(), pictures["readings"].combine_chunks()
    readings = pc.list_flatten(lists)
    of_picture = pictures.select(["path", "versions", "error"]).take(pc.list_parent_indices(lists))
    columns = {"path": of_picture["path"], **dict(zip(readings.type.names, readings.flatten(), strict=True))}
    columns |= {"bundle": pa.repeat(bundle, len(readings)), "versions": of_picture["versions"]}
    sink.add(pa.table({**columns, "error": of_picture["error"]}))
    return {
        "pictures": len(pictures),
        "readings": len(readings) - columns["text"].null_count,
        "errors": len(pictures) - pictures["error"].null_count,
        "load": pc.sum(pictures["load"]).as_py(),
        "read": pc.sum(pictures["read"]).as_py(),
        "write": time.perf_counter() - start,
    }
