"""What a labelled data set is, whatever its layout."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from ..runtime.geometry.files import read_photo
from ..runtime.geometry.images import Frame

Kind = Literal["crops", "scenes"]
KINDS: tuple[Kind, ...] = ("crops", "scenes")


@dataclass(frozen=True)
class LabelledImage:
    """One image and what it shows."""

    path: Path
    """The image file; in an LMDB, its folder and the crop's key."""
    texts: tuple[str, ...]
    """The labels that have a text, in the order of the file; one label for a crop."""
    quads: tuple[NDArray[np.float32] | None, ...]
    """For each text its box or polygon, float32 (n, 2), n ≥ 3, pixels, or None: tells why a number was missed, and is
    what the boxes of readings are compared with."""


def load_photo(path: Path) -> Frame:
    """Read a picture as `edgereader read` does."""
    return read_photo(path).frame


@dataclass(frozen=True)
class LabelledSet:
    """A folder of labelled images."""

    name: str
    """The folder's name, with `:held-out` behind it if it is that part."""
    root: Path
    """The folder."""
    kind: Kind
    """`crops`: an image is one number, cut out; `scenes`: an image is a whole photo."""
    images: tuple[LabelledImage, ...]
    """At least one."""
    part: str | None = None
    """What of the folder this is, in words; None for the whole."""
    load: Callable[[Path], Frame] = load_photo
    """Decodes an image of the set by its path: uint8 (H, W, 3), BGR."""
