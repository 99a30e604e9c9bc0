"""The bundle: a folder with ONNX files and ``bundle.json``, written by export and read by the runtime.

Nothing in a bundle is trusted before it is checked: the manifest is validated against the structs
below, and a file is used only when its size and SHA-256 are the manifest's.
"""

import hashlib
import os
import tempfile
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar

import msgspec
from msgspec import Meta, Struct

from .errors import BundleError, BundleNotFound

SCHEMA = 1
MANIFEST_NAME = "bundle.json"
MAX_MANIFEST_BYTES = 1 << 20
MAX_FILE_BYTES = 2 << 30
"""No larger than one ONNX (protobuf) file can be."""

PlainName = Annotated[str, Meta(pattern=r"\A[A-Za-z0-9][A-Za-z0-9._-]{0,127}\Z")]
Sha256 = Annotated[str, Meta(pattern=r"\A[0-9a-f]{64}\Z")]
Probability = Annotated[float, Meta(ge=0, le=1)]
Width = Annotated[float, Meta(gt=0, le=8)]
Stretch = Annotated[float, Meta(ge=0.25, le=4)]
Temperature = Annotated[float, Meta(ge=0.01, le=100)]
Side = Annotated[int, Meta(ge=8, le=8192)]


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
    """Largest difference over all cases, divided by the output's largest magnitude."""
    tolerance: Annotated[float, Meta(gt=0)]
    """What ``worst`` was allowed to be."""
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
    """Regions that should be found; 0 for a recogniser."""
    hmean_loss: float | None
    """H-mean of fp32 less that of this graph, points of 100; None for a recogniser."""
    kept_fp32: list[str]
    """Layers that broke the gate in fewer bits, and so stayed in fp32."""
    speed_ratio: Annotated[float, Meta(gt=0)]
    """Time of fp32 over time of this graph, medians of one run on the machine that quantised."""
    speed_on: str
    """What was timed: size and threads."""
    versions: dict[str, str]
    """Library → version that the comparison ran with."""


