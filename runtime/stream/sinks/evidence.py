"""Crops with what was read in them: a bounded ring of files that a person looks at, corrects, and trains with.

A folder has ``images/ID.jpg``, ``readings.jsonl`` (the event of each picture), and from the first correction on
``labels.tsv``, as data sets have it: ``edgereader train recognizer --data FOLDER`` learns from what was corrected.
"""

import fcntl
import logging
import os
import re
import threading
from pathlib import Path

import cv2
import msgspec

from ...bundles.writing import append_whole, write_whole
from ...errors import DatasetError, SinkError
from ...geometry.images import Frame
from ..numbers.events import Event
from ..settings import Evidence as Settings

LOG = logging.getLogger("edgereader")
IMAGES, READINGS, LABELS = "images", "readings.jsonl", "labels.tsv"
QUALITY = 95
"""Of the JPEG pictures, 0..100."""
BLOCK = 4096
"""Bytes that a file system gives out at a time: small files take whole blocks of a disk."""
LONGEST = 64
"""Characters of a correction."""
ROOM = 0.98
"""A full folder is emptied to this share, so that not every new picture has to look for old ones."""
SPARE_LINES = 1000
"""Readings of pictures that are gone are dropped from the file when there are so many, and as many as others."""


class Evidence:
    """The folder of a stream: keeps pictures of its events; `picture` and `correct` are for any thread."""

    name, trouble = "evidence", ""

    def __init__(self, settings: Settings) -> None:
        """Open the folder, or begin it, and go on where it was left.

        Raises:
            DatasetError: another data set is in it, or its ``labels.tsv`` is wrong.
            SinkError: another stream writes into it.
            OSError: it cannot be written.
        """
        self._keep, self._most_bytes = settings.keep, settings.max_mb * 1e6
        self._folder = Path(settings.folder)
        self._lock = threading.Lock()
        self._held = _hold(self._folder)
        try:
            self._labels = _read_labels(self._folder)
            self._bytes = _find_pictures(self._folder)
            self._total = sum(self._bytes.values())
            self.last_id = max(self._bytes, default=0)
            """That of the last event that was taken; at the start of the last one with a picture."""
            self._lines = self._drop_readings()
            self._make_room()
        except BaseException:
            self.close(0)
            raise

    def encoded(self, event: Event, crop: Frame | None) -> bytes | None:
        """Return the JPEG file of an event's picture, if it is one to keep."""
        if crop is None or self._keep == "none" or (self._keep == "unsure" and event.sure):
            return None
        return encoded(crop)

    def take(self, event: Event, picture: bytes | None) -> None:
        """Keep the picture of an event, unless it has none or is there.

        Raises:
            SinkError: the folder cannot be written now; the picture is there whole, or not at all.
        """
        try:
            with self._lock:
                if picture is not None and event.id not in self._bytes:
                    self._add(event, picture)
        except OSError as exc:
            raise SinkError(f"{self._folder}: evidence cannot be written: {exc.strerror}; check the disk") from exc
        self.last_id = max(self.last_id, event.id)

    def close(self, seconds: float) -> None:  # noqa: ARG002 - nothing waits here
        """Let go of the folder."""
        if self._held >= 0:
            os.close(self._held)
        self._held = -1

    def __contains__(self, number: object) -> bool:
        """Return whether there is a picture of an event."""
        return number in self._bytes

    def picture(self, number: int) -> bytes | None:
        """Return the JPEG file of an event's picture; None when there is none, or none any more."""
        with self._lock:
            try:
                return self._path(number).read_bytes() if number in self._bytes else None
            except FileNotFoundError:  # somebody removed it
                return None

    def correct(self, number: int, text: str) -> bool:
        """Write down what an event's picture shows, "" = no text; return whether there is a picture.

        Raises:
            DatasetError: more than 64 characters, or some that are not printable.
            OSError: the folder cannot be written.
        """
        text = text.strip()
        if len(text) > LONGEST or not text.isprintable():
            raise DatasetError(f"correction: expected at most {LONGEST} printable characters, got {text[:80]!r}")
        with self._lock:
            if number not in self._bytes:
                return False
            self._write_labels({**self._labels, number: text})
            return True

    def _add(self, event: Event, picture: bytes) -> None:
        line = msgspec.json.encode(event) + b"\n"
        size = append_whole(self._folder / READINGS, line)  # without its picture it is dropped
        try:
            write_whole(self._path(event.id), picture)
        except OSError:
            os.truncate(self._folder / READINGS, size)
            raise
        self._bytes[event.id] = _on_disk(len(picture))
        self._total += self._bytes[event.id]
        self._lines += 1
        self._make_room()
        if self._lines > 2 * len(self._bytes) + SPARE_LINES:
            self._lines = self._drop_readings()

    def _make_room(self) -> None:
        """With too many bytes, remove the oldest pictures, first those without a correction, and a few more."""
        if self._total <= self._most_bytes:
            return
        total, gone = self._total, set[int]()
        for number in sorted(self._bytes, key=lambda kept: (kept in self._labels, kept)):
            if total <= self._most_bytes * (1 if number in self._labels else ROOM):
                break
            total -= self._bytes[number]
            gone.add(number)
        if not self._labels.keys().isdisjoint(gone):
            LOG.warning("evidence: %s: corrected pictures had to go: train with them, or raise max_mb", self._folder)
            self._write_labels({number: text for number, text in self._labels.items() if number not in gone})
        for number in gone:
            self._path(number).unlink(missing_ok=True)
            self._total -= self._bytes.pop(number)

    def _drop_readings(self) -> int:
        """Leave the readings of pictures that are gone out of the file; return how many stay."""
        path = self._folder / READINGS
        lines = path.read_bytes().splitlines() if path.exists() else []
        kept = [line for line in lines if _number_of(line) in self._bytes]
        write_whole(path, b"".join(line + b"\n" for line in kept))
        return len(kept)

    def _write_labels(self, labels: dict[int, str]) -> None:
        lines = "".join(f"{IMAGES}/{number}.jpg\t{text}\t\n" for number, text in sorted(labels.items()))
        write_whole(self._folder / LABELS, lines.encode())
        self._labels = labels

    def _path(self, number: int) -> Path:
        return self._folder / IMAGES / f"{number:d}.jpg"


