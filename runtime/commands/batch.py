"""Many pictures: find, read, go on when one fails, report; what ``edgereader read`` does."""

import sys
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import click
import cv2
import msgspec

from ..bundles.writing import write_whole
from ..detector import Sight
from ..errors import ImageError, one_line
from ..geometry.files import Photo, decode_photo, find_photos, read_photo, read_picture
from ..geometry.images import Frame
from ..reader import Reader, Reading

PROGRESS_S = 5.0
"""On a long run a line says so often how far it is."""
VALUE = 10
"""Width of a table's column of values, characters."""
STDIN = "standard input"
DRAWABLE = (".jpg", ".jpeg", ".png")
"""Annotated pictures keep these suffixes; others become .png."""


@dataclass(frozen=True)
class Outcome:
    """What became of one picture."""

    path: str
    """The file, or "-"."""
    readings: list[dict[str, Any]]
    """For each reading its text and confidence, and more that depends on the command."""
    error: str | None = None
    """Why the picture could not be read."""
    sight: Sight | None = None
    """How small a text can be read, the file's pixels; None = it was not looked for."""
    unsaved: str | None = None
    """Why the annotated picture could not be written."""

    @property
    def overlooked(self) -> bool:
        """Whether nothing was read in a picture that was seen smaller than it is."""
        return not self.readings and self.sight is not None and self.sight.full_size_px is not None


def find_sources(paths: Iterable[str]) -> list[str | ImageError]:
    """Return the files that arguments mean, "-" for standard input, and an error for what means no picture."""
    sources: list[str | ImageError] = []
    for path in paths:
        try:
            sources.extend([path] if path == "-" else map(str, find_photos(path)))
        except ImageError as exc:
            sources.append(exc)
    return sources


def read_all(
    reader: Reader, sources: Sequence[str | ImageError], *, crops: bool = False, save: Path | None = None
) -> Iterator[Outcome]:
    """Read picture after picture; one that fails becomes an outcome with an error.

    Args:
        reader: what reads.
        sources: files, "-", or errors found earlier.
        crops: the pictures are already cut to one number each.
        save: folder for annotated pictures, or None.
    """
    saver = None if save is None else Saver(save, sources)
    return for_each(sources, lambda source, photo: _read(reader, source, photo, crops, saver))


def for_each(sources: Iterable[str | ImageError], work: Callable[[str, Photo], Outcome]) -> Iterator[Outcome]:
    """Load picture after picture and work on it; one that fails becomes an outcome with an error."""
    for source in sources:
        try:
            if isinstance(source, ImageError):
                raise source
            yield work(source, _load(source))
        except ImageError as exc:
            yield Outcome("" if isinstance(source, ImageError) else source, [], one_line(exc))


def sight_of(reader: Reader, photo: Photo) -> Sight:
    """Return how small a text a reader can read in a photo, in its file's pixels."""
    sight = reader.sight(photo.frame)
    return replace(sight, smallest_text_px=sight.smallest_text_px * photo.shrunk)


def _load(source: str) -> Photo:
    if source == "-":
        return decode_photo(read_picture(sys.stdin.buffer, STDIN), STDIN)
    return read_photo(Path(source))


def _read(reader: Reader, source: str, photo: Photo, crops: bool, save: "Saver | None") -> Outcome:  # noqa: FBT001
    if crops:
        (text,) = reader.recognize([photo.frame])
        value = reader.alphabet.notation.value_of(text.text) if text.accepted else None
        read = {"text": text.text, "value": value, "confidence": text.confidence, "accepted": text.accepted}
        return Outcome(source, [read])
    readings = reader.read(photo.frame)
    name = Path("stdin.png" if source == "-" else source)
    unsaved = None if save is None else save.annotated(photo.frame, readings, name)
    return Outcome(source, described(readings, photo.shrunk), sight=sight_of(reader, photo), unsaved=unsaved)


def described(readings: Iterable[Reading], shrunk: int = 1) -> list[dict[str, Any]]:
    """Return readings as JSON has them; quads are multiplied by the photo's ``shrunk``, so that they fit its file."""
    return [
        {
            "text": reading.text,
            "value": reading.value,
            "confidence": reading.confidence,
            "quad": (reading.quad * shrunk).tolist(),
            "characters": [(one.quad * shrunk).tolist() for one in reading.characters],
            "confidences": [one.confidence for one in reading.characters],
            "peaks": reading.peaks,
            "agrees": reading.agrees,
            "ambiguous_rotation": reading.ambiguous_rotation,
        }
        for reading in readings
    ]