class Thresholds(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Defaults for :func:`~edgereader.runtime.heatmaps.find_regions`."""

    text: Probability = 0.7
    """A region whose score never reaches this is dropped."""
    link: Probability = 0.4
    """Affinity above this links characters to words."""
    low_text: Probability = 0.4
    """Region score above this is text."""


def _expect_files(preferred: dict[str, str], files: dict[str, FileEntry]) -> None:
    for backend, precision in preferred.items():
        if precision not in files:
            raise ValueError(f"preferred on {backend} is {precision}, which has no file")


class DetectorSpec(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The text detector of a bundle."""

    architecture: Literal["CRAFT", "CRAFT+LinkRefiner"]
    """Networks inside the graph."""
    width: Width
    """Factor on the channels of every layer; 1.0 is the published network."""
    thresholds: Thresholds = Thresholds()
    """Defaults of box extraction."""
    long_side_px: Side = 1280
    """Longest canvas side that the detector uses unless told otherwise."""
    coarse_side_px: Side | None = None
    """Longest side of a second, smaller canvas, on which very large text is found; None = no second look."""
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


class RecognizerSpec(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The text recogniser of a bundle."""

    stages: Annotated[str, Meta(pattern=r"\A(None|TPS)-(VGG|RCNN|ResNet)-(None|BiLSTM)-(CTC|Attn)\Z")]
    """Transformation-Features-Sequence-Prediction, for example "TPS-ResNet-BiLSTM-Attn"."""
    charset: Annotated[str, Meta(min_length=1, max_length=65_536)]
    """Characters in the order of the graph's symbols, without blank, [GO] and [s]."""
    image_hw: tuple[Side, Side]
    """Height and width of a crop, pixels."""
    channels: Literal[1, 3]
    """1 = grey, 3 = BGR."""
    width: Width
    """Factor on the channels of every layer; 1.0 is the published network."""
    max_length: Annotated[int, Meta(ge=1, le=1024)]
    """Most characters an Attn decoder writes."""
    keep_ratio: bool
    """True: crops keep their aspect ratio and are padded on the right; False: stretched to image_hw."""
    stretch: Stretch = 1.0
    """With keep_ratio: how much wider than its ratio a crop is made where the input has room."""
    even_contrast: bool = False
    """Whether the graph brings every crop to one mean and deviation first; its network must be told."""
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

    def __post_init__(self) -> None:
        if len(set(self.charset)) != len(self.charset):
            raise ValueError("every character of charset must occur once")
        _expect_files(self.preferred, self.files)


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
    """The recogniser, if the bundle has one."""
    engines: list[dict[str, Any]] = []
    """Passports of the TensorRT plans under engines/."""

    def __post_init__(self) -> None:
        if self.schema != SCHEMA:
            raise ValueError(f"schema must be {SCHEMA}, not {self.schema}")
        if self.detector is None and self.recognizer is None:
            raise ValueError("a bundle needs a detector or a recognizer")


Kind = Literal["detector", "recognizer"]
Spec = TypeVar("Spec", DetectorSpec, RecognizerSpec)


@dataclass(frozen=True)
class Bundle:
    """A folder with models whose manifest has been validated."""

    root: Path
    """The folder."""
    manifest: Manifest
    """The contents of its bundle.json."""

    @classmethod
    def open(cls, name_or_path: str | os.PathLike[str]) -> "Bundle":
        """Open a bundle that ships with the package (a name) or lies in a folder (a path).

        Raises:
            BundleNotFound: neither a shipped name nor a folder with bundle.json.
            BundleError: bundle.json is not what this version of EdgeReader can read.
        """
        root = _locate(name_or_path)
        return cls(root, _read_manifest(root / MANIFEST_NAME))

    @property
    def detector(self) -> DetectorSpec:
        """The detector; raises BundleError when the bundle has none."""
        return self._present("detector", self.manifest.detector)

    @property
    def recognizer(self) -> RecognizerSpec:
        """The recogniser; raises BundleError when the bundle has none."""
        return self._present("recognizer", self.manifest.recognizer)

    def _present(self, kind: Kind, spec: Spec | None) -> Spec:
        if spec is None:
            raise BundleError(f"{self.root}: expected a {kind}, got none; add one with `edgereader export {kind}`")
        return spec

    def precision(self, kind: Kind, backend: str = "cpu") -> str:
        """The precision that a backend runs unless told otherwise.

        Raises:
            BundleError: no such model.
        """
        spec = self.detector if kind == "detector" else self.recognizer
        return spec.preferred.get(backend, "fp32")

    def file(self, kind: Kind, precision: str = "fp32") -> Path:
        """Path of a model's file, after its size and SHA-256 were found to be the manifest's.

        Raises:
            BundleError: no such model or precision, or the file is missing, outside, or altered.
        """
        spec = self.detector if kind == "detector" else self.recognizer
        if precision not in spec.files:
            known = ", ".join(sorted(spec.files)) or "none"
            raise BundleError(f"{self.root}: expected a {kind} in {precision}, got: {known}; ask for one of these")
        return _checked(self.root, spec.files[precision])


def write_bundle(root: str | os.PathLike[str], manifest: Manifest) -> None:
    """Write ``root/bundle.json`` atomically, making the folder when needed.

    Raises:
        BundleError: the manifest would not be accepted by :meth:`Bundle.open`.
    """
    target = Path(root) / MANIFEST_NAME
    contents = msgspec.json.format(msgspec.json.encode(manifest), indent=2) + b"\n"
    _decode(contents, target)
    target.parent.mkdir(parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(dir=target.parent, prefix=".bundle-", suffix=".json")
    try:
        with os.fdopen(handle, "wb") as stream:
            stream.write(contents)
            stream.flush()
            os.fsync(stream.fileno())
        Path(temporary).chmod(0o644)
        Path(temporary).replace(target)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


def shipped(name: str) -> Path:
    """Where a bundle or folder of this name lies, or would lie, among the package's data."""
    spec = find_spec("edgereader.models")  # found, not imported: the runtime knows no networks
    folders = spec.submodule_search_locations if spec is not None else None
    return Path(next(iter(folders or [""])), "zoo", name)


def _locate(name_or_path: str | os.PathLike[str]) -> Path:
    if isinstance(name_or_path, str) and not {"/", os.sep} & set(name_or_path):
        root = shipped(name_or_path)
        if (root / MANIFEST_NAME).is_file():
            return root
    root = Path(name_or_path)
    if not (root / MANIFEST_NAME).is_file():
        raise BundleNotFound(
            f"no bundle {str(name_or_path)!r}: expected the name of a shipped bundle or a folder with "
            f"{MANIFEST_NAME}; give its path, or make one with `edgereader export`"
        )
    return root


def _read_manifest(path: Path) -> Manifest:
    try:
        with path.open("rb") as stream:
            contents = stream.read(MAX_MANIFEST_BYTES + 1)
    except OSError as exc:
        raise BundleError(f"{path}: expected a readable file, got: {exc.strerror}; check its permissions") from exc
    if len(contents) > MAX_MANIFEST_BYTES:
        raise BundleError(f"{path}: expected at most {MAX_MANIFEST_BYTES} bytes, got more; export the bundle again")
    return _decode(contents, path)


class _Version(Struct):
    schema: int


def _decode(contents: bytes, path: Path) -> Manifest:
    try:
        version = msgspec.json.decode(contents, type=_Version).schema
        if version == SCHEMA:
            return msgspec.json.decode(contents, type=Manifest)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as exc:
        raise BundleError(f"{path}: expected schema {SCHEMA}, got: {exc}; export the bundle again") from exc
    fix = "update edgereader" if version > SCHEMA else "export the bundle again"
    raise BundleError(f"{path}: expected schema {SCHEMA}, got {version}; {fix}")


def _checked(root: Path, entry: FileEntry) -> Path:
    path = root / entry.path
    again = "copy or export the bundle again"
    if not path.is_file():
        raise BundleError(f"{path}: expected a file of {entry.bytes} bytes, got none; {again}")
    if path.resolve().parent != root.resolve():
        raise BundleError(f"{path}: expected a file inside the bundle, got a link to {path.resolve()}; {again}")
    if (size := path.stat().st_size) != entry.bytes:
        raise BundleError(f"{path}: expected {entry.bytes} bytes, got {size}; {again}")
    try:
        digest = file_sha256(path)
    except OSError as exc:
        raise BundleError(f"{path}: expected a readable file, got: {exc.strerror}; check its permissions") from exc
    if digest != entry.sha256:
        raise BundleError(f"{path}: expected SHA-256 {entry.sha256}, got {digest}; {again}")
    return path


def file_sha256(path: Path) -> str:
    """SHA-256 of a file's contents, lower-case hexadecimal."""
    digest = hashlib.sha256()
    with path.open("rb") as stream:
        while chunk := stream.read(1 << 20):
            digest.update(chunk)
    return digest.hexdigest()
