"""What stands behind the text: photographs of Debian's wallpaper packages, cut and recoloured, and drawn textures."""

from collections.abc import Sequence
from functools import cache
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from .textures import TEXTURES, Generator, Image

FOLDERS = (Path("/usr/share/wallpapers"), Path("/usr/share/backgrounds"))
"""Where plasma-workspace-wallpapers, gnome-backgrounds, mate-backgrounds and ukui-wallpapers put their photographs."""
SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".webp"})
LONG_SIDE_PX = 1600
LETTERED = ("screenshot", "debian", "logo", "ubuntu", "2004default", "firstgeneration")
"""Parts of paths of pictures that show writing or a logo."""


class Backgrounds:
    """A pool of photographs, read when first drawn and kept small in memory, and textures beside them."""

    def __init__(self, paths: Sequence[Path], *, photo_share: float = 0.55) -> None:
        """Take the photographs' paths; without any, all backgrounds are textures."""
        self.paths = list(paths)
        self.photo_share = photo_share if self.paths else 0.0
        self._photos: dict[Path, Image] = {}

    def draw(self, rng: Generator, hw: tuple[int, int]) -> Image:
        """Draw a background uint8 (H, W, 3), BGR, of this size, without any label of text."""
        if rng.random() < self.photo_share:
            image = self._cut(rng, hw)
            return recolour(rng, image) if rng.random() < 0.7 else image
        names = list(TEXTURES)
        return TEXTURES[names[int(rng.integers(len(names)))]](rng, hw)

    def _cut(self, rng: Generator, hw: tuple[int, int]) -> Image:
        photo = self._photo(self.paths[int(rng.integers(len(self.paths)))])
        scale = np.exp(rng.uniform(np.log(0.5), np.log(3)))
        scale = min(scale, photo.shape[0] / hw[0], photo.shape[1] / hw[1])
        height, width = (int(side * scale) for side in hw)
        y = int(rng.integers(0, photo.shape[0] - height + 1))
        x = int(rng.integers(0, photo.shape[1] - width + 1))
        cut = photo[y : y + height, x : x + width]
        if rng.random() < 0.5:
            cut = cut[:, ::-1]
        method = cv2.INTER_AREA if scale > 1 else cv2.INTER_LINEAR
        return np.asarray(cv2.resize(cut, hw[::-1], interpolation=method), np.uint8)

    def _photo(self, path: Path) -> Image:
        if path not in self._photos:
            image = cv2.imread(str(path), cv2.IMREAD_COLOR)
            if image is None:
                raise ValueError(f"{path}: expected a photograph that OpenCV reads, got another file; reinstall it")
            scale = LONG_SIDE_PX / max(image.shape[:2])
            self._photos[path] = np.asarray(cv2.resize(image, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA))
        return self._photos[path]


def recolour(rng: Generator, image: Image) -> Image:
    """Change an image's contrast, brightness and colour cast at random."""
    gain, shift = rng.uniform(0.4, 1.3) * rng.uniform(0.85, 1.15, 3), rng.uniform(-50, 50)
    table = np.clip(np.arange(256)[:, np.newaxis] * gain + shift, 0, 255).astype(np.uint8)
    return np.asarray(cv2.LUT(image, table[np.newaxis]), np.uint8)


@cache
def installed_backgrounds(limit: int = 64) -> Backgrounds:
    """Pool the installed wallpapers, one size of each, at most `limit`; only textures where none is installed."""
    found = [path for folder in FOLDERS for path in sorted(folder.rglob("*")) if path.suffix.lower() in SUFFIXES]
    titles: dict[str, Path] = {}
    for path in found:
        if not any(part in str(path).lower() for part in LETTERED):
            titles.setdefault(_title(path), path)
    paths = list(titles.values())
    return Backgrounds([paths[i] for i in np.linspace(0, len(paths) - 1, min(limit, len(paths))).astype(int)])


def _title(path: Path) -> str:
    """The wallpaper's name: the folder above `contents` where sizes lie side by side, or the file's own path."""
    parts = path.parts
    return parts[parts.index("contents") - 1] if "contents" in parts else str(path.with_suffix(""))


def mean_colour(image: Image) -> NDArray[np.float64]:
    """The mean colour (3,) of an image, BGR."""
    return np.asarray(image.reshape(-1, 3).mean(0), np.float64)
