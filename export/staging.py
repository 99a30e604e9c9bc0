"""Changes of a bundle that happen whole or not at all, also when the process is killed in the middle of one.

What a bundle is, its bundle.json says. So a new file first gets a name that no manifest knows, and the bundle is
changed at the one moment when its manifest is replaced. Only then do the new files take the names that they are
known by, and the old ones go. Whoever opens the bundle in between finds the old one or the new one, complete.
"""

from __future__ import annotations

import errno
import os
import shutil
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import msgspec

from ..runtime.bundles.bundle import ENGINES_FOLDER, MANIFEST_NAME, Bundle, file_sha256, write_bundle
from ..runtime.bundles.manifest import Canary, FileEntry, Kind, Manifest
from ..runtime.bundles.writing import write_whole
from ..runtime.errors import BundleError, EdgeReaderError, ExportError

FRESH = "new-"
"""A file that is not yet under its own name: this, 12 digits of its checksum, "-", and that name."""
FIXES = {
    "make room": (errno.ENOSPC, errno.EDQUOT, errno.EFBIG),
    "make it writable, or take a folder that is": (errno.EACCES, errno.EPERM, errno.EROFS),
}
"""What helps -> the errors against which it does."""


@contextmanager
def writing(path: Path) -> Iterator[None]:
    """Turn an OSError of the body, which does nothing but write to `path`, into an ExportError with what helps."""
    try:
        yield
    except EdgeReaderError:
        raise
    except OSError as exc:
        fix = next((fix for fix, numbers in FIXES.items() if exc.errno in numbers), "take another folder")
        raise ExportError(f"{path}: expected to write it, got: {exc.strerror or exc}; {fix}") from exc


@contextmanager
def staged(folder: Path) -> Iterator[Path]:
    """Make a temporary folder on the disk of `folder`, which need not be there yet; gone afterwards.

    Raises:
        ExportError: it cannot be made.
    """
    folder = folder.absolute()
    anchor = next(parent for parent in (folder, *folder.parents) if parent.is_dir())
    with writing(folder):
        made = tempfile.TemporaryDirectory(prefix=".building-", dir=anchor, ignore_cleanup_errors=True)
    with made as path:
        yield Path(path)


def commit(root: Path, manifest: Manifest, files: Iterable[Path] = ()) -> None:
    """Put files into a bundle and make `manifest`, which names them, its manifest; what it no longer names is deleted.

    `files`: staged on the same disk, under the names that the manifest has.

    Raises:
        BundleError: the manifest would not be accepted; the bundle is as it was.
        ExportError: it cannot be written; the bundle is as it was.
    """
    old = Bundle.open(root.absolute()).manifest if (root / MANIFEST_NAME).exists() else None
    new = not root.exists()
    moved: list[Path] = []
    names: dict[str, str] = {}
    with writing(root):
        try:
            for file in files:
                final = place(root, file.name)
                final.parent.mkdir(parents=True, exist_ok=True)
                digest = file_sha256(file)
                if final.exists() and file_sha256(final) == digest:
                    continue
                if final.exists():
                    names[file.name] = f"{FRESH}{digest[:12]}-{file.name}"
                    final = place(root, names[file.name])
                flush(file)
                moved.append(file.replace(final))
            write_bundle(root, renamed(manifest, names))
        except BaseException:
            if not (root / MANIFEST_NAME).exists() or Bundle.open(root.absolute()).manifest == old:
                for path in moved:
                    path.unlink()
                if new:
                    shutil.rmtree(root, ignore_errors=True)
            raise
    with suppress(OSError):  # the bundle is whole either way, and the next change tries again
        tidy(root, {entry.path for entry in entries(old)} if old else set())


def tidy(root: Path, before: set[str]) -> None:
    """Give fresh files their own names, and delete those of `before`, and fresh ones, that the manifest has not."""
    manifest = Bundle.open(root.absolute()).manifest
    names = {entry.path: entry.path.split("-", 2)[2] for entry in entries(manifest) if entry.path.startswith(FRESH)}
    for fresh, own in names.items():
        write_whole(place(root, own), place(root, fresh).read_bytes())
    if names:
        manifest = renamed(manifest, names)
        write_bundle(root, manifest)
    named = {entry.path for entry in entries(manifest)}
    strays = {path.name for folder in (root, root / ENGINES_FOLDER) for path in folder.glob(f"{FRESH}*")}
    for name in (before | strays) - named:
        place(root, name).unlink(missing_ok=True)


def place(root: Path, name: str) -> Path:
    """Return where a bundle keeps a file of this name."""
    return root / ENGINES_FOLDER / name if name.endswith(".engine") else root / name


def flush(path: Path) -> None:
    """See a file's contents on the disk before anything says that they are there."""
    with path.open("rb") as file:
        os.fsync(file.fileno())


def models_of(manifest: Manifest) -> tuple[Kind, ...]:
    """Return the kinds of models that a bundle has."""
    kinds: tuple[Kind, ...] = ("detector", "recognizer")
    return tuple(kind for kind in kinds if getattr(manifest, kind) is not None)


def entry_of(path: Path) -> FileEntry:
    """Return how a manifest names a file that is there."""
    return FileEntry(path=path.name, sha256=file_sha256(path), bytes=path.stat().st_size)


def entries(part: Manifest | Canary) -> Iterator[FileEntry]:
    """Yield every file that a manifest, or a part of one, names."""
    yield from (msgspec.convert(entry, FileEntry) for entry in _entries(msgspec.to_builtins(part)))


def renamed(manifest: Manifest, names: Mapping[str, str]) -> Manifest:
    """Return the manifest with other names for some files: old name -> new name."""
    contents = msgspec.to_builtins(manifest)
    for entry in _entries(contents):
        entry["path"] = names.get(entry["path"], entry["path"])
    try:
        return msgspec.convert(contents, Manifest)
    except msgspec.ValidationError as exc:
        raise BundleError(f"expected a manifest that can be read again, got: {exc}; give other values") from exc


def _entries(part: Any) -> Iterator[dict[str, Any]]:
    """Yield the file entries in builtins, at any depth, to be changed in place."""
    if isinstance(part, dict) and part.keys() == set(FileEntry.__struct_fields__):
        yield part
    elif isinstance(part, dict | list):
        for item in part.values() if isinstance(part, dict) else part:
            yield from _entries(item)
