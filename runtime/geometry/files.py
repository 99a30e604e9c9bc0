"""Picture files → frames. Sizes and truncation are looked at before anything is decoded."""

import glob
from dataclasses import dataclass
from pathlib import Path

from ..errors import ImageError
from .headers import is_cut_short, size_of
from .images import Frame
from .pixels import REDUCED, decode_pixels

FORMATS = "JPEG, PNG, WebP, BMP, TIFF, GIF, AVIF or PNM"
SUFFIXES = frozenset(
    {".jpg", ".jpeg", ".png", ".webp", ".bmp", ".tif", ".tiff", ".gif", ".avif", ".pbm", ".pgm", ".ppm"}
)
"""File names that a folder is searched for, lower case."""
LARGEST_FRAME_PIXELS = 1 << 25
"""Pictures of more pixels are read at a half, a quarter or an eighth of their size."""
LARGEST_FILE_PIXELS = 1 << 27
"""Pictures of more pixels are refused: most formats must be decoded whole before they can be made smaller."""
LARGEST_FILE_BYTES = 1 << 29
"""Files of more bytes are refused."""


@dataclass(frozen=True)
class Photo:
    """A picture read from a file."""

    frame: Frame
    """(H, W, 3) uint8 BGR, as a viewer shows it: turned as the file says, transparency over white, of an animation the
    first picture."""
    shrunk: int
    """1, 2, 4 or 8: file pixels per frame pixel."""


def read_photo(path: Path) -> Photo:
    """Read a picture file.

    Raises:
        ImageError: not a file, not a picture, cut short, or too large.
    """
    try:
        if path.is_file() and (size := path.stat().st_size) > LARGEST_FILE_BYTES:
            raise ImageError(f"{path}: expected at most {LARGEST_FILE_BYTES} bytes, got {size}; make it smaller")
        data = path.read_bytes()
    except OSError as exc:
        raise ImageError(f"{path}: expected a picture, got: {exc.strerror}; check the path") from exc
    return decode_photo(data, str(path))


def decode_photo(data: bytes, name: str, most_pixels: int = LARGEST_FILE_PIXELS) -> Photo:
    """Read a picture from a file's bytes.

    Args:
        data: the file.
        name: what errors call it.
        most_pixels: pictures of more are refused before anything is decoded.

    Raises:
        ImageError: not a picture, cut short, or too large.
    """
    size = size_of(data)
    if size is None:
        got = "something else" if data else "an empty file"
        raise ImageError(f"{name}: expected a {FORMATS} picture, got {got}; convert it first")
    pixels = size[0] * size[1]
    if not 0 < pixels <= most_pixels:
        raise ImageError(f"{name}: expected up to {most_pixels} pixels, got {pixels}; make it smaller")
    if is_cut_short(data):
        raise ImageError(f"{name}: expected a whole picture, got one that is cut short; copy or take it again")
    shrunk = next((factor for factor in REDUCED if pixels <= LARGEST_FRAME_PIXELS * factor**2), 8)
    try:
        return Photo(decode_pixels(data, shrunk), shrunk)
    except ValueError as exc:
        raise ImageError(f"{name}: expected a picture, got {exc}; convert it to PNG, or take it again") from exc


def find_photos(path: str) -> list[Path]:
    """Return files that a command-line argument means: itself, a folder's pictures (all levels), or a glob's matches.

    Raises:
        ImageError: a folder or glob without pictures.
    """
    if Path(path).is_dir():
        found = [
            picture for picture in Path(path).rglob("*") if picture.suffix.lower() in SUFFIXES and picture.is_file()
        ]
    elif not Path(path).exists() and glob.has_magic(path):
        found = [Path(name) for name in glob.glob(path, recursive=True) if Path(name).is_file()]  # noqa: PTH207
    else:
        return [Path(path)]
    if not found:
        raise ImageError(f"{path}: expected pictures ({', '.join(sorted(SUFFIXES))}), got none; check the path")
    return sorted(found)
