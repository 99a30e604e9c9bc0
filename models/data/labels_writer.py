"""Write images and labels as a folder with `labels.tsv`, the layout that `labels_tsv.py` reads."""

import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from .labels_tsv import FILE_NAME
from .samples import Image, TrainingDataError

Row = tuple[str, Any, Any]
"""Text; box, polygon or None; quads of the characters or None: array-likes, in pixels."""


def write_labels(root: Path, samples: Iterable[tuple[Image, Sequence[Row]]], *, suffix: str) -> int:
    """Write images and their labels into a new or empty folder, `labels.tsv` last; return the number of images.

    `samples`: images uint8 (H, W, 3), each with its rows; one without rows is written as showing no text. `suffix`:
    `.png` or `.jpg`.

    Raises:
        TrainingDataError: The folder holds something already, or a text has a tab or a line break.
    """
    vacant(root)
    (root / "images").mkdir(parents=True)
    lines = []
    count = 0
    for count, (image, labels) in enumerate(samples, 1):
        name = f"images/{count:07d}{suffix}"
        (root / name).write_bytes(encode_image(image, suffix))
        lines += [label_line(name, *label) for label in labels or [("", None, None)]]
    finish_labels(root, lines)
    return count


def finish_labels(root: Path, lines: Iterable[str]) -> None:
    """Write the `labels.tsv` of a folder whose images are there: all of it, or nothing."""
    temporary = root / f".{FILE_NAME}.part"
    temporary.write_text("".join(lines), encoding="utf-8")
    temporary.replace(root / FILE_NAME)


def vacant(root: Path) -> None:
    """Make sure that nothing would be overwritten.

    Raises:
        TrainingDataError: The path is a file, or a folder that holds something.
    """
    if root.is_dir() and any(root.iterdir()):
        raise TrainingDataError(f"{root}: expected a new or empty folder, got one with files; choose another one")
    if root.exists() and not root.is_dir():
        raise TrainingDataError(f"{root}: expected a new or empty folder, got a file; choose another path")


def encode_image(image: Image, suffix: str) -> bytes:
    """Encode as `.png`, or as `.jpg` of quality 88."""
    options = {".png": [], ".jpg": [cv2.IMWRITE_JPEG_QUALITY, 88]}.get(suffix)
    if options is None:
        raise TrainingDataError(f"expected the format .png or .jpg, got {suffix!r}; choose one of these")
    return cv2.imencode(suffix, image, options)[1].tobytes()


def label_line(name: str, text: str, box: Any, characters: Any) -> str:
    """Return one line of a `labels.tsv`; box and characters are array-likes, or None.

    Raises:
        TrainingDataError: Name or text has a tab or a line break, or a coordinate is not finite.
    """
    if set("\t\n\r") & {*name, *text}:
        raise TrainingDataError(f"{name!r}: expected a name and a text without tabs and line breaks, got {text!r}")
    columns = [name, text, _json(box)] + ([_json(characters)] if characters is not None else [])
    return "\t".join(columns) + "\n"


def _json(values: Any) -> str:
    if values is None:
        return ""
    rounded = np.round(np.asarray(values, np.float64), 1)
    if not np.isfinite(rounded).all():
        raise TrainingDataError("expected finite coordinates, got one that is not; correct the quads")
    return json.dumps(rounded.tolist())