class Saver:
    """Writes pictures to a folder under their sources' names; a name that is a source or used before gets a number."""

    def __init__(self, folder: Path, sources: Iterable[str | ImageError]) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder.resolve()
        self._taken = {Path(source).resolve() for source in sources if isinstance(source, str)}

    def annotated(self, frame: Frame, readings: Sequence[Reading], source: Path) -> str | None:
        """Write a picture with its readings, whole or not at all and never over a source; return why it cannot be."""
        from ..geometry.drawing import annotated

        suffix = source.suffix if source.suffix.lower() in DRAWABLE else ".png"
        target, count = self._folder / (source.stem + suffix), 1
        while target in self._taken:
            count += 1
            target = self._folder / f"{source.stem}-{count}{suffix}"
        self._taken.add(target)
        try:
            write_whole(target, cv2.imencode(suffix, annotated(frame, readings))[1].tobytes(), sync=False)
        except OSError as exc:
            return f"{target}: expected to write a picture, got: {exc.strerror}; make room, or name another folder"
        return None


def write_json(outcome: Outcome) -> None:
    """Print one line of JSON: path, readings and the height of the smallest text that is read, or path and error."""
    found: dict[str, Any] = {"readings": outcome.readings} if outcome.error is None else {"error": shown(outcome.error)}
    if outcome.sight is not None:
        found["smallest_text_px"] = round(outcome.sight.smallest_text_px, 1)
    if outcome.unsaved is not None:
        found["unsaved"] = shown(outcome.unsaved)
    click.echo(msgspec.json.encode({"path": shown(outcome.path), **found}).decode())


def shown(name: str) -> str:
    """Return a file name as text: each byte that is no UTF-8 as its code, a backslash and x before it."""
    return name.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")


def write_table(sources: Sequence[str | ImageError]) -> Callable[[Outcome], None]:
    """Print the head of a table; return what prints the rows of an outcome."""
    width = first_column(sources)
    click.echo(f"{'picture':{width}}  confidence  {'value':>{VALUE}}  reading")

    def write(outcome: Outcome) -> None:
        path = shown(outcome.path)
        for reading in outcome.readings:
            value = "-" if reading["value"] is None else str(reading["value"])
            head = f"{path:{width}}  {reading['confidence']:>10.0%}  {value:>{VALUE}}"
            click.echo(f"{head}  {reading['text']}{_remarks(reading)}")
        if not outcome.readings:
            click.echo(f"{path:{width}}  {'':>10}  {'':>{VALUE}}  {nothing(outcome)}")

    return write


def nothing(outcome: Outcome) -> str:
    """Return what a table says of a picture without readings."""
    if outcome.error is not None:
        return "cannot be read"
    if outcome.sight is not None and outcome.overlooked:
        return f"-  (text below {outcome.sight.smallest_text_px:.0f} px is too small to be read)"
    return "-"


def first_column(sources: Iterable[str | ImageError]) -> int:
    """Return the width of a table's column of pictures, in characters."""
    return max([len(shown(source)) for source in sources if isinstance(source, str)] + [len("picture")])


def _remarks(reading: dict[str, Any]) -> str:
    """Return what to know about a reading, in brackets behind it; mostly nothing."""
    remarks = [] if reading.get("agrees", True) else [f"{reading['peaks']} characters seen"]
    remarks += ["maybe upside down"] if reading.get("ambiguous_rotation") else []
    return f"  ({', '.join(remarks)})" if remarks else ""


def with_progress(outcomes: Iterable[Outcome], total: int) -> Iterator[Outcome]:
    """Pass outcomes on; every ``PROGRESS_S`` seconds a line on stderr says how many there were."""
    start = said = time.monotonic()
    for count, outcome in enumerate(outcomes, 1):
        yield outcome
        now = time.monotonic()
        if now - said >= PROGRESS_S:
            said = now
            click.echo(f"{count} of {total} pictures, {count / (now - start):.1f} a second", err=True)
