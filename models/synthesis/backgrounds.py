"""What stands behind the text: photographs of Debian's wallpaper packages, cut and recoloured, and drawn textures.

Textures tempt a text detector and have no letter or digit. Each takes a generator and a size (H, W) and returns
uint8 (H, W, 3), BGR.
"""

from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from ..data.samples import Image

Generator = np.random.Generator
Colour = tuple[int, int, int]

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
    """Return the wallpaper's name: the folder above `contents` where sizes lie side by side, or the file's own path."""
    parts = path.parts
    return parts[parts.index("contents") - 1] if "contents" in parts else str(path.with_suffix(""))


def plain(rng: Generator, hw: tuple[int, int]) -> Image:
    """Draw a wall: a slow gradient between two near colours."""
    low = rng.uniform(0, 225, 3)
    corners = np.clip(low + rng.normal(0, 25, (2, 2, 3)), 0, 255).astype(np.float32)
    return np.asarray(cv2.resize(corners, hw[::-1], interpolation=cv2.INTER_LINEAR), np.uint8)


def clouds(rng: Generator, hw: tuple[int, int]) -> Image:
    """Draw stains and grain: noise of three sizes."""
    image = plain(rng, hw).astype(np.float32)
    for cells in (3, 12, 60):
        grains = rng.normal(0, rng.uniform(2, 22), (cells, cells, 1 if rng.random() < 0.7 else 3)).astype(np.float32)
        wide = np.asarray(cv2.resize(grains, hw[::-1], interpolation=cv2.INTER_CUBIC), np.float32)
        image += wide.reshape(*hw, -1)
    return np.asarray(np.clip(image, 0, 255), np.uint8)


def stripes(rng: Generator, hw: tuple[int, int]) -> Image:
    """Draw straight or wavy stripes at any angle and spacing."""
    angle, spacing = rng.uniform(0, np.pi), np.exp(rng.uniform(np.log(4), np.log(60)))
    y, x = np.ogrid[: hw[0], : hw[1]]
    phase = (x * np.cos(angle) + y * np.sin(angle)) * 2 * np.pi / spacing
    phase = phase + rng.uniform(0, 2) * np.sin(y * rng.uniform(0.01, 0.08)) * (rng.random() < 0.3)
    mix = np.clip(rng.uniform(1, 8) * (np.sin(phase) - rng.uniform(-0.8, 0.8)), -0.5, 0.5)[..., np.newaxis] + 0.5
    return np.asarray(plain(rng, hw) * mix + clouds(rng, hw) * (1 - mix), np.uint8)


def fence(rng: Generator, hw: tuple[int, int]) -> Image:
    """Draw bars in front of something: upright rods, a few of them crossed."""
    image = clouds(rng, hw)
    colour, width, spacing = ink(rng), int(rng.integers(1, 8)), int(rng.integers(8, 40))
    for x in range(int(rng.integers(0, spacing)), hw[1], spacing):
        cv2.line(image, (x, 0), (x + int(rng.integers(-2, 3)), hw[0]), colour, width, cv2.LINE_AA)
    for y in rng.integers(0, hw[0], int(rng.integers(0, 4))):
        cv2.line(image, (0, int(y)), (hw[1], int(y)), colour, width + 1, cv2.LINE_AA)
    return image


def grid(rng: Generator, hw: tuple[int, int]) -> Image:
    """Draw tiles, nets and shelves: two families of lines."""
    image = clouds(rng, hw)
    colour, step = ink(rng), rng.integers(8, 70, 2)
    lean = int(rng.integers(-30, 31)) if rng.random() < 0.5 else 0
    for x in range(-abs(lean), hw[1] + abs(lean), int(step[0])):
        cv2.line(image, (x, 0), (x + lean, hw[0]), colour, int(rng.integers(1, 4)), cv2.LINE_AA)
    for y in range(-abs(lean), hw[0] + abs(lean), int(step[1])):
        cv2.line(image, (0, y), (hw[1], y - lean), colour, int(rng.integers(1, 4)), cv2.LINE_AA)
    return image


