"""The canary of a bundle: draw a number, see what fp32 makes of it on ``cpu``, and keep both in the bundle."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import cv2
import numpy as np
from msgspec.structs import replace

from ..runtime.bundles.bundle import Bundle
from ..runtime.bundles.manifest import Canary, FileEntry, Kind
from ..runtime.geometry.images import Frame
from ..runtime.sessions.canary import as_picture, maps_of, prove, text_of
from ..runtime.sessions.opening import open_unproven
from .staging import commit, entries, entry_of, models_of, staged, writing

IMAGE_NAME, MAPS_NAME = "canary.png", "canary.maps.png"
SIZE_HW = 96, 256
"""Height and width, pixels: small, and multiples of 32; narrower where a detector's canvases are."""
NUMBER = "40712"
"""What is drawn, if the charset has its characters; of another charset, characters that the font has."""
INK, PAPER = (20, 60, 230), (230, 160, 40)
"""BGR; a red number on blue, so that swapped colours show."""
TEXT_HEIGHT = 1 / 3
"""Of the picture's height."""
MARGIN = 0.2
"""Around the number, of its height."""
FONT = cv2.FONT_HERSHEY_SIMPLEX

Box = tuple[int, int, int, int]


def write_canary(root: Path) -> Canary:
    """Draw the canary of a bundle, see what its fp32 graphs make of it on ``cpu``, and write it into the bundle.

    Raises:
        BundleError: no bundle, or one without fp32.
        BackendError, BackendUnavailable: ONNX Runtime failed, or is not installed.
        ExportError: the folder cannot be written.
    """
    bundle = Bundle.open(root.absolute())
    with staged(bundle.root) as folder:
        canary = draw_canary(dict.fromkeys(models_of(bundle.manifest), bundle), folder)
        files = [folder / entry.path for entry in entries(canary)]
        commit(bundle.root, replace(bundle.manifest, canary=canary), files)
    return canary


def draw_canary(bundles: Mapping[Kind, Bundle], folder: Path) -> Canary:
    """Draw the canary for models, see what they make of it, and write its pictures into a folder.

    `bundles`: kind of model -> a bundle that has it in fp32. Errors are those of `write_canary`.
    """
    detector = bundles["detector"].detector if "detector" in bundles else None
    recognizer = bundles["recognizer"].recognizer if "recognizer" in bundles else None
    image, crop_xywh = draw(
        drawn_text(recognizer.charset if recognizer else NUMBER), detector.long_side_px if detector else SIZE_HW[1]
    )
    sessions = {kind: open_unproven(bundle, kind, "cpu", "fp32") for kind, bundle in bundles.items()}
    maps = as_picture(maps_of(sessions["detector"], image)) if detector else None
    text = text_of(sessions["recognizer"], recognizer, image, crop_xywh) if recognizer else None
    return Canary(
        image=_stored(folder / IMAGE_NAME, image),
        maps=None if maps is None else _stored(folder / MAPS_NAME, maps),
        crop_xywh=crop_xywh,
        text=text,
    )


def canary_check(bundle: Bundle, kind: Kind, backend: str = "cpu", precision: str | None = None) -> str:
    """Return what a backend makes of the canary, in words, when it is what fp32 makes of it on ``cpu``.

    Raises:
        BackendError: it is something else.
        BackendUnavailable, BundleError: as `open_session` says.
    """
    return prove(open_unproven(bundle, kind, backend, precision), bundle, kind)


def drawn_text(charset: str) -> str:
    """Return the characters that the canary shows to a recognizer of this charset."""
    known = "".join(digit for digit in NUMBER if digit in charset)
    others = "".join(character for character in charset if character.isascii() and character.isalnum())
    return known if len(known) == len(NUMBER) else others[: len(NUMBER)] or NUMBER


def draw(text: str, long_side_px: int) -> tuple[Frame, Box]:
    """Draw a text on a picture of a canvas's size; return it with the box around the text: x, y, width, height."""
    width = min(SIZE_HW[1], max(long_side_px // 32, 1) * 32)
    height = min(SIZE_HW[0], width)
    image = np.full((height, width, 3), PAPER, np.uint8)
    (wide, high), _ = cv2.getTextSize(text, FONT, 1.0, 2)
    scale = min(height * TEXT_HEIGHT / high, width / (wide + 4 * MARGIN * high))
    (wide, high), _ = cv2.getTextSize(text, FONT, scale, 2)
    x, y, margin = (width - wide) // 2, (height - high) // 2, round(MARGIN * high)
    cv2.putText(image, text, (x, y + high), FONT, scale, INK, 2, cv2.LINE_AA)
    left, top = max(x - margin, 0), max(y - margin, 0)
    return image, (left, top, min(wide + 2 * margin, width - left), min(high + 2 * margin, height - top))


def _stored(path: Path, picture: Frame) -> FileEntry:
    """Write a PNG."""
    with writing(path):
        path.write_bytes(cv2.imencode(".png", picture)[1].tobytes())
    return entry_of(path)
