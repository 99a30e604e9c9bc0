"""SynthText (Gupta et al. 2016) as it is distributed: images in folders and one `gt.mat`.

`imnames` names the images; `wordBB` has the corners of n words, (2, 4, n), or (2, 4) where n is 1; `charBB` those of
all characters without spaces; `txt` the lines of text, with blanks and line breaks, to be split into words.
"""

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .samples import Scene, TrainingDataError, Word, existing, inside, read_image

FILE_NAME = "gt.mat"
FIELDS = ("imnames", "wordBB", "charBB", "txt")


class SynthText:
    """The images of SynthText with the quads of their words and characters."""

    def __init__(self, path: Path) -> None:
        """Load `gt.mat`, or the one in a folder; the full one takes about 10 GB of memory.

        Raises:
            TrainingDataError: The file is missing, is no MATLAB file, or lacks a field.
        """
        self.annotation = existing(path if path.suffix == ".mat" else path / FILE_NAME, f"SynthText's {FILE_NAME}")
        fields = _load(self.annotation)
        self.names, self.words, self.characters, self.texts = (fields[name].ravel() for name in FIELDS)
        sizes = {name: fields[name].size for name in FIELDS}
        if len(set(sizes.values())) != 1 or not self.names.size:
            raise TrainingDataError(
                f"{self.annotation}: expected as many entries in each field, got {sizes}; download it again"
            )

    def __len__(self) -> int:
        return len(self.names)

    def __getitem__(self, index: int, /) -> Scene:
        """Decode one image with its words."""
        where = f"{self.annotation}: image {range(len(self))[index] + 1}"
        texts, quads, characters = self.labels(index)
        image = read_image(inside(self.annotation.parent, _text(self.names[index]), where=where), where=where)
        splits = np.cumsum([len(text) for text in texts])[:-1]
        return Scene(image, [Word(*word) for word in zip(texts, quads, np.split(characters, splits), strict=True)])

    def photo(self, index: int, /) -> str:
        """Name one image: its path."""
        return _text(self.names[index])

    def count_words(self, index: int) -> int:
        """Count the words of one image without decoding it, by the shape of its `wordBB`."""
        shape = np.shape(self.words[index])
        return shape[2] if len(shape) == 3 else 1

    def labels(self, index: int) -> tuple[list[str], NDArray[np.float32], NDArray[np.float32]]:
        """Give the words of one image, their quads (n, 4, 2) and those of their characters (m, 4, 2), in pixels.

        Raises:
            TrainingDataError: Words, characters and quads do not fit together.
        """
        where = f"{self.annotation}: image {range(len(self))[index] + 1}"
        texts = " ".join(map(_text, np.ravel(self.texts[index]))).split()
        quads = _quads(self.words[index], len(texts), "wordBB", where)
        characters = _quads(self.characters[index], sum(map(len, texts)), "charBB", where)
        return texts, quads, characters


def _load(path: Path) -> dict[str, NDArray[Any]]:
    from scipy.io import loadmat

    try:
        contents = loadmat(path, variable_names=FIELDS)
    except Exception as exc:  # scipy raises what the bytes lead it to, from TypeError to zlib.error
        raise TrainingDataError(
            f"{path}: expected a MATLAB file of version 5, got: {str(exc)[:120]}; download it again"
        ) from exc
    missing = [name for name in FIELDS if name not in contents]
    if missing:
        raise TrainingDataError(f"{path}: expected the fields {', '.join(FIELDS)}, got none named {', '.join(missing)}")
    return {name: np.asarray(contents[name]) for name in FIELDS}


def _quads(corners: Any, count: int, field: str, where: str) -> NDArray[np.float32]:
    array = np.asarray(corners)
    shape = array.shape
    if array.dtype.kind in "fiu" and array.ndim == 2:
        array = array[:, :, np.newaxis]
    if array.dtype.kind not in "fiu" or array.shape != (2, 4, count):
        raise TrainingDataError(
            f"{where}: expected {field} of shape (2, 4, {count}), as txt has it, got {shape}; drop the image"
        )
    return np.ascontiguousarray(array.transpose(2, 1, 0), np.float32)


def _text(value: Any) -> str:
    return str(np.ravel(value)[0]) if np.size(value) else ""
