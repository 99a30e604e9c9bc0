"""The canary: a small picture in the bundle on which a backend shows that it works, before it reads anything else."""

from typing import TYPE_CHECKING, Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from .alphabets import make_alphabet
from .bundle import Bundle
from .decoding import decode
from .errors import BackendError, BundleError
from .images import Frame, cut_quad
from .manifest import Canary, Kind, RecognizerSpec

if TYPE_CHECKING:
    from .sessions import Session

Maps = NDArray[np.float32]
MAP_TOLERANCE = 0.15
"""Mean difference of the maps that is allowed, as a share of the mean of what is expected: int8 needs half of it."""
FLOOR = 1 / 255
"""And so much more, since the expected maps are stored as bytes."""


def prove(session: "Session", bundle: Bundle, kind: Kind) -> None:
    """See a session read the canary as fp32 does it on ``cpu``.

    Raises:
        BackendError: it gives something else.
        BundleError: the bundle has no canary, or a damaged one.
    """
    canary = bundle.manifest.canary
    if canary is None:
        raise BundleError(f"{bundle.root}: expected a canary to check {session.backend} with, got none; export again")
    image = _picture(bundle, canary)
    if kind == "detector":
        _expect_maps(maps_of(session, image), _expected_maps(bundle, canary), session.backend)
        return
    text = text_of(session, bundle.recognizer, image, canary.crop_xywh)
    if text != canary.text:
        raise BackendError(_wrong(session.backend, f"to read {canary.text!r}", repr(text)))


def maps_of(session: "Session", image: Frame) -> Maps:
    """Region and affinity, (2, H/2, W/2) float32, that a detector sees in a picture (H, W, 3) of a canvas's size."""
    height, width = image.shape[:2]
    maps = (1, height // 2, width // 2)
    binding = session.bind({"image": (1, *image.shape), "region": maps, "affinity": maps}, batched=())
    binding.inputs["image"][0] = image
    binding.run(1)
    return np.stack((binding.outputs["region"][0], binding.outputs["affinity"][0]))


def text_of(session: "Session", spec: RecognizerSpec, image: Frame, xywh: tuple[int, int, int, int]) -> str:
    """The greedy text, of any symbols, that a recogniser reads in a part of a picture."""
    prediction: Literal["CTC", "Attn"] = "CTC" if spec.stages.endswith("CTC") else "Attn"
    alphabet = make_alphabet(spec.charset, prediction, None, None, None)
    _, steps, classes = session.output_shape("log_probs")
    if steps is None or classes is None:
        raise BundleError(f"recognizer: expected fixed steps and classes, got {steps} and {classes}; export it again")
    binding = session.bind(
        {
            "crops": (1, *spec.image_hw, spec.channels),
            "allowed": (classes,),
            "symbols": (1, steps),
            "log_probs": (1, steps, classes),
        },
        batched=("crops", "symbols", "log_probs"),
    )
    x, y, width, height = xywh
    quad = np.array(((x, y), (x + width, y), (x + width, y + height), (x, y + height)), np.float32)
    cut_quad(image, quad, binding.inputs["crops"][0], keep_ratio=spec.keep_ratio, stretch=spec.stretch)
    binding.inputs["allowed"][:] = 0
    binding.run(1)
    return decode(binding.outputs["log_probs"][0], alphabet).text


def as_picture(maps: Maps) -> Frame:
    """Maps (2, H, W) as the bundle stores them: (H, W, 3) uint8, region in blue, affinity in green."""
    planes = np.concatenate((maps, np.zeros_like(maps[:1])))
    return np.ascontiguousarray(np.rint(planes.clip(0, 1) * 255).astype(np.uint8).transpose(1, 2, 0))


def _expect_maps(got: Maps, expected: Maps, backend: str) -> None:
    """Zeros, another picture's maps, and maps in which fp16 has overflowed, are all further off than allowed."""
    off = float(np.abs(np.nan_to_num(got, nan=1.0).clip(0, 1) - expected).mean())
    allowed = MAP_TOLERANCE * float(expected.mean()) + FLOOR
    if not off <= allowed:
        raise BackendError(_wrong(backend, f"maps at most {allowed:.3f} away", f"{off:.3f}"))


def _wrong(backend: str, expected: str, got: str) -> str:
    return (
        f"{backend}: expected {expected} on the bundle's canary, got {got}: it does not compute what the model is; "
        f"`edgereader verify --backend {backend}` says where, and cpu works"
    )


def _picture(bundle: Bundle, canary: Canary) -> Frame:
    return _decoded(bundle.canary_file(canary.image).read_bytes(), str(bundle.root))


def _expected_maps(bundle: Bundle, canary: Canary) -> Maps:
    if canary.maps is None:
        raise BundleError(f"{bundle.root}: expected a detector's maps of the canary, got none; export it again")
    stored = _decoded(bundle.canary_file(canary.maps).read_bytes(), str(bundle.root))
    return (stored[..., :2].transpose(2, 0, 1) / np.float32(255)).astype(np.float32)


def _decoded(contents: bytes, where: str) -> Frame:
    picture = cv2.imdecode(np.frombuffer(contents, np.uint8), cv2.IMREAD_COLOR)
    if picture is None:
        raise BundleError(f"{where}: expected a canary that is a PNG, got something else; export it again")
    return picture  # type: ignore[return-value]
