"""The canary: a small picture in the bundle on which a backend shows that it works, before it reads anything else."""

import math

import cv2
import numpy as np
from numpy.typing import NDArray

from ..bundles.bundle import Bundle
from ..bundles.manifest import FileEntry, Kind, RecognizerSpec
from ..errors import BackendError, BundleError
from ..geometry.crops import fill_crop, plan_cut
from ..geometry.images import Frame, box
from ..text.alphabets import make_alphabet
from ..text.decoding import decode
from .base import Session
from .binding import bind_canvases, bind_crops

Maps = NDArray[np.float32]
MAP_TOLERANCE = 0.04
"""Mean difference of the maps that is allowed, as a share of the mean of what is expected. On the shipped bundle int8
is 0.01 off, swapped colours 0.08, and nothing at all 1."""
FLOOR = 1e-4
"""And so much more, for a detector that sees nothing."""
AGAIN = "`edgereader export canary BUNDLE` writes one"


def prove(session: Session, bundle: Bundle, kind: Kind) -> str:
    """See a session read the canary as fp32 does it on ``cpu``; what it saw, in words.

    Raises:
        BackendError: it gives something else, or cannot run it.
        BundleError: the bundle has no canary, or a damaged one.
    """
    canary = bundle.manifest.canary
    if canary is None:
        raise BundleError(f"{bundle.root}: expected a canary to check {session.backend} with, got none; {AGAIN}")
    image = decoded(bundle, canary.image)
    if kind == "detector":
        return _compared(maps_of(session, image), decoded(bundle, canary.maps), session.backend)
    if canary.text is None:
        raise BundleError(f"{bundle.root}: expected what the recognizer reads in the canary, got none; {AGAIN}")
    text = text_of(session, bundle.recognizer, image, canary.crop_xywh)
    if text != canary.text:
        raise BackendError(_wrong(session.backend, f"to read {canary.text!r}", repr(text)))
    return f"reads {text!r}"


def maps_of(session: Session, image: Frame) -> Maps:
    """Return region and affinity, (2, H/2, W/2) float32, of a picture (H, W, 3) of a canvas's size."""
    binding = bind_canvases(session, (1, *image.shape))
    binding.inputs["image"][0] = image
    binding.run(1)
    return np.stack((binding.outputs["region"][0], binding.outputs["affinity"][0]))


def text_of(session: Session, spec: RecognizerSpec, image: Frame, xywh: tuple[int, int, int, int]) -> str:
    """Return the greedy text, of any symbols, that a recognizer reads in a part of a picture."""
    alphabet = make_alphabet(spec.charset, spec.prediction, None, None, None)
    crop = crop_of(spec, image, xywh)
    binding = bind_crops(session, spec, (1, *crop.shape))
    binding.inputs["crops"][0] = crop
    binding.run(1)
    return decode(binding.outputs["log_probs"][0], alphabet).text


def crop_of(spec: RecognizerSpec, image: Frame, xywh: tuple[int, int, int, int]) -> Frame:
    """Return the crop (H, W, C) uint8 that a recognizer is given of a part of a picture."""
    cut = plan_cut(spec, image, box(*xywh))
    crop = np.empty((spec.image_hw[0], cut.width, spec.channels), np.uint8)
    fill_crop(spec, cut, crop)
    return crop


def as_picture(maps: Maps) -> Frame:
    """Return maps (2, H, W) as the bundle stores them: (H, W, 3) uint8, region in blue, affinity in green; NaN counts
    as 1.
    """
    planes = np.concatenate((np.nan_to_num(maps, nan=1.0), np.zeros_like(maps[:1])))
    return np.ascontiguousarray(np.rint(planes.clip(0, 1) * 255).astype(np.uint8).transpose(1, 2, 0))


def _compared(got: Maps, expected: Frame, backend: str) -> str:
    """Zeros, another picture's maps, swapped colours, and what overflows in fp16, are all further off than allowed."""
    seen, mean = as_picture(got), float(expected.mean())
    off = float(cv2.absdiff(seen, expected).mean()) if seen.shape == expected.shape else math.inf
    if off > MAP_TOLERANCE * mean + 255 * FLOOR:
        raise BackendError(_wrong(backend, f"maps at most {MAP_TOLERANCE:.0%} off", f"{off / max(mean, 1e-9):.0%}"))
    return f"maps {off / max(mean, 1e-9):.1%} off, {MAP_TOLERANCE:.0%} allowed"


def _wrong(backend: str, expected: str, got: str) -> str:
    fix = f"`edgereader verify --backend {backend}` says where, and cpu works" if backend != "cpu" else AGAIN
    fix = "see what it serves, and its log" if "://" in backend else fix
    return f"{backend}: expected {expected} on the bundle's canary, got {got}: it is not what the model computes; {fix}"


def decoded(bundle: Bundle, entry: FileEntry | None) -> Frame:
    """Return one of the canary's pictures.

    Raises:
        BundleError: the bundle has none, or a damaged one.
    """
    if entry is None:
        raise BundleError(f"{bundle.root}: expected the detector's maps of the canary, got none; {AGAIN}")
    file = bundle.canary_file(entry)
    picture = cv2.imdecode(np.frombuffer(file.contents, np.uint8), cv2.IMREAD_COLOR)
    if picture is None:
        raise BundleError(f"{file.path}: expected a PNG, got something else; {AGAIN}")
    return picture  # type: ignore[return-value]
