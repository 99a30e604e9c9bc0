"""Write generated crops and scenes as data sets; sample number n depends on the seed and n alone."""

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import numpy as np

from ..data.labels_tsv import IGNORED
from ..data.labels_writer import Row, write_labels
from ..data.lmdb_crops import write_lmdb
from ..data.samples import Crop, Image

Progress = Callable[[Iterable[int]], Iterable[int]]


def write_crops(
    folder: Path, count: int, seed: int, *, hard: float = 1.0, lmdb: bool = False, progress: Progress = iter
) -> int:
    """Draw crops into a new or empty folder, with `labels.tsv` or as an LMDB; return how many.

    The same seed gives the same crops, on a machine with the same fonts; labels are in lower case. `hard` 0..1: from
    clean print to all that cameras meet. `progress` wraps the numbers, to show how far it is.

    Raises:
        TrainingDataError: The folder holds something, or no font is installed.
    """
    from .crops import CropMaker

    maker = CropMaker()

    def crops() -> Iterator[Crop]:
        for number in progress(range(count)):
            rng = np.random.default_rng([seed, number])
            crop = maker.make(rng, hard=hard)
            while not crop[1]:  # a crop with nothing to read is of use in a training run alone
                crop = maker.make(rng, hard=hard)
            yield crop[0], crop[1].lower()

    if lmdb:
        return write_lmdb(folder, crops())
    return write_labels(folder, ((image, [(text, None, None)]) for image, text in crops()), suffix=".png")


def write_scenes(
    folder: Path, count: int, seed: int, *, hw: tuple[int, int] = (720, 1280), progress: Progress = iter
) -> int:
    """Draw scenes into a new `labels.tsv` folder, with the quads of words and characters.

    Words too small to be read are labelled `###`. The other arguments, returns and errors are those of `write_crops`.
    """
    from .scenes import installed_stock, make_scene

    stock = installed_stock()

    def scenes() -> Iterator[tuple[Image, list[Row]]]:
        for number in progress(range(count)):
            scene = make_scene(np.random.default_rng([seed, number]), hw, stock=stock)
            rows: list[Row] = [
                (IGNORED, word.quad, None) if word.ignored else (word.text, word.quad, word.char_quads)
                for word in scene.words
            ]
            yield scene.image, rows

    return write_labels(folder, scenes(), suffix=".jpg")
