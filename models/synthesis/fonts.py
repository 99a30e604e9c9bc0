"""The fonts of the machine that training may use: found, checked, opened once."""

from __future__ import annotations

import logging
import re
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ..data.samples import TrainingDataError

if TYPE_CHECKING:
    from PIL.ImageFont import FreeTypeFont

FONT_FOLDERS = (Path("/usr/share/fonts"), Path.home() / ".local/share/fonts")
REQUIRED = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ$%#+-/.,:"
HEAVY = re.compile(r"bold|black|heavy", re.IGNORECASE)
"""Marks a font without thin strokes by its file name."""
SIZE_PX = 48
"""Fonts are opened at one size: masks are scaled afterwards, which is cheaper than opening a font again."""


class FontPool:
    """The usable fonts, opened when they are first drawn.

    Raises:
        TrainingDataError: No font with Latin letters and digits is installed.
    """

    def __init__(self, folders: tuple[Path, ...] = FONT_FOLDERS) -> None:
        self.paths = find_fonts(folders)
        if not self.paths:
            looked = ", ".join(map(str, folders))
            raise TrainingDataError(
                f"fonts: expected TrueType or OpenType fonts with Latin letters below {looked}, got none; "
                "apt install fonts-dejavu-core, or all of models/training/debian-packages.txt"
            )
        self.families = by_folder(self.paths)
        self.bold = by_folder(tuple(path for path in self.paths if HEAVY.search(path.name))) or self.families

    def draw(self, rng: np.random.Generator, *, bold: bool = False) -> FreeTypeFont:
        """Choose a font at `SIZE_PX`; folders of fonts count alike, however many styles they hold.

        `bold` keeps to the fonts that are heavy by their name, if there are any.
        """
        families = self.bold if bold else self.families
        family = families[rng.integers(len(families))]
        return open_font(family[rng.integers(len(family))])


def by_folder(paths: tuple[Path, ...]) -> list[list[Path]]:
    """Group fonts by the folder that they lie in."""
    return [[path for path in paths if path.parent == folder] for folder in sorted({path.parent for path in paths})]


@lru_cache(maxsize=4)
def find_fonts(folders: tuple[Path, ...]) -> tuple[Path, ...]:
    """List the fonts that hold every character of `REQUIRED` as a distinct shape, one file a style."""
    files = {path.name: path for folder in folders for path in sorted(folder.rglob("*.[to]tf"))}
    return tuple(path for _, path in sorted(files.items()) if is_usable(path))


def is_usable(path: Path) -> bool:
    """Tell a text font from symbol fonts, segment displays and scripts without Latin letters.

    Noto ships the same Latin letters in a hundred scripts: only its plain families count.
    """
    name = path.name
    if name.startswith("Noto") and not name.startswith(("NotoSans-", "NotoSerif-", "NotoMono-", "NotoSansMono-")):
        return False
    if "dseg" in name.lower() or "symbol" in name.lower() or "math" in name.lower():
        return False
    try:
        from fontTools.ttLib import TTFont

        logging.getLogger("fontTools").setLevel(logging.ERROR)
        with path.open("rb") as file, TTFont(file, lazy=True) as font:
            covered = font.getBestCmap() or {}
        if not all(ord(letter) in covered for letter in REQUIRED):
            return False
        face = open_font(path)
        shapes = {bytes(face.getmask(digit)) for digit in "0123456789"}
    except Exception:  # noqa: BLE001  a damaged font file raises anything, and is only left out
        return False
    return len(shapes) == len("0123456789") and b"" not in shapes


@lru_cache(maxsize=2048)
def open_font(path: Path) -> FreeTypeFont:
    """Open a font at `SIZE_PX`."""
    from PIL import ImageFont

    return ImageFont.truetype(str(path), SIZE_PX)
