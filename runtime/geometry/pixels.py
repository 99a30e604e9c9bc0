"""The bytes of a picture file → its pixels, as a viewer shows them.

Of an animation the first picture; turned as the file says; what is transparent lies over white.

`models/data/pixels.py` does it for training, with Pillow, as neither folder imports the other; a test compares them.
"""

import struct
from collections.abc import Callable
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from ..silence import silence
from .avif import Data, is_avif, read_avif
from .footprint import footprint
from .headers import (
    EXTRA_SAMPLES,
    ORIENTATION,
    SAMPLES,
    is_tiff,
    orientation_of,
    png_chunks,
    size_of,
    tiff_numbers,
    tiff_tags,
)

Frame = NDArray[np.uint8]

REDUCED = {
    1: cv2.IMREAD_COLOR,
    2: cv2.IMREAD_REDUCED_COLOR_2,
    4: cv2.IMREAD_REDUCED_COLOR_4,
    8: cv2.IMREAD_REDUCED_COLOR_8,
}
"""How much smaller → OpenCV's flag, which saves the memory too for JPEG."""
BAND_BYTES = 1 << 20
"""Rows of a picture that are converted together; they take up to four times as much."""


def decode_pixels(data: Data, shrunk: int = 1) -> Frame:
    """Decode a picture file to (H, W, 3) uint8 BGR.

    Args:
        data: the file, of a known format and size.
        shrunk: 1, 2, 4 or 8: so many times smaller.

    Raises:
        ValueError: what was found in place of a picture.
        MemoryError: too little memory is free; `footprint` says how much it takes.
    """
    orientation = orientation_of(data)
    image = _decoded(data, orientation, shrunk)
    if data.startswith(b"\x89PNG") and image.ndim == 2:
        image = _without_key(data, image)
    if shrunk > 1 and not data.startswith(b"\xff\xd8"):
        image = cv2.resize(image, None, fx=1 / shrunk, fy=1 / shrunk, interpolation=cv2.INTER_AREA)
    frame = by_bands(image, _conversion(data, image))
    del image
    return turned(frame, orientation)


def _decoded(data: Data, orientation: int, shrunk: int) -> NDArray[Any]:
    """The pixels as OpenCV gives them: uint8 or uint16 (H, W), (H, W, 3) or (H, W, 4)."""
    image: NDArray[Any] | None = None
    short = False
    try:
        with silence():
            image = cv2.imdecode(np.frombuffer(_upright(data, orientation), np.uint8), _flag(data, shrunk))
    except cv2.error as exc:
        short = exc.code == cv2.Error.StsNoMem
    if image is None:
        size = size_of(data) or (0, 0)
        if short or not _is_free(footprint(data, size, shrunk)):
            raise MemoryError
        raise ValueError(f"contents that are damaged, or of a kind that OpenCV {cv2.__version__} does not decode")
    if image.dtype not in {np.dtype(np.uint8), np.dtype(np.uint16)}:
        raise ValueError(f"pixels of {image.dtype}")
    return image


def _is_free(count: int) -> bool:
    """Return whether so many bytes can be had, where a decoder only says that it failed."""
    try:
        np.empty(count, np.uint8)
    except MemoryError:
        return False
    return True


def _flag(data: Data, shrunk: int) -> int:
    """JPEGs become smaller while they are decoded; of all others everything is taken, alpha and 16 bits too."""
    return REDUCED[shrunk] | cv2.IMREAD_IGNORE_ORIENTATION if data.startswith(b"\xff\xd8") else cv2.IMREAD_UNCHANGED


def _upright(data: Data, orientation: int) -> Data:
    """The same file, a TIFF as if it were stored upright: OpenCV turns some of them by itself."""
    if orientation == 1 or not is_tiff(data):
        return data
    upright = bytearray(data)
    for tag, _, place in tiff_tags(data):
        if tag == ORIENTATION:
            upright[place : place + 2] = struct.pack(("<" if data[:2] == b"II" else ">") + "H", 1)
    return upright


