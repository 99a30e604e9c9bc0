"""The pictures that fewer bits are calibrated on, the others that they are judged by, and what networks get of them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ...models.data.labels_tsv import FILE_NAME, IGNORED, by_image, read_labels
from ...models.data.samples import TrainingDataError
from ...runtime.bundles.bundle import Bundle
from ...runtime.bundles.manifest import Kind
from ...runtime.detector import ENLARGE, Detector
from ...runtime.errors import DatasetError, ImageError
from ...runtime.geometry.canvases import fitted, plan_fit
from ...runtime.geometry.crops import fill_crop, plan_cut
from ...runtime.geometry.files import LARGEST_FRAME_PIXELS, find_photos, read_photo
from ...runtime.geometry.images import Frame, whole
from ..onnx_file import Arrays

Quads = Sequence[NDArray[np.float32]]
Found = dict[tuple[str, Path], Quads]
"""What a detector finds in fp32, by its graph's checksum and the picture's file."""

CALIBRATED_ON, VALIDATED_ON = 16, 64
"""Most pictures for each of the two; more make it slower, and hardly better."""
CALIBRATION_SIDE_PX = 640
"""Longest side of the canvases that a detector is calibrated on: larger ones have the same ranges, and need memory."""
WIDE = 0.75
"""A detector of this width or more is judged on canvases of `CALIBRATION_SIDE_PX` too: it computes for many seconds on
larger ones, and on these it finds the text of as many pictures, only half as large."""


@dataclass(frozen=True)
class Picture:
    """A picture file, read when it is needed, so that the memory for a folder is that for one picture."""

    path: Path
    """The file."""
    quads: tuple[NDArray[np.float32], ...] | None
    """Boxes of its words, float32 (4, 2), pixels of the file; None where the folder has no labels."""

    def read(self) -> Frame:
        """Return the picture, uint8 (H, W, 3) BGR. Raise ImageError, which names the file."""
        photo = read_photo(self.path)
        if photo.shrunk > 1 and self.quads is not None:
            raise ImageError(
                f"{self.path}: expected up to {LARGEST_FRAME_PIXELS} pixels with labels, got more; leave it out"
            )
        return photo.frame


@dataclass(frozen=True)
class Pictures:
    """The pictures of a folder in two parts that share none."""

    calibration: tuple[Picture, ...]
    """Set the ranges of the activations."""
    validation: tuple[Picture, ...]
    """Are compared."""
    found: Found = field(default_factory=dict)
    """Filled as they are looked at: the recognizer is judged on what the detector's gate has found."""

    @property
    def labelled(self) -> bool:
        """Return whether the folder says where the words are."""
        return self.validation[0].quads is not None


def open_pictures(folder: Path) -> Pictures:
    """Split the pictures of a folder in two: every other one, in the order of their names, is for validation.

    With a `labels.tsv` in it that has boxes, these are the truth, and only the pictures that it names count.

    Raises:
        DatasetError: no folder, fewer than two pictures, or wrong labels.
        ImageError: no picture in it.
    """
    if not folder.is_dir():
        got = "a file" if folder.exists() else "nothing there"
        raise DatasetError(f"{folder}: expected a folder of pictures, got {got}; give its path")
    found = pictures_in(folder)
    if len(found) < 2:
        raise DatasetError(f"{folder}: expected at least 2 pictures, got {len(found)}; add more, best 100")
    return Pictures(spread(found[::2], CALIBRATED_ON), spread(found[1::2], VALIDATED_ON))


def labelled(folder: Path) -> list[Picture]:
    """Return the pictures that a folder's labels name, with boxes; none where it has no boxes."""
    if not (folder / FILE_NAME).is_file():
        return []
    try:
        groups = by_image(read_labels(folder))
    except TrainingDataError as exc:
        raise DatasetError(str(exc)) from exc
    found = [
        Picture(lines[0].path, tuple(line.quad for line in lines if line.quad is not None and line.text != IGNORED))
        for lines in groups
    ]
    return sorted(found, key=lambda picture: picture.path) if any(picture.quads for picture in found) else []


