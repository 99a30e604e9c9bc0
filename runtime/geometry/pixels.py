"""The bytes of a picture file → its pixels, as a viewer shows them.

Of an animation the first picture; turned as the file says; what is transparent lies over white.

`models/data/pixels.py` does it for training, with Pillow, as neither folder imports the other; a test compares them.
"""

import struct
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from .headers import (
    EXTRA_SAMPLES,
    ORIENTATION,
    SAMPLES,
    is_avif,
    is_tiff,
    orientation_of,
    png_chunks,
    read_avif,
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


def decode_pixels(data: bytes, shrunk: int = 1) -> Frame:
    """Decode a picture file to (H, W, 3) uint8 BGR.

    Args:
        data: the file, of a known format and size.
        shrunk: 1, 2, 4 or 8: so many times smaller.

    Raises:
        ValueError: what was found in place of a picture.
    """
    orientation = orientation_of(data)
    try:
        image = cv2.imdecode(np.frombuffer(_upright(data, orientation), np.uint8), _flag(data, shrunk))
    except cv2.error:
        image = None
    if image is None:
        raise ValueError(f"contents that are damaged, or of a kind that OpenCV {cv2.__version__} does not decode")
    if image.dtype not in {np.dtype(np.uint8), np.dtype(np.uint16)}:
        raise ValueError(f"pixels of {image.dtype}")
    image = _with_alpha(data, image)
    if shrunk > 1 and not data.startswith(b"\xff\xd8"):
        image = cv2.resize(image, None, fx=1 / shrunk, fy=1 / shrunk, interpolation=cv2.INTER_AREA)
    return turned(flattened(image), orientation)


def _flag(data: bytes, shrunk: int) -> int:
    """JPEGs become smaller while they are decoded; of all others everything is taken, alpha and 16 bits too."""
    return REDUCED[shrunk] | cv2.IMREAD_IGNORE_ORIENTATION if data.startswith(b"\xff\xd8") else cv2.IMREAD_UNCHANGED


def _upright(data: bytes, orientation: int) -> bytes | bytearray:
    """The same file, a TIFF as if it were stored upright: OpenCV turns some of them by itself."""
    if orientation == 1 or not is_tiff(data):
        return data
    upright = bytearray(data)
    for tag, _, place in tiff_tags(data):
        if tag == ORIENTATION:
            upright[place : place + 2] = struct.pack(("<" if data[:2] == b"II" else ">") + "H", 1)
    return upright


def _with_alpha(data: bytes, image: NDArray[Any]) -> NDArray[Any]:
    """What OpenCV leaves as it is in the file: alpha that it forgets or has multiplied already, samples of 10 bits."""
    if is_avif(data) and image.dtype == np.uint16:
        return cv2.convertScaleAbs(image, alpha=255 / (2 ** read_avif(data).bits - 1))
    if data.startswith(b"\x89PNG") and image.ndim == 2:
        return _without_key(data, image)
    if not is_tiff(data):
        return image
    tags = {tag: value for tag, value, _ in tiff_tags(data)}
    if tags.get(SAMPLES) == 2:
        raise ValueError("a TIFF of grey or palette colours with alpha")
    if image.ndim == 3 and image.shape[2] == 4 and (image.dtype == np.uint8 or tags.get(EXTRA_SAMPLES) == 1):
        image = _eight_bits(image)
        return cv2.add(image[..., :3], cv2.cvtColor(cv2.bitwise_not(image[..., 3]), cv2.COLOR_GRAY2BGR))
    return image


def _without_key(data: bytes, image: NDArray[Any]) -> NDArray[Any]:
    """A grey PNG in which the one grey that means "transparent" became white."""
    place = next((start for name, start, _ in png_chunks(data) if name == b"tRNS"), None)
    if place is not None and data[25] == 0 and place + 2 <= len(data):
        bits, most = data[24], np.iinfo(image.dtype).max
        key = struct.unpack_from(">H", data, place)[0] & (2**bits - 1)
        image[image == key * int(most) // (2**bits - 1)] = most
    return image


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
