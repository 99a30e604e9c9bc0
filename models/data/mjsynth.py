"""MJSynth (Jaderberg et al. 2014) as it is distributed: images in folders and `annotation_*.txt`.

A line is `./3000/7/182_slinking_71711.jpg 71711`; the text is the middle part of the file name. The full training part
has 7.2 million lines, so only their offsets are held in memory, and a line is parsed when its crop is asked for.
"""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from .samples import Crop, TrainingDataError, existing, inside, read_image

FOLDER_IN_ARCHIVE = "mnt/ramdisk/max/90kDICT32px"


def find_annotation(path: Path) -> Path | None:
    """Find the annotation file: the path itself, or in the folder or in the archive's folder below it.

    Of several, `annotation_train.txt` is taken; None if there is none.
    """
    if path.is_file():
        return path if path.match("annotation*.txt") else None
    for folder in (path, path / FOLDER_IN_ARCHIVE):
        found = sorted(
            folder.glob("annotation*.txt"), key=lambda file: (file.name != "annotation_train.txt", file.name)
        )
        if found:
            return found[0]
    return None


class MJSynth:
    """The crops that one annotation file of MJSynth lists."""

    def __init__(self, path: Path) -> None:
        """Find the lines of an annotation file, or of the one in a folder.

        Raises:
            TrainingDataError: There is no annotation file, or it has no line.
        """
        self.annotation = existing(find_annotation(path) or path / "annotation_train.txt", "MJSynth's annotation file")
        contents = np.fromfile(self.annotation, np.uint8)
        ends = np.flatnonzero(contents == ord("\n"))
        if contents.size and contents[-1] != ord("\n"):
            ends = np.append(ends, contents.size)
        self.starts: NDArray[np.int64] = np.concatenate([[0], ends[:-1] + 1]) if ends.size else ends
        self.ends: NDArray[np.int64] = ends
        if not ends.size:
            raise TrainingDataError(f"{self.annotation}: expected lines `./…/1_word_2.jpg 2`, got an empty file")

    def __len__(self) -> int:
        return len(self.ends)

    def __getitem__(self, index: int, /) -> Crop:
        """Parse one line and decode its image."""
        where = f"{self.annotation}:{range(len(self))[index] + 1}"
        name = self._line(index).split(" ")[0]
        parts = Path(name).stem.split("_")
        if len(parts) < 3:
            raise TrainingDataError(
                f"{where}: expected a file name like 182_slinking_71711.jpg, got {name[:80]!r}; drop the line"
            )
        path = inside(self.annotation.parent, name, where=where)
        return read_image(path, where=where), "_".join(parts[1:-1])

    def photo(self, index: int, /) -> str:
        """Name a crop by its place, since each is drawn by itself."""
        return str(index)

    def _line(self, index: int) -> str:
        start, end = int(self.starts[index]), int(self.ends[index])
        with self.annotation.open("rb") as file:
            file.seek(start)
            return file.read(end - start).decode("utf-8", "replace").strip()