def encoded(crop: Frame) -> bytes:
    """Return the JPEG file of a picture (H, W, 3) uint8 BGR."""
    return cv2.imencode(".jpg", crop, (cv2.IMWRITE_JPEG_QUALITY, QUALITY))[1].tobytes()


def _hold(folder: Path) -> int:
    """Make the folder if need be and keep other streams out of it, for as long as the file descriptor is open."""
    if (folder / LABELS).exists() and not (folder / READINGS).exists():
        raise DatasetError(f"{folder}: expected a folder of evidence, got another data set; name a new folder")
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    (folder / IMAGES).mkdir(exist_ok=True)
    held = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as exc:
        os.close(held)
        raise SinkError(f"{folder}: expected a folder of its own, got that of a running stream; end that one") from exc
    return held


def _find_pictures(folder: Path) -> dict[int, int]:
    """Return the bytes on disk of each picture; empty ones, and what a killed process did not finish, are removed."""
    for path in (folder / IMAGES).glob(".*.jpg.*"):
        path.unlink()
    found = {}
    for path in (folder / IMAGES).glob("*.jpg"):
        size = path.stat().st_size
        if path.stem.isdecimal() and size:
            found[int(path.stem)] = _on_disk(size)
        elif not size:
            path.unlink()
    return found


def _read_labels(folder: Path) -> dict[int, str]:
    """Return the corrections of each picture."""
    path, labels = folder / LABELS, {}
    lines = path.read_text(encoding="utf-8").split("\n")[:-1] if path.exists() else []
    for line, label in enumerate(lines, 1):
        found = re.fullmatch(rf"{IMAGES}/(\d{{1,19}})\.jpg\t([^\t]*)\t?", label)
        if found is None:
            raise DatasetError(f"{path}:{line}: expected {IMAGES}/NUMBER.jpg, a tab and a text, got something else")
        labels[int(found[1])] = found[2]
    return labels


def _number_of(line: bytes) -> int | None:
    """Return the number of an event in JSON; None for half a line."""
    try:
        return msgspec.json.decode(line, type=Event).id
    except msgspec.MsgspecError:
        return None


def _on_disk(size: int) -> int:
    return -(-size // BLOCK) * BLOCK
