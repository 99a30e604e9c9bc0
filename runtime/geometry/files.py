"""Picture files → frames. Sizes, depths and truncation are looked at before anything is decoded."""

import errno
import glob
import os
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from ..errors import ImageError
from .avif import Data
from .footprint import footprint
from .headers import is_cut_short, is_picture, size_of
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
"""Pictures of more pixels are refused."""
LARGEST_DECODING_BYTES = 320 << 20
"""Pictures that take more memory, their file and what they are decoded by and to, are read smaller, or refused."""
HEAD_BYTES = 1 << 12
"""So much of a file is read before the rest, to see whether it is a picture at all."""


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
        ImageError: not a file, not a picture, cut short, or too large; or too little memory is free.
    """
    try:
        with open(path, "rb", opener=_regular) as file:
            return decode_photo(read_picture(file, str(path)), str(path))
    except OSError as exc:
        raise ImageError(f"{path}: expected a picture, got: {exc.strerror}; check the path") from exc


def read_picture(file: IO[bytes], name: str) -> Data:
    """Return the bytes of a picture from where they come; what is no picture, or too large, is not read to its end.

    Raises:
        ImageError: it is none, or too large.
        OSError: it cannot be read.
    """
    data = bytearray(file.read(HEAD_BYTES))
    if not is_picture(data):
        raise ImageError(f"{name}: {_no_picture(data)}")
    while chunk := file.read(1 << 20):
        data += chunk
        if len(data) > LARGEST_DECODING_BYTES:
            raise ImageError(f"{name}: expected at most {LARGEST_DECODING_BYTES} bytes, got more; make it smaller")
    return data


def decode_photo(
    data: Data, name: str, most_pixels: int = LARGEST_FILE_PIXELS, most_bytes: int = LARGEST_DECODING_BYTES
) -> Photo:
    """Read a picture from a file's bytes.

    Args:
        data: the file.
        name: what errors call it.
        most_pixels: pictures of more are refused before anything is decoded.
        most_bytes: those that take more memory are read at a half, a quarter or an eighth of their size, and refused
            if they take more even then, see `photo_bytes`.

    Raises:
        ImageError: not a picture, cut short, or too large; or too little memory is free.
    """
    needed, shrunk = _examined(data, name, most_pixels, most_bytes)
    found = _decoded(data, shrunk)
    if isinstance(found, Photo):
        return found
    if found:
        raise ImageError(f"{name}: expected a picture, got {found}; convert it to PNG, or take it again")
    fix = "close other programs, or make the picture smaller"
    raise ImageError(f"{name}: expected {needed} bytes of free memory to decode it, got less; {fix}")


def photo_bytes(
    data: Data, name: str, most_pixels: int = LARGEST_FILE_PIXELS, most_bytes: int = LARGEST_DECODING_BYTES
) -> int:
    """Return how much memory `decode_photo` takes for a picture, its file included; arguments and errors are its."""
    return _examined(data, name, most_pixels, most_bytes)[0]


def _examined(data: Data, name: str, most_pixels: int, most_bytes: int) -> tuple[int, int]:
    """How much memory a picture takes, and how many times smaller it is read so that this is within its bounds."""
    size = size_of(data)
    if size is None:
        raise ImageError(f"{name}: {_no_picture(data)}")
    pixels = size[0] * size[1]
    if not 0 < pixels <= most_pixels:
        raise ImageError(f"{name}: expected up to {most_pixels} pixels, got {pixels}; make it smaller")
    if is_cut_short(data):
        raise ImageError(f"{name}: expected a whole picture, got one that is cut short; copy or take it again")
    try:
        for shrunk in REDUCED:
            needed = len(data) + footprint(data, size, shrunk)
            if pixels <= LARGEST_FRAME_PIXELS * shrunk**2 and needed <= most_bytes:
                return needed, shrunk
    except ValueError as exc:
        raise ImageError(f"{name}: expected a picture, got {exc}; convert it to PNG, or take it again") from exc
    fix = "make it smaller, or save it as a JPEG that is not progressive"
    raise ImageError(f"{name}: expected up to {most_bytes} bytes of memory to decode it, got {needed}; {fix}")


def _decoded(data: Data, shrunk: int) -> Photo | str:
    """Decode a picture, or return why it cannot be, "" = too little memory.

    It raises nothing: an error would hold its arrays until somebody is done with it.
    """
    try:
        return Photo(decode_pixels(data, shrunk), shrunk)
    except ValueError as exc:
        return str(exc)
    except MemoryError:
        return ""


def _no_picture(data: Data) -> str:
    got = "something else" if data else "an empty file"
    return f"expected a {FORMATS} picture, got {got}; convert it first"


def _regular(path: str, flags: int) -> int:
    """Open a file, but no pipe, which may never end, and no device."""
    descriptor = os.open(path, flags | os.O_NONBLOCK)
    if stat.S_ISREG(os.fstat(descriptor).st_mode):
        return descriptor
    os.close(descriptor)
    raise OSError(errno.EINVAL, "no file, but a folder, pipe or device (pipe it to: edgereader read -)")


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