def bricks(rng: Generator, hw: tuple[int, int]) -> Image:
    """Draw a brick wall in running bond."""
    image, base = clouds(rng, hw), rng.uniform(30, 220, 3)
    height, joint = int(rng.integers(8, 40)), int(rng.integers(1, 5))
    width = int(height * rng.uniform(1.5, 3.5))
    for row, y in enumerate(range(0, hw[0], height + joint)):
        for x in range(-(row % 2) * width // 2, hw[1], width + joint):
            shade = _colour(base + rng.normal(0, 14))
            cv2.rectangle(image, (x, y), (x + width, y + height), shade, -1)
    return image


def foliage(rng: Generator, hw: tuple[int, int]) -> Image:
    """Draw leaves, gravel or a crowd: hundreds of small blobs and strokes."""
    image, base, size = clouds(rng, hw), rng.uniform(10, 200, 3), rng.uniform(2, 14)
    for _ in range(int(rng.integers(150, 500))):
        centre = int(rng.integers(0, hw[1])), int(rng.integers(0, hw[0]))
        axes = 1 + int(rng.exponential(size)), 1 + int(rng.exponential(size / 2))
        colour = _colour(base * rng.uniform(0.3, 1.5) + rng.normal(0, 12, 3))
        cv2.ellipse(image, centre, axes, float(rng.uniform(0, 180)), 0, 360, colour, -1)
    return image


def circles(rng: Generator, hw: tuple[int, int]) -> Image:
    """Draw wheels, lamps, buttons: discs, rings and arcs, which look like 0, O and C."""
    image = clouds(rng, hw)
    for _ in range(int(rng.integers(2, 30))):
        centre = int(rng.integers(0, hw[1])), int(rng.integers(0, hw[0]))
        radius, thickness = int(rng.exponential(18)) + 3, int(rng.integers(-1, 6)) or 1
        end = 360 if rng.random() < 0.7 else float(rng.uniform(40, 330))
        cv2.ellipse(
            image, centre, (radius, radius), float(rng.uniform(0, 360)), 0, end, ink(rng), thickness, cv2.LINE_AA
        )
        if rng.random() < 0.4:
            cv2.circle(image, centre, max(1, radius // 2), ink(rng), -1, cv2.LINE_AA)
    return image


def windows(rng: Generator, hw: tuple[int, int]) -> Image:
    """Draw a house front or a rack: rows of framed panes, some lit."""
    image = clouds(rng, hw)
    frame, step = ink(rng), rng.integers(14, 80, 2)
    pane = (step * rng.uniform(0.4, 0.85, 2)).astype(int)
    for y in range(0, hw[0], int(step[1])):
        for x in range(0, hw[1], int(step[0])):
            corners = (x, y), (x + int(pane[0]), y + int(pane[1]))
            cv2.rectangle(image, *corners, ink(rng), -1)
            cv2.rectangle(image, *corners, frame, int(rng.integers(1, 4)))
            if pane[0] > 12 and rng.random() < 0.5:
                cv2.line(image, (x + int(pane[0]) // 2, y), (x + int(pane[0]) // 2, y + int(pane[1])), frame, 1)
    return image


def symbols(rng: Generator, hw: tuple[int, int]) -> Image:
    """Draw arrows, crosses, stars and logos of a few strokes each, which are no letters."""
    image = clouds(rng, hw)
    for _ in range(int(rng.integers(3, 25))):
        size, corners = rng.uniform(5, 40), int(rng.integers(3, 11))
        angles = np.linspace(0, 2 * np.pi, corners, endpoint=False) + rng.uniform(0, np.pi)
        radii = size * np.where(np.arange(corners) % 2, rng.uniform(0.2, 1), 1)
        points = np.stack([np.cos(angles), np.sin(angles)], 1) * radii[:, np.newaxis] + rng.uniform(0, hw[::-1], 2)
        polygon = points.astype(np.int32)
        if rng.random() < 0.5:
            cv2.fillPoly(image, [polygon], ink(rng), cv2.LINE_AA)
        else:
            cv2.polylines(image, [polygon], True, ink(rng), int(rng.integers(1, 5)), cv2.LINE_AA)
    return image


def clutter(rng: Generator, hw: tuple[int, int]) -> Image:
    """Draw a street or a shop from afar: overlapping boxes, limbs and edges of all sizes."""
    image = clouds(rng, hw)
    for _ in range(int(rng.integers(10, 60))):
        centre, size = rng.uniform(0, hw[::-1], 2), np.exp(rng.uniform(np.log(4), np.log(max(hw) / 2.5), 2))
        turn = float(rng.normal(0, 8)) if rng.random() < 0.7 else float(rng.uniform(0, 90))
        corners = cv2.boxPoints((centre.tolist(), size.tolist(), turn)).astype(np.int32)
        if rng.random() < 0.6:
            cv2.fillConvexPoly(image, corners, ink(rng), cv2.LINE_AA)
        else:
            axes = (int(size[0] / 2) + 1, int(size[1] / 2) + 1)
            cv2.ellipse(image, centre.astype(int).tolist(), axes, turn, 0, 360, ink(rng), -1, cv2.LINE_AA)
    return image


TEXTURES: dict[str, Callable[[Generator, tuple[int, int]], Image]] = {
    texture.__name__: texture
    for texture in (
        plain, clouds, stripes, fence, grid, bricks, foliage, circles, windows, symbols, clutter,
    )
}  # fmt: skip
"""All textures by name."""


def ink(rng: Generator) -> Colour:
    """Return any colour, often grey."""
    if rng.random() < 0.4:
        return (int(rng.integers(0, 256)),) * 3
    return _colour(rng.uniform(0, 256, 3))


def _colour(values: NDArray[np.floating]) -> Colour:
    blue, green, red = (int(value) for value in np.clip(values, 0, 255))
    return blue, green, red
