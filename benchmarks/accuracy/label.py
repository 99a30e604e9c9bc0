"""`edgereader label`: what a reader is sure of in photos, written as labels for a person to look over."""

import shutil
from collections.abc import Callable, Iterable
from pathlib import Path

import click

from ...models.data.labels_tsv import FILE_NAME, IGNORED
from ...models.data.labels_writer import finish_labels, label_line, vacant
from ...runtime import Reader
from ...runtime.commands.batch import Outcome, find_sources, for_each
from ...runtime.commands.options import run_batch
from ...runtime.geometry.files import Photo
from ...runtime.geometry.images import Frame
from ..contenders import Found, Options, Unavailable
from ..contenders.rapid_ocr import open_contender

RAPIDOCR = "rapidocr"


class LabelFolder:
    """A data set that grows photo by photo: copies of the files, and `labels.tsv` when it is finished."""

    def __init__(self, folder: Path, least: float) -> None:
        """Start it; what is less certain than `least` (0..1) is labelled ``IGNORED``.

        Raises:
            TrainingDataError: the folder holds something already.
        """
        vacant(folder)
        self.folder, self.least = folder, least
        self.lines: list[str] = []
        self.photos = self.sure = self.unsure = 0

    def add(self, outcome: Outcome) -> None:
        """Copy a photo and note its texts; a photo that could not be read is left out.

        Raises:
            TrainingDataError: the file's name has a tab or a line break.
        """
        if outcome.error is not None:
            return
        self.photos += 1
        path = Path(outcome.path)
        name = f"images/{path.name}"
        name = f"images/{self.photos}/{path.name}" if (self.folder / name).exists() else name
        texts = [reading["text"] if reading["confidence"] >= self.least else IGNORED for reading in outcome.readings]
        rows = [(text, reading["quad"]) for text, reading in zip(texts, outcome.readings, strict=True)]
        self.lines += [label_line(name, text, quad, None) for text, quad in rows or [("", None)]]
        self.unsure += texts.count(IGNORED)
        self.sure += len(texts) - texts.count(IGNORED)
        (self.folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, self.folder / name)

    def finish(self) -> None:
        """Write the labels, if there are any."""
        if self.lines:
            finish_labels(self.folder, self.lines)


def texts_by(reader: str) -> Callable[[Frame], Iterable[Found]]:
    """Return a function that gives all text in a frame (H, W, 3) uint8 BGR: RapidOCR's, or a bundle's.

    Raises:
        click.UsageError: RapidOCR is not installed.
        BundleError: no such bundle, one without a detector, or a damaged file.
    """
    if reader == RAPIDOCR:
        try:
            return open_contender(RAPIDOCR, Options()).lines
        except Unavailable as exc:
            raise click.UsageError(str(exc)) from exc
    own = Reader(reader, find="text", min_confidence=0.0)
    return lambda frame: [Found(reading.text, reading.confidence, reading.quad) for reading in own.read(frame)]


@click.command("label")
@click.argument("paths", nargs=-1, required=True, metavar="PHOTO...")
@click.option("--to", "folder", type=click.Path(path_type=Path), required=True, help="A folder that is new or empty.")
@click.option(
    "--with",
    "reader",
    default="digits-edge",
    show_default=True,
    help="Who reads: rapidocr, or a bundle (name, folder).",
)
@click.option(
    "--min-confidence",
    "least",
    type=click.FloatRange(0, 1),
    default=0.9,
    show_default=True,
    help="What is read less certainly is labelled ###: neither learnt from nor held against a network.",
)
def label(paths: tuple[str, ...], folder: Path, reader: str, least: float) -> None:
    """Label photos with what a reader sees in them: files, folders or globs.

    The photos are copied to --to, and labels.tsv there gets a line for each text: path, text, quad. It is a start: look
    it over and correct it before `edgereader train --data` or `edgereader eval` takes it.

    Exit codes: 0 every photo was read, 1 some could not be read (listed at the end), 2 wrong usage or bundle.
    """
    if "-" in paths:
        raise click.UsageError("expected files, folders or globs, got -; standard input is no file to copy")
    sources, labels, texts = find_sources(paths), LabelFolder(folder, least), texts_by(reader)

    def look(source: str, photo: Photo) -> Outcome:
        found = [
            {"text": text.text, "confidence": text.confidence, "quad": text.quad * photo.shrunk}
            for text in texts(photo.frame)
            if text.text and text.quad is not None
        ]
        return Outcome(source, found)

    try:
        run_batch(for_each(sources, look), sources, labels.add)
    finally:
        labels.finish()
        if labels.photos:
            click.echo(
                f"{labels.photos} photos, {labels.sure} texts labelled, {labels.unsure} left as {IGNORED}; "
                f"look over and correct {folder / FILE_NAME}"
            )