def _conversion(data: Data, image: NDArray[Any]) -> Callable[[NDArray[Any]], Frame]:
    """What turns the pixels of a file into a frame's: as `flattened`, but for what OpenCV leaves as the file has it."""
    if is_avif(data) and image.dtype == np.uint16:
        most = 2 ** read_avif(data).bits - 1
        return lambda rows: flattened(cv2.convertScaleAbs(rows, alpha=255 / most))
    if not is_tiff(data):
        return flattened
    numbers = tiff_numbers(data)
    if numbers.get(SAMPLES) == 2:
        raise ValueError("a TIFF of grey or palette colours with alpha")
    has_alpha = image.ndim == 3 and image.shape[2] == 4
    return _unmultiplied if has_alpha and (image.dtype == np.uint8 or numbers.get(EXTRA_SAMPLES) == 1) else flattened


def _unmultiplied(image: NDArray[Any]) -> Frame:
    """Colours that are multiplied by their alpha already, over white."""
    image = _eight_bits(image)
    return cv2.add(image[..., :3], cv2.cvtColor(cv2.bitwise_not(image[..., 3]), cv2.COLOR_GRAY2BGR))  # type: ignore[return-value]


def _without_key(data: Data, image: NDArray[Any]) -> NDArray[Any]:
    """A grey PNG in which the one grey that means "transparent" became white."""
    place = next((start for name, start, _ in png_chunks(data) if name == b"tRNS"), None)
    if place is not None and data[25] == 0 and place + 2 <= len(data):
        bits, most = data[24], np.iinfo(image.dtype).max
        key = struct.unpack_from(">H", data, place)[0] & (2**bits - 1)
        image[image == key * int(most) // (2**bits - 1)] = most
    return image


def by_bands(image: NDArray[Any], convert: Callable[[NDArray[Any]], Frame]) -> Frame:
    """Convert a picture to (H, W, 3) uint8 some rows at a time, so that nothing but the result is as large as it is."""
    if image.dtype == np.uint8 and image.ndim == 3 and image.shape[2] == 3:
        return image
    rows = max(BAND_BYTES // max(image[:1].nbytes, 1), 1)
    if len(image) <= rows:
        return convert(image)
    frame = np.empty((*image.shape[:2], 3), np.uint8)
    for top in range(0, len(image), rows):
        frame[top : top + rows] = convert(image[top : top + rows])
    return frame


def flattened(image: NDArray[Any]) -> Frame:
    """Turn uint8 or uint16 (H, W), (H, W, 1), (H, W, 3) or (H, W, 4) into (H, W, 3) uint8 BGR; alpha over white."""
    frame: NDArray[Any] = _eight_bits(image)
    channels = frame.shape[2] if frame.ndim == 3 else 1
    if channels == 1:
        frame = cv2.cvtColor(frame, cv2.COLOR_GRAY2BGR)
    return _over_white(frame) if channels == 4 else frame


def _eight_bits(image: NDArray[Any]) -> NDArray[Any]:
    return cv2.convertScaleAbs(image, alpha=1 / 257) if image.dtype == np.uint16 else image


def _over_white(image: NDArray[Any]) -> Frame:
    colour, alpha = image[..., :3], cv2.cvtColor(image[..., 3], cv2.COLOR_GRAY2BGR)
    return cv2.bitwise_not(cv2.multiply(cv2.bitwise_not(colour), alpha, scale=1 / 255))  # type: ignore[return-value]


def turned(image: Frame, orientation: int) -> Frame:
    """Turn stored pixels (H, W, 3) upright by their orientation, 1..8."""
    if orientation >= 5:
        image = image.transpose(1, 0, 2)
    if orientation in {2, 3, 6, 7}:
        image = image[:, ::-1]
    if orientation in {3, 4, 7, 8}:
        image = image[::-1]
    return np.ascontiguousarray(image)
