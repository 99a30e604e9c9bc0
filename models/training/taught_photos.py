"""Photos for the detector of which nobody labelled all text: a trained detector says where the rest of it is.

Learning from another network's output is distillation (Hinton et al., 2015).
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import numpy as np
from numpy.typing import NDArray

from ..data.labelled_scenes import LabelledScenes
from ..data.labels_tsv import FILE_NAME, read_labels
from ..data.samples import Image, Scene, TrainingDataError, read_image

if TYPE_CHECKING:
    from .distillation import Teacher

LONG_SIDE_PX = 1024
"""Photos are brought to this long side, and enlarged by half at most, before a teacher looks at them."""
SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".webp", ".bmp", ".tif", ".tiff"})


class UnlabelledScenes:
    """The photos in a folder and below it, none of whose words is labelled."""

    def __init__(self, folder: Path) -> None:
        """Find the photos. Raise TrainingDataError if there is none."""
        self.folder = folder
        self.paths = sorted(path for path in folder.rglob("*") if path.suffix.lower() in SUFFIXES)
        if not self.paths:
            raise TrainingDataError(
                f"{folder}: expected photos ({', '.join(sorted(SUFFIXES))}), got none; give another"
            )

    def __len__(self) -> int:
        return len(self.paths)

    def __getitem__(self, index: int, /) -> Scene:
        """Decode one photo."""
        return Scene(read_image(self.paths[index], where=str(self.folder)), [])

    def photo(self, index: int, /) -> str:
        """Name one photo: its path in the folder."""
        return str(self.paths[index].relative_to(self.folder))


class TaughtPhotos:
    """Photos with what a teacher sees in them, computed once and kept; where words are labelled, the labels count."""

    def __init__(self, folder: Path, teacher: Teacher, cache: Path, report: Callable[[str], None]) -> None:
        """Let the teacher look at each photo that it has not seen yet; report a line every fifty photos.

        Of a folder with a `labels.tsv` that has boxes, the labelled photos count. `cache` keeps what it saw: a PNG a
        photo, named by the photo's bytes and the teacher's, so that a run that was ended goes on where it was.

        Raises:
            TrainingDataError: There are no photos, or one of them cannot be read.
        """
        labelled = (folder / FILE_NAME).is_file()
        self.scenes = LabelledScenes(read_labels(folder)) if labelled else UnlabelledScenes(folder)
        self.teacher, self.cache = teacher, cache
        cache.mkdir(parents=True, exist_ok=True)
        for index in range(len(self)):
            if index % 50 == 0:
                report(f"{folder}: {index} of {len(self)} photos looked at by {teacher.checkpoint.name}")
            self[index]

    def __len__(self) -> int:
        return len(self.scenes)

    def photo(self, index: int, /) -> str:
        """Name one photo."""
        return self.scenes.photo(index)

    def __getitem__(self, index: int, /) -> Scene:
        """Decode one photo, at the size at which the teacher saw it, with its words and the teacher's maps."""
        scene = self.scenes[index]
        height, width = scene.image.shape[:2]
        scale = min(LONG_SIDE_PX / max(height, width), 1.5)
        size_wh = max(2, round(width * scale / 2) * 2), max(2, round(height * scale / 2) * 2)
        method = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
        image = np.asarray(cv2.resize(scene.image, size_wh, interpolation=method), np.uint8)
        scale_xy = np.array([size_wh[0] / width, size_wh[1] / height], np.float32)
        words = [
            replace(word, quad=word.quad * scale_xy, char_quads=word.char_quads * scale_xy) for word in scene.words
        ]
        return Scene(image, words, self._maps(image))

    def _maps(self, image: Image) -> NDArray[np.uint8]:
        digest = hashlib.sha256(image.tobytes() + self.teacher.digest.encode()).hexdigest()
        path = self.cache / f"{digest[:32]}.png"
        if not path.exists():
            maps = self.teacher.look(image)
            part = path.with_suffix(".part.png")
            cv2.imwrite(str(part), np.dstack([maps, np.zeros_like(maps[..., :1])]))
            part.replace(path)
        return np.ascontiguousarray(read_image(path, where=str(self.cache))[..., :2])
