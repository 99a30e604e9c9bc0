"""Open a data set, whatever its layout: MJSynth, SynthText, LMDB, or a folder with `labels.tsv`.

| layout | told by | as crops | as scenes |
|---|---|---|---|
| MJSynth | `annotation*.txt` | its images | no |
| SynthText | `gt.mat` | its words, cut | its images |
| LMDB | `data.mdb`, in the folder or below | its images | no |
| `labels.tsv` | `labels.tsv` | its images, or the words of scenes, cut | its images |
"""

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from . import labels_tsv, lmdb_crops, synthtext
from .labelled_scenes import LabelledScenes, SceneCrops
from .labels_tsv import LabelledCrops, is_scene_set, read_labels
from .lmdb_crops import LmdbCrops
from .mjsynth import MJSynth, find_annotation
from .samples import Crop, Crops, Scenes, TrainingDataError
from .synthtext import SynthText

LAYOUTS = "labels.tsv, data.mdb (LMDB), gt.mat (SynthText) or annotation*.txt (MJSynth)"


def open_crops(path: Path) -> Crops:
    """Open a data set as word crops for the recognizer.

    Raises:
        TrainingDataError: The path has none of the layouts, or its files are wrong.
    """
    root = path.parent if path.name in {labels_tsv.FILE_NAME, lmdb_crops.FILE_NAME} else path
    if (root / labels_tsv.FILE_NAME).is_file():
        labels = read_labels(root)
        return SceneCrops(LabelledScenes(labels)) if is_scene_set(root, labels) else LabelledCrops(labels)
    if path.suffix == ".mat" or (path / synthtext.FILE_NAME).is_file():
        return SceneCrops(SynthText(path))
    if find_annotation(path):
        return MJSynth(path)
    databases = sorted(file.parent for file in root.rglob(lmdb_crops.FILE_NAME)) if root.is_dir() else []
    if databases:
        return Joined([LmdbCrops(folder) for folder in databases])
    raise _unknown(path, LAYOUTS)


def open_scenes(path: Path) -> Scenes:
    """Open a data set as whole images for the detector.

    Raises:
        TrainingDataError: The path is neither SynthText nor a `labels.tsv` folder with boxes, or its files are wrong.
    """
    root = path.parent if path.name == labels_tsv.FILE_NAME else path
    if (root / labels_tsv.FILE_NAME).is_file():
        return LabelledScenes(read_labels(root))
    if path.suffix == ".mat" or (path / synthtext.FILE_NAME).is_file():
        return SynthText(path)
    raise _unknown(path, "labels.tsv with boxes, or gt.mat (SynthText): the detector learns from whole images")


def _unknown(path: Path, expected: str) -> TrainingDataError:
    got = "a folder without it" if path.is_dir() else "another file" if path.exists() else "nothing there"
    return TrainingDataError(f"{path}: expected {expected}, got {got}; give the folder that holds it")


class Sturdy:
    """Crops, of which a few may be broken: each is reported, and the next one is given instead.

    MJSynth and the like have some broken images among millions, and a run of hours should not end at one.
    """

    def __init__(self, crops: Crops, name: str, report: Callable[[str], None]) -> None:
        """Wrap crops; `name` is for the message when too many are broken."""
        self.crops, self.name, self.report = crops, name, report
        self.asked, self.broken = 0, 0

    def __len__(self) -> int:
        return len(self.crops)

    def __getitem__(self, index: int, /) -> Crop:
        """Decode one crop, or the first readable one after it.

        Raises:
            TrainingDataError: More than 20 crops, and more than 1 % of those asked for, are broken.
        """
        for number in range(index, index + len(self)):
            self.asked += 1
            try:
                return self.crops[number % len(self)]
            except TrainingDataError as exc:
                self._leave_out(exc)
        raise TrainingDataError(f"{self.name}: expected readable crops, got none; the messages before say why")

    def photo(self, index: int, /) -> str:
        """Name the photo of a crop."""
        return self.crops.photo(index)

    def _leave_out(self, exc: TrainingDataError) -> None:
        self.broken += 1
        self.report(f"left out: {exc}")
        if self.broken >= 20 and self.broken > self.asked / 100:
            raise TrainingDataError(
                f"{self.name}: expected readable crops, got {self.broken} broken ones of {self.asked}; the last: {exc}"
            ) from exc


class Joined:
    """Several sets of crops as one."""

    def __init__(self, parts: Sequence[Crops]) -> None:
        """Put the parts one after the other."""
        self.parts = list(parts)
        self.ends = np.cumsum([len(part) for part in parts])

    def __len__(self) -> int:
        return int(self.ends[-1])

    def __getitem__(self, index: int, /) -> Crop:
        """Decode one crop of one part."""
        part, place = self._place(index)
        return self.parts[part][place]

    def photo(self, index: int, /) -> str:
        """Name the photo of a crop of one part."""
        part, place = self._place(index)
        return f"{part} {self.parts[part].photo(place)}"

    def _place(self, index: int) -> tuple[int, int]:
        position = range(len(self))[index]
        part = int(np.searchsorted(self.ends, position, side="right"))
        return part, position - int(self.ends[part])
