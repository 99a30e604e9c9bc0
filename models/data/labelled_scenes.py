"""Scenes of a `labels.tsv` folder for the detector, and the words of scenes, cut, for the recognizer."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from .labels_tsv import IGNORED, Label, by_image
from .samples import Crop, Scene, TrainingDataError, Word, cut, read_image
from .synthtext import SynthText


class LabelledScenes:
    """The images of a `labels.tsv` folder with the words that have a box."""

    def __init__(self, labels: Sequence[Label]) -> None:
        """Take the lines that `read_labels` gave. Raise TrainingDataError if one has a text but no box."""
        self.images = by_image(labels)
        bare = next((label for labels in self.images for label in labels if label.text and label.quad is None), None)
        if bare:
            raise TrainingDataError(
                f"{bare.where}: expected a box for {bare.text!r}, got none; add one, or train crops"
            )

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, index: int, /) -> Scene:
        """Decode one image with its words; where a line has no character quads, the box is divided evenly."""
        labels = self.images[index]
        return Scene(
            read_image(labels[0].path, where=labels[0].where), [_word(label) for label in labels if label.text]
        )

    def photo(self, index: int, /) -> str:
        """Name one image: its file's name."""
        return self.images[index][0].path.name

    def count_words(self, index: int) -> int:
        """Count the words of one image without decoding it."""
        return sum(bool(label.text) for label in self.images[index])


def _word(label: Label) -> Word:
    quad = np.asarray(label.quad, np.float32)
    count = len("".join(label.text.split()))
    characters = divided(quad, count) if label.characters is None else label.characters
    return Word(label.text, quad, characters, ignored=label.text == IGNORED)


def divided(quad: NDArray[np.float32], count: int) -> NDArray[np.float32]:
    """Divide the quad of a word (4, 2) evenly along its reading direction, to (count, 4, 2) float32."""
    steps = np.linspace(0, 1, count + 1, dtype=np.float32)[:, np.newaxis]
    top = quad[0] + steps * (quad[1] - quad[0])
    bottom = quad[3] + steps * (quad[2] - quad[3])
    return np.stack([top[:-1], top[1:], bottom[1:], bottom[:-1]], axis=1).astype(np.float32)


class SceneCrops:
    """The words of scenes, cut upright; unreadable ones keep their text `###`, which no charset holds."""

    def __init__(self, scenes: LabelledScenes | SynthText) -> None:
        """Count the words of each scene, without decoding any."""
        self.scenes = scenes
        self.ends = np.cumsum([scenes.count_words(index) for index in range(len(scenes))])
        self._last: tuple[int, Scene] | None = None

    def __len__(self) -> int:
        return int(self.ends[-1])

    def __getitem__(self, index: int, /) -> Crop:
        """Decode one scene, or take the one decoded last, and cut one word."""
        position = range(len(self))[index]
        number = self._scene_of(position)
        if self._last is None or self._last[0] != number:
            self._last = number, self.scenes[number]
        scene = self._last[1]
        word = scene.words[position - int(self.ends[number])]
        return cut(scene.image, word.quad), word.text

    def photo(self, index: int, /) -> str:
        """Name the scene that a word is from."""
        return self.scenes.photo(self._scene_of(index))

    def _scene_of(self, position: int) -> int:
        return int(np.searchsorted(self.ends, position, side="right"))