def find_pictures(folder: Path) -> tuple[Picture, ...]:
    """Return the pictures of a folder to compare on; with a `labels.tsv` that has boxes, those that it names.

    Raises:
        DatasetError, ImageError: no folder, wrong labels, or no picture.
    """
    return spread(pictures_in(folder), VALIDATED_ON)


def pictures_in(folder: Path) -> list[Picture]:
    """Return all pictures of a folder; with a `labels.tsv` that has boxes, those that it names."""
    return labelled(folder) or [Picture(path, None) for path in find_photos(str(folder))]


def spread(found: list[Picture], most: int) -> tuple[Picture, ...]:
    """Return at most so many of them, evenly taken."""
    return tuple(found[index * len(found) // most] for index in range(most)) if len(found) > most else tuple(found)


def inputs_of(bundle: Bundle, kind: Kind, pictures: Sequence[Picture], found: Found | None = None) -> Iterator[Arrays]:
    """Yield what the runtime would feed the network from these pictures: a canvas, or a picture's crops of one width.

    `found`: see `crop_places`.
    """
    if kind == "detector":
        side_px = min(CALIBRATION_SIDE_PX, bundle.detector.long_side_px)
        for picture in pictures:
            frame = picture.read()
            plain = bundle.detector.as_easyocr
            plan = plan_fit(*frame.shape[:2], long_side_px=side_px, enlarge=ENLARGE, plain=plain)
            yield from ({"image": canvas[None]} for canvas in fitted(frame, plan))
        return
    spec = bundle.recognizer
    allowed = np.zeros(spec.classes, np.float32)
    for picture, quads in zip(pictures, crop_places(bundle, pictures, found), strict=True):
        if not len(quads):
            continue
        frame = picture.read()
        cuts = [plan_cut(spec, frame, quad, spec.margin) for quad in quads]
        for width in sorted({cut.width for cut in cuts}):
            members = [cut for cut in cuts if cut.width == width]
            crops = np.zeros((len(members), spec.image_hw[0], width, spec.channels), np.uint8)
            for cut, crop in zip(members, crops, strict=True):
                fill_crop(spec, cut, crop)
            yield {"crops": crops, "allowed": allowed}


def crop_places(bundle: Bundle, pictures: Sequence[Picture], found: Found | None = None) -> Iterator[Quads]:
    """Yield where each picture's crops are: as labelled, or as the bundle's detector says, or the whole picture.

    `found`: what is known already, to be added to; see `fp32_quads`.
    """
    detects = bundle.manifest.detector is not None
    unlabelled = [picture for picture in pictures if picture.quads is None] if detects else []
    detected = fp32_quads(bundle, unlabelled, {} if found is None else found)
    for picture in pictures:
        if picture.quads is not None:
            yield picture.quads
        elif detects:
            yield next(detected)
        else:
            yield [whole(picture.read())]


def fp32_quads(bundle: Bundle, pictures: Iterable[Picture], found: Found) -> Iterator[Quads]:
    """Yield the quads that fp32 finds in each picture; one whose quads are in `found` is not looked at again."""
    graph = bundle.detector.files["fp32"].sha256
    detector: Detector | None = None
    for picture in pictures:
        if (graph, picture.path) not in found:
            detector = detector or Detector(bundle, "cpu", "fp32", judged_side_px(bundle))
            found[graph, picture.path] = [region.quad for region in detector.detect(picture.read())]
        yield found[graph, picture.path]


def judged_side_px(bundle: Bundle) -> int:
    """Return the longest side of the canvases that a bundle's detector is judged on, pixels."""
    spec = bundle.detector
    return min(CALIBRATION_SIDE_PX, spec.long_side_px) if spec.width >= WIDE else spec.long_side_px
