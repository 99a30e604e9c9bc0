"""What bundle.json says: the structs that it is validated against."""

from bisect import bisect_left
from itertools import pairwise
from typing import Annotated, Literal

from msgspec import Meta, Struct

from ..errors import BundleError

SCHEMA = 1
CANVAS_SIDES_PX: tuple[int, ...] = (*range(64, 512, 64), *range(512, 8193, 128))
"""The only canvas sides, multiples of 32: few enough that photos of all sizes share a few canvases."""
MOST_HALVED = 2
"""A detector's smaller canvas is halved so often for larger text. Of digits as high as 0.2 to 0.8 of a picture it finds
none above 0.2 without that, and all with it."""
STRIDE_PX = 4
"""Columns of a crop for each step of the feature networks."""
MAX_FILE_BYTES = 2 << 30
"""No larger than one ONNX (protobuf) file can be."""

PlainName = Annotated[str, Meta(pattern=r"\A[A-Za-z0-9][A-Za-z0-9._-]{0,127}\Z")]
Sha256 = Annotated[str, Meta(pattern=r"\A[0-9a-f]{64}\Z")]
Probability = Annotated[float, Meta(ge=0, le=1)]
Width = Annotated[float, Meta(gt=0, le=8)]
Stretch = Annotated[float, Meta(ge=0.25, le=4)]
Margin = Annotated[float, Meta(ge=0, le=1)]
Temperature = Annotated[float, Meta(ge=0.01, le=100)]
Side = Annotated[int, Meta(ge=8, le=8192)]
Widths = Annotated[tuple[Side, ...], Meta(max_length=16)]
Pixels = Annotated[int, Meta(ge=0, le=8192)]
AxisSize = Annotated[int, Meta(ge=1, le=8192)]
ComputeCapability = Annotated[str, Meta(pattern=r"\Asm[0-9]{2,3}\Z")]
Kind = Literal["detector", "recognizer"]
KINDS: tuple[Kind, ...] = ("detector", "recognizer")


