"""The bundle: a folder with ONNX files and ``bundle.json``, written by export and read by the runtime.

Nothing in a bundle is trusted before it is checked: the manifest is validated against the structs
of ``manifest.py``, and a file is used only when its size and SHA-256 are the manifest's.
"""

import hashlib
import os
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from ..errors import BundleError, BundleNotFound
from .manifest import SCHEMA, DetectorSpec, FileEntry, Kind, Manifest, Passport, RecognizerSpec
from .writing import write_whole

MANIFEST_NAME = "bundle.json"
ENGINES_FOLDER = "engines"
MAX_MANIFEST_BYTES = 1 << 20
NAMES_FILES = b"location", b"EPContext"
"""Words in a graph that reads other files when it is loaded: the key of ONNX's external data, and an operator that may
be an engine in a file of its own."""
ORT_FORMAT = b"ORTM"
"""At byte 4 of ONNX Runtime's own format of graphs, which it takes too."""
Spec = TypeVar("Spec", DetectorSpec, RecognizerSpec)


@dataclass(frozen=True)
class Checked:
    """A file whose size and SHA-256 were found to be the manifest's: what runs is what was checked, not read again."""

    path: Path
    """Where it lies."""
    contents: bytes = field(repr=False)
    """What was in it."""


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

    def __reduce__(self) -> tuple[Any, ...]:
        """By name where it is shipped, else by its whole path; the files there must be those of this manifest."""
        ships = shipped(self.root.name) == self.root
        return _found_again, (self.root.name if ships else self.root.absolute(), self.manifest)

    @property
    def detector(self) -> DetectorSpec:
        """The detector; raises BundleError when the bundle has none."""
        return self._present("detector", self.manifest.detector)

    @property
    def recognizer(self) -> RecognizerSpec:
        """The recognizer; raises BundleError when the bundle has none."""
        return self._present("recognizer", self.manifest.recognizer)

    def _present(self, kind: Kind, spec: Spec | None) -> Spec:
        if spec is None:
            raise BundleError(f"{self.root}: expected a {kind}, got none; add one with `edgereader export {kind}`")
        return spec

    def precision(self, kind: Kind, backend: str = "cpu") -> str:
        """Return the precision that a backend runs unless told otherwise.

        Raises:
            BundleError: no such model.
        """
        spec = self.detector if kind == "detector" else self.recognizer
        return spec.preferred.get(backend, "fp32")

    def file(self, kind: Kind, precision: str = "fp32") -> Path:
        """Return the path of a model's file, after its size and SHA-256 were found to be the manifest's; errors are
        `read`'s.
        """
        return self.read(kind, precision).path

    def read(self, kind: Kind, precision: str = "fp32") -> "Checked":
        """Return a model's file.

        Raises:
            BundleError: no such model or precision, or the file is missing, outside, altered, or names other files.
        """
        spec = self.detector if kind == "detector" else self.recognizer
        if precision not in spec.files:
            known = ", ".join(sorted(spec.files)) or "none"
            raise BundleError(f"{self.root}: expected a {kind} in {precision}, got: {known}; ask for one of these")
        found = _checked(self.root, spec.files[precision])
        _expect_self_contained(found)
        return found

    def engine(self, passport: Passport) -> "Checked":
        """Return one of TensorRT's plans.

        A plan is code that runs: only what the manifest vouches for is ever given to TensorRT.

        Raises:
            BundleError: the file is missing, outside, or altered.
        """
        return _checked(self.root, passport.file, ENGINES_FOLDER)

    def canary_file(self, entry: FileEntry) -> "Checked":
        """Return one of the canary's pictures.

        Raises:
            BundleError: the file is missing, outside, or altered.
        """
        return _checked(self.root, entry)


def write_bundle(root: str | os.PathLike[str], manifest: Manifest) -> None:
    """Write ``root/bundle.json`` atomically, making the folder when needed.

    Raises:
        BundleError: the manifest would not be accepted by :meth:`Bundle.open`.
    """
    target = Path(root) / MANIFEST_NAME
    contents = msgspec.json.format(msgspec.json.encode(manifest), indent=2) + b"\n"
    _decode(contents, target)
    write_whole(target, contents)


def shipped(name: str) -> Path:
    """Return where a bundle or folder of this name lies, or would lie, among the package's data."""
    spec = find_spec("edgereader.models")  # found, not imported: the runtime knows no networks
    folders = spec.submodule_search_locations if spec is not None else None
    return Path(next(iter(folders or [""])), "zoo", name)


def _found_again(place: str | Path, manifest: Manifest) -> Bundle:
    return Bundle(shipped(place) if isinstance(place, str) else place, manifest)


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


class _Version(msgspec.Struct):
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


def _checked(root: Path, entry: FileEntry, folder: str = "") -> Checked:
    path = root / folder / entry.path
    again = "copy or export the bundle again"
    if not path.is_file():
        raise BundleError(f"{path}: expected a file of {entry.bytes} bytes, got none; {again}")
    if path.resolve().parent != root.resolve() / folder:
        raise BundleError(f"{path}: expected a file inside the bundle, got a link to {path.resolve()}; {again}")
    try:
        with path.open("rb") as stream:
            contents = stream.read(entry.bytes + 1)
    except OSError as exc:
        raise BundleError(f"{path}: expected a readable file, got: {exc.strerror}; check its permissions") from exc
    if len(contents) != entry.bytes:
        got = len(contents) if len(contents) < entry.bytes else "more"
        raise BundleError(f"{path}: expected {entry.bytes} bytes, got {got}; {again}")
    digest = hashlib.sha256(contents).hexdigest()
    if digest != entry.sha256:
        raise BundleError(f"{path}: expected SHA-256 {entry.sha256}, got {digest}; {again}")
    return Checked(path, contents)


def _expect_self_contained(graph: Checked) -> None:
    """Refuse a graph that names files, which no manifest vouches for and which may change after any check."""
    if graph.contents[4:8] == ORT_FORMAT or any(_has_word(graph.contents, word) for word in NAMES_FILES):
        raise BundleError(
            f"{graph.path}: expected one self-contained ONNX graph, got one that reads other files (external data, "
            "an engine), or another format; export the bundle again"
        )


def _has_word(contents: bytes, word: bytes) -> bool:
    """Return whether a protobuf message has a string that is this word: the byte before it is its length, or the last
    byte of a padded one.
    """
    place = contents.find(word)
    while place >= 0:
        if place > 0 and contents[place - 1] in {0, len(word)}:
            return True
        place = contents.find(word, place + 1)
    return False


def file_sha256(path: Path) -> str:
    """Return the SHA-256 of a file's contents, lower-case hexadecimal."""
    digest = hashlib.sha256()
    with path.open("rb") as stream:
        while chunk := stream.read(1 << 20):
            digest.update(chunk)
    return digest.hexdigest()
