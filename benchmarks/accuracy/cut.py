"""`edgereader cut`: crops as a bundle's own detector cuts them out of labelled photos, to train its recognizer on."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import click
import numpy as np

from ...models.data.labelled_scenes import LabelledScenes
from ...models.data.labels_tsv import IGNORED, read_labels
from ...models.data.labels_writer import Row, write_labels
from ...models.data.samples import Image, Scene, Word, cut, parted
from ...runtime import Bundle, Detector
from ...runtime.geometry.images import Frame, Points, with_margin
from ...runtime.geometry.quads import overlap, sides

WHOLE, PART, NOTHING = 0.75, 0.15, 0.02
"""Shares of a word that lie in a region: from `WHOLE` on the region shows it, below `PART` it does not, between them it
is cut. A region that shares less than `NOTHING` of its own or the word's area with every word shows nothing."""
FILLED = 0.35
"""The words of a region fill at least this share of it."""


def text_of(region: Points, words: Sequence[Word]) -> str | None:
    """Return what a region (4, 2) shows of a scene's words, "" for nothing; None if it is cut, unreadable or unsure."""
    shares = [overlap(word.quad, region, "first") for word in words]
    if max((*shares, *(overlap(region, word.quad, "first") for word in words)), default=0.0) < NOTHING:
        return ""
    seen = [word for word, share in zip(words, shares, strict=True) if share >= WHOLE]
    partly = any(PART <= share < WHOLE for share in shares)
    if partly or not seen or any(word.text == IGNORED for word in seen):
        return None
    if overlap(region, np.concatenate([word.quad for word in seen]), "first") < FILLED:
        return None
    along, _ = sides(region)
    return " ".join(word.text for word in sorted(seen, key=lambda word: float(word.quad.mean(0) @ along)))


def crops_of(scene: Scene, detector: Detector, margin: float) -> Iterator[tuple[Image, str]]:
    """Yield a crop and its text for every region that the detector finds in a scene and that shows words or nothing.

    Args:
        scene: A photo with all its words.
        detector: Finds the regions.
        margin: The share of a region's height that is cut around it, as the bundle's recognizer has it.
    """
    frame: Frame = scene.image
    for region in detector.detect(frame):
        text = text_of(region.quad, scene.words)
        if text is not None:
            yield cut(scene.image, with_margin(region.quad, frame, margin)[0]), text


@click.command("cut")
@click.argument("sets", nargs=-1, required=True, type=click.Path(path_type=Path), metavar="SCENES...")
@click.option("--to", "folder", type=click.Path(path_type=Path), required=True, help="A folder that is new or empty.")
@click.option("--bundle", "name", default="digits-edge", show_default=True, help="Whose detector cuts (name, folder).")
def cut_crops(sets: tuple[Path, ...], folder: Path, name: str) -> None:
    """Cut crops out of labelled photos where a bundle's detector sees text, to train its recognizer on.

    A recognizer meets the detector's boxes, not the labels': a little turned, cut, or around nothing at all. SCENES are
    folders with labels.tsv in which all text is labelled, such as `edgereader synth scenes` writes. What training holds
    out of them is left out here too.

    Exit codes: 0 written, 2 wrong usage, bundle or data set.
    """
    bundle = Bundle.open(name)
    detector = Detector(bundle)
    opened = [LabelledScenes(read_labels(root)) for root in sets]
    places = [(scenes, int(index)) for scenes in opened for index in parted(scenes)[0]]

    def samples() -> Iterator[tuple[Image, list[Row]]]:
        with click.progressbar(places, label="cutting") as shown:
            for scenes, index in shown:
                for image, text in crops_of(scenes[index], detector, bundle.recognizer.margin):
                    yield image, [(text, None, None)]

    count = write_labels(folder, samples(), suffix=".png")
    click.echo(f"{count} crops of {len(places)} photos in {folder}")