class FileEntry(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One file of the bundle folder."""

    path: PlainName
    """Plain file name inside the folder, no separators."""
    sha256: Sha256
    """Checksum of the contents, lower-case hexadecimal."""
    bytes: Annotated[int, Meta(ge=1, le=MAX_FILE_BYTES)]
    """Size of the contents."""


class Parity(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How closely an exported graph follows its network."""

    worst: Annotated[float, Meta(ge=0)]
    """Largest difference from the network in float64, divided by the output's largest magnitude."""
    tolerance: Annotated[float, Meta(gt=0)]
    """What ``worst`` was allowed to be."""
    float32: Annotated[float, Meta(ge=0)] | None = None
    """How far the network itself is from that when it computes in float32, on the same input; None = not measured."""
    cases: Annotated[int, Meta(ge=1)]
    """Number of inputs compared."""
    symbols_equal: bool | None
    """Whether the greedy symbols were identical; None for a detector."""
    opset: Annotated[int, Meta(ge=1)]
    """ONNX operator set of the graph."""
    versions: dict[str, str]
    """Library → version that the comparison ran with."""


class Quantized(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a graph in fewer bits does otherwise than the fp32 graph of its bundle; it passed the gate."""

    calibrated_on: Annotated[int, Meta(ge=1)]
    """Pictures whose activations set the ranges."""
    validated_on: Annotated[int, Meta(ge=1)]
    """Other pictures, on which the two were compared."""
    labelled: bool
    """Whether the labels of the pictures were the truth; False: what fp32 finds was."""
    strings: Annotated[int, Meta(ge=0)]
    """Crops that fp32 was sure of, and that were read in both precisions; 0 for a detector."""
    strings_equal: Probability | None
    """Share of them that read the same in both; None for a detector."""
    regions: Annotated[int, Meta(ge=0)]
    """Regions that should be found; 0 for a recognizer."""
    hmean_loss: float | None
    """H-mean of fp32 less that of this graph, points of 100; None for a recognizer."""
    kept_fp32: list[str]
    """Layers that stayed in fp32: in fewer bits they broke the gate, float16 could not hold them, or it was asked."""
    speed_ratio: Annotated[float, Meta(gt=0)] | None = None
    """Time of fp32 over time of this graph, medians of one run on the machine that quantised; None = it is for GPUs."""
    speed_on: str | None = None
    """What was timed: size and threads."""
    versions: dict[str, str]
    """Library → version that the comparison ran with."""


class Thresholds(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Defaults for :func:`~edgereader.runtime.geometry.heatmaps.find_regions`."""

    text: Probability = 0.7
    """A region whose score never reaches this is dropped."""
    link: Probability = 0.4
    """Affinity above this links characters to words."""
    low_text: Probability = 0.4
    """Region score above this is text."""


class Canary(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A small picture, with what the fp32 graphs make of it on ``cpu``."""

    image: FileEntry
    """PNG, BGR, whose sides are a detector's canvas."""
    maps: FileEntry | None = None
    """PNG of half its height and width: region score in blue, affinity in green, 255 for 1; None = no detector."""
    crop_xywh: tuple[Pixels, Pixels, Pixels, Pixels]
    """The part of the image that a recognizer is given, pixels."""
    text: str | None = None
    """What a recognizer reads there, all symbols allowed; None = no recognizer."""


class ShapeRange(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Shapes that an engine takes for one input."""

    min: tuple[AxisSize, ...]
    """Smallest, by axis."""
    opt: tuple[AxisSize, ...]
    """The one that it is fastest with."""
    max: tuple[AxisSize, ...]
    """Largest, by axis."""

    def __post_init__(self) -> None:
        sizes = zip(self.min, self.opt, self.max, strict=True)
        if not all(1 <= low <= best <= high for low, best, high in sizes):
            raise ValueError(f"expected min <= opt <= max on every axis, got {self.min}, {self.opt}, {self.max}")

    def holds(self, shape: tuple[int, ...]) -> bool:
        """Return whether a shape is one of these."""
        if len(shape) != len(self.min):
            return False
        return all(low <= size <= high for low, size, high in zip(self.min, shape, self.max, strict=True))


Profile = dict[str, ShapeRange]
"""Name of an input whose shape is open → the shapes it takes."""


class Passport(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One of TensorRT's plans, and all that must be as it was built for."""

    file: FileEntry
    """The plan, under ``engines/``."""
    kind: Kind
    """The model it runs."""
    precision: str
    """The precision of the graph that it was built from."""
    flavour: Literal["tensorrt", "tensorrt-rtx"]
    """The library that built it, and the backend that runs it."""
    version: Annotated[str, Meta(pattern=r"\A[0-9]+(\.[0-9]+){1,3}\Z")]
    """Version of that library."""
    targets: Annotated[list[ComputeCapability], Meta(min_length=1)]
    """GPUs that it runs on, as "sm86"."""
    onnx_sha256: Sha256
    """Checksum of the graph that it was built from."""
    profile: Profile
    """Shapes that it takes."""
    flags: list[str] = []
    """Choices of the builder that differ from its defaults: "version-compatible", "optimization-level=5", …"""


def _expect_files(preferred: dict[str, str], files: dict[str, FileEntry]) -> None:
    for backend, precision in preferred.items():
        if precision not in files:
            raise ValueError(f"preferred on {backend} is {precision}, which has no file")


def expect_sides(long_side_px: int, coarse_side_px: int | None) -> None:
    """Check that a detector can use these sides of its canvases, as `DetectorSpec` has them.

    Raises:
        BundleError: it cannot.
    """
    least, *_, most = CANVAS_SIDES_PX
    if not least <= long_side_px <= most:
        raise BundleError(f"long_side_px: expected {least} to {most}, got {long_side_px}; choose one of these")
    smaller = [side for side in CANVAS_SIDES_PX if side < long_side_px]
    if coarse_side_px is not None and coarse_side_px not in smaller:
        sides = ", ".join(map(str, smaller)) or "none, as no canvas is smaller"
        raise BundleError(
            f"coarse_side_px: expected a canvas below {long_side_px} ({sides}), got {coarse_side_px}; choose one"
        )


class DetectorSpec(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The text detector of a bundle."""

    architecture: Literal["CRAFT", "CRAFT+LinkRefiner"]
    """Networks inside the graph."""
    width: Width
    """Factor on the channels of every layer; 1.0 is the published network."""
    strided: bool = False
    """Whether the first convolution has a stride of 2, which the published network's has not."""
    thresholds: Thresholds = Thresholds()
    """Defaults of box extraction."""
    long_side_px: Side = 1280
    """Longest canvas side that the detector uses unless told otherwise."""
    coarse_side_px: Side | None = None
    """Longest side of a second, smaller canvas, on which large text is found, and of halves of which larger text is;
    None = no such look. One of ``CANVAS_SIDES_PX``, which are filled from edge to edge."""
    zoom: Annotated[float, Meta(gt=1, le=4)] | None = None
    """Small text is looked at again, so many times as large as on the canvas of the long side; None = no such look."""
    as_easyocr: bool = False
    """Whether frames are fitted as by EasyOCR (see `Fit.plain`), and text, unlike numbers, is left without the ink at
    its ends (see `with_ends`)."""
    files: dict[str, FileEntry]
    """Precision ("fp32", …) → file."""
    parity: dict[str, Parity]
    """Precision → comparison with the network."""
    quantized: dict[str, Quantized] = {}
    """Precision in fewer bits ("int8") → comparison with fp32."""
    preferred: dict[str, str] = {}
    """Backend → the precision that it runs unless told otherwise; a backend that is not named runs fp32."""

    def __post_init__(self) -> None:
        _expect_files(self.preferred, self.files)
        expect_sides(self.long_side_px, self.coarse_side_px)

    @property
    def coarse_sides_px(self) -> list[int]:
        """Longest sides of all smaller canvases, the largest first."""
        sides = [(self.coarse_side_px or 0) >> halved for halved in range(MOST_HALVED + 1)]
        return [side for side in sides if side >= CANVAS_SIDES_PX[0]]


class RecognizerSpec(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The text recognizer of a bundle."""

    stages: Annotated[str, Meta(pattern=r"\A(None|TPS)-(VGG|RCNN|ResNet)-(None|BiLSTM)-(CTC|Attn)\Z")]
    """Transformation-Features-Sequence-Prediction, for example "TPS-ResNet-BiLSTM-Attn"."""
    charset: Annotated[str, Meta(min_length=1, max_length=65_536)]
    """Characters in the order of the graph's symbols, without blank, [GO] and [s]; some may repeat."""
    image_hw: tuple[Side, Side]
    """Height and greatest width of a crop, pixels."""
    widths: Widths = ()
    """Widths that the graph is run at, ascending multiples of ``STRIDE_PX`` up to that of image_hw: a crop gets the
    least that holds it; () = that of image_hw only."""
    channels: Literal[1, 3]
    """1 = grey, 3 = BGR."""
    width: Width
    """Factor on the channels of every layer; 1.0 is the published network."""
    max_length: Annotated[int, Meta(ge=1, le=1024)]
    """Most characters an Attn decoder writes."""
    keep_ratio: bool
    """True: crops keep their aspect ratio and are padded on the right; False: stretched to image_hw."""
    stretch: Stretch = 1.0
    """With keep_ratio: how much wider than its ratio a crop is made, see `crop_columns`."""
    margin: Margin = 0.0
    """Share of their height that is cut around the quads of a detector."""
    even_contrast: bool = False
    """Whether the graph brings every crop to one mean and deviation first; its network must be told."""
    as_easyocr: bool = False
    """With keep_ratio and CTC: whether quads become crops by EasyOCR's steps (see `easyocr_steps`), and unsure ones are
    looked at again with more contrast."""
    temperature: Temperature = 1.0
    """The logarithms of the probabilities are divided by this, so that a confidence is how often a reading is right."""
    files: dict[str, FileEntry]
    """Precision ("fp32", …) → file."""
    parity: dict[str, Parity]
    """Precision → comparison with the network."""
    quantized: dict[str, Quantized] = {}
    """Precision in fewer bits ("int8") → comparison with fp32."""
    preferred: dict[str, str] = {}
    """Backend → the precision that it runs unless told otherwise; a backend that is not named runs fp32."""

    @property
    def prediction(self) -> Literal["CTC", "Attn"]:
        """The last of the four stages."""
        return "CTC" if self.stages.endswith("CTC") else "Attn"

    @property
    def classes(self) -> int:
        """Symbols of the graph: the charset after CTC's blank, or after Attn's [GO] and [s]."""
        return len(self.charset) + (1 if self.prediction == "CTC" else 2)

    @property
    def crop_widths(self) -> tuple[int, ...]:
        """Widths that the graph is run at, ascending, at least one."""
        return self.widths or self.image_hw[1:]

    @property
    def usual_hw(self) -> tuple[int, int]:
        """Height and middle width of a crop: what is timed, and what engines are fastest with."""
        return self.image_hw[0], self.crop_widths[len(self.crop_widths) // 2]

    def width_for(self, columns: int) -> int:
        """Return the least width that holds so many columns; the greatest where none does."""
        widths = self.crop_widths
        return widths[min(bisect_left(widths, columns), len(widths) - 1)]

    @property
    def open_steps(self) -> bool:
        """Whether the graph has other steps (T) at other widths."""
        return bool(self.widths) and self.prediction == "CTC"

    def steps(self, width: int) -> int:
        """Return the steps (T) of the published networks at a width, a multiple of ``STRIDE_PX``."""
        if self.prediction == "Attn":
            return self.max_length + 1
        return width // STRIDE_PX + (-1 if "-VGG-" in self.stages else 1)

    def __post_init__(self) -> None:
        if self.widths:
            self._expect_widths()
        if self.as_easyocr and not (self.keep_ratio and self.prediction == "CTC"):
            got = self.stages if self.keep_ratio else "crops that are stretched to one size"
            raise ValueError(f"expected as_easyocr only with keep_ratio and CTC, got {got}")
        _expect_files(self.preferred, self.files)

    def _expect_widths(self) -> None:
        rising = all(low < high for low, high in pairwise(self.widths))
        if not rising or self.widths[-1] != self.image_hw[1] or any(width % STRIDE_PX for width in self.widths):
            expected = f"ascending multiples of {STRIDE_PX} that end with {self.image_hw[1]}, the greatest"
            raise ValueError(f"expected widths: {expected}; got {', '.join(map(str, self.widths))}")
        if not self.keep_ratio or not self.stages.startswith("None-"):
            got = self.stages if self.keep_ratio else "crops that are stretched to one size"
            raise ValueError(f"expected widths only with keep_ratio and without TPS, got {got}")


class Manifest(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The contents of bundle.json."""

    schema: int
    """Version of this layout, ``SCHEMA``."""
    name: Annotated[str, Meta(min_length=1, max_length=128)]
    """Name of the bundle."""
    licence: str
    """SPDX identifier, or a sentence."""
    detector: DetectorSpec | None = None
    """The detector, if the bundle has one."""
    recognizer: RecognizerSpec | None = None
    """The recognizer, if the bundle has one."""
    canary: Canary | None = None
    """A picture with what fp32 makes of it on ``cpu``: a backend shows on it that it works."""
    engines: list[Passport] = []
    """TensorRT's plans under ``engines/``."""

    def __post_init__(self) -> None:
        if self.schema != SCHEMA:
            raise ValueError(f"schema must be {SCHEMA}, not {self.schema}")
        if self.detector is None and self.recognizer is None:
            raise ValueError("a bundle needs a detector or a recognizer")
