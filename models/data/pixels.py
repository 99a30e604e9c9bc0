"""The bytes of a picture file → its pixels, as a viewer shows them: turned as the file says, over white, in 8 bits."""

import io
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

Frame = NDArray[np.uint8]

JPEG, PNG = b"\xff\xd8", b"\x89PNG"
PNG_BITS, PNG_KIND = 24, 25
"""Where a PNG says its bits of a sample, and what its samples are."""
GREY, ALPHA = 0, {4, 6}
"""Of the latter: grey, and those with alpha."""
UNFIT = {"I": "int32", "F": "float32"}
"""Pillow's modes that are no colours, and what their numbers are."""


def decode_pixels(data: bytes) -> Frame:
    """Decode a picture file, or the first picture of an animation, to (H, W, 3) uint8 BGR.

    OpenCV decodes what nearly all crops are, JPEGs and plain PNGs, as it is faster; Pillow decodes the rest.

    Raises:
        ValueError: what was found in place of a picture.
    """
    if not (data.startswith(JPEG) or is_plain_png(data)):
        return decode_with_pillow(data)
    try:
        image = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)  # which turns a JPEG as its EXIF says
    except cv2.error:
        image = None
    if image is None:
        raise ValueError(f"contents that are damaged, or of a kind that OpenCV {cv2.__version__} does not decode")
    return np.asarray(image, np.uint8)


def is_plain_png(data: bytes) -> bool:
    """Return whether a PNG has samples of up to 8 bits, all of them opaque, and the right way up."""
    if not data.startswith(PNG) or len(data) <= PNG_KIND:
        return False
    opaque = data[PNG_KIND] not in ALPHA and b"tRNS" not in data
    return data[PNG_BITS] <= 8 and opaque and b"eXIf" not in data


def decode_with_pillow(data: bytes) -> Frame:
    """Decode a picture file of any kind, as `decode_pixels`."""
    from PIL import Image, ImageOps, __version__

    try:
        image: Any = Image.open(io.BytesIO(data))
        if image.mode not in UNFIT:  # which would take four bytes a sample, for nothing
            image.load()
            if data.startswith(PNG) and data[PNG_KIND] == GREY and data[PNG_BITS] < 8 and "transparency" in image.info:
                image.info["transparency"] *= 255 // (2 ** data[PNG_BITS] - 1)  # Pillow stretches the samples only
            image = ImageOps.exif_transpose(image)
    except Exception as exc:  # Pillow raises what the bytes lead it to, from SyntaxError to struct.error
        reason = f"contents that are damaged, or of a kind that Pillow {__version__} does not decode"
        raise ValueError(f"{reason} ({type(exc).__name__})") from exc
    if image.mode in UNFIT:
        raise ValueError(f"pixels of {UNFIT[image.mode]}")
    if image.mode.startswith("I;16"):
        values = np.asarray(image).astype(np.uint16)
        values = np.where(values == image.info.get("transparency", -1), np.uint16(65535), values)
        return cv2.cvtColor(cv2.convertScaleAbs(values, alpha=1 / 257), cv2.COLOR_GRAY2BGR)  # type: ignore[return-value]
    if not image.has_transparency_data:
        return np.ascontiguousarray(np.asarray(image.convert("RGB"))[..., ::-1])
    pixels = np.asarray(image.convert("RGBA"))
    alpha = cv2.cvtColor(pixels[..., 3], cv2.COLOR_GRAY2BGR)
    colour = np.ascontiguousarray(pixels[..., 2::-1])
    return cv2.bitwise_not(cv2.multiply(cv2.bitwise_not(colour), alpha, scale=1 / 255))  # type: ignore[return-value]
