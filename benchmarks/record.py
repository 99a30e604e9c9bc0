"""What every measurement keeps beside its figures, and how it is written as JSON and read back."""

from __future__ import annotations

import os
import platform
import shlex
import sys
from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import msgspec

from ..runtime.bundles.writing import write_whole
from ..runtime.errors import DatasetError

if TYPE_CHECKING:
    from ..runtime import Bundle, Reader
    from ..runtime.bundles.manifest import Kind

PACKAGES = ("edgereader", "numpy", "opencv-python-headless", "onnxruntime", "onnxruntime-gpu", "tensorrt")
Contents = TypeVar("Contents")


class Machine(msgspec.Struct, frozen=True, kw_only=True):
    """A machine and what is installed on it."""

    processor: str
    """The name that the system gives."""
    cores: int
    """Processors that this process may use."""
    memory_gib: float
    system: str
    versions: dict[str, str]
    """Python and the packages that take part in a reading; one that is not installed is left out."""

    def __str__(self) -> str:
        """Return the machine in a line, without versions."""
        return f"{self.processor}, {self.cores} cores, {self.memory_gib:g} GiB, {self.system}"


def this_machine() -> Machine:
    """Describe the machine that runs this process."""
    pages, page_bytes = os.sysconf("SC_PHYS_PAGES"), os.sysconf("SC_PAGE_SIZE")
    return Machine(
        processor=_processor(),
        cores=len(os.sched_getaffinity(0)) if sys.platform == "linux" else os.cpu_count() or 1,
        memory_gib=round(pages * page_bytes / 2**30, 1),
        system=platform.platform(),
        versions={"python": platform.python_version()} | installed(*PACKAGES),
    )


def _processor() -> str:
    information = Path("/proc/cpuinfo")
    lines = information.read_text(encoding="utf-8").splitlines() if information.is_file() else []
    names = (line.partition(":")[2].strip() for line in lines if line.startswith(("model name", "Model")))
    return next(names, platform.processor() or platform.machine())


def installed(*packages: str) -> dict[str, str]:
    """Return the versions of those packages that are installed."""
    from importlib.metadata import PackageNotFoundError, version  # 30 ms, which no reader's cold start is to pay

    found = {}
    for package in packages:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return found


def command_line() -> str:
    """Return the command that this process runs."""
    return shlex.join(["edgereader", *sys.argv[1:]])


def now() -> str:
    """Return the time, ISO 8601, UTC, to the second."""
    return datetime.now(timezone.utc).isoformat(timespec="seconds")


def check_files(bundle: Bundle, precision: str) -> None:
    """Refuse a precision that the bundle lacks before anything is measured.

    Raises:
        BundleError: One of its models has no such file, or a damaged one.
    """
    kinds: tuple[Kind, ...] = ("detector", "recognizer")
    for kind in kinds:
        if getattr(bundle.manifest, kind) is not None:
            bundle.file(kind, precision)


def where(reader: Reader) -> tuple[str, str]:
    """Return the backend and the precision of a reader's networks: `int8`, or `detector int8, recognizer fp32`."""
    sessions = reader.sessions.items()
    return _joined({kind: session.backend for kind, session in sessions}), _joined(
        {kind: session.precision for kind, session in sessions}
    )


def _joined(found: dict[Kind, str]) -> str:
    if len(set(found.values())) == 1:
        return next(iter(found.values()))
    return ", ".join(f"{kind} {value}" for kind, value in found.items())


def files_of(bundle: Bundle, reader: Reader) -> dict[str, str]:
    """Return the SHA-256 of the bundle's model files that a reader runs, by kind of model."""
    return {
        kind: getattr(bundle.manifest, kind).files[session.precision].sha256
        for kind, session in reader.sessions.items()
    }


def writable(report_file: Path | None, folder: Path | None = None, option: str = "") -> None:
    """Refuse the paths of --json and of an option's folder before anything is measured.

    Raises:
        DatasetError: The report's path is a folder, or the folder's a file.
    """
    if report_file and report_file.is_dir():
        raise DatasetError(f"--json {report_file}: expected a file, got a folder; give a file name in it")
    if folder and folder.exists() and not folder.is_dir():
        raise DatasetError(f"{option} {folder}: expected a folder, got a file; choose another path")


def write_json(path: Path, contents: msgspec.Struct) -> None:
    """Write a struct as JSON; the file appears, or is replaced, only when it is complete.

    Raises:
        OSError: The folder cannot be written.
    """
    write_file(path, msgspec.json.format(msgspec.json.encode(contents), indent=2).decode() + "\n")


def write_file(path: Path, text: str) -> None:
    """Write a text file as UTF-8; it appears, or is replaced, only when it is complete.

    Raises:
        OSError: The folder cannot be written.
    """
    write_whole(path, text.encode())


def read_json(path: Path, kind: type[Contents], source: str) -> Contents:
    """Read back a struct that a command named `source` wrote.

    Raises:
        DatasetError: No such file, or it holds something else.
    """
    try:
        return msgspec.json.decode(path.read_bytes(), type=kind)
    except (OSError, msgspec.DecodeError) as exc:
        got = exc.strerror if isinstance(exc, OSError) else str(exc)
        raise DatasetError(f"{path}: expected the JSON of `{source}`, got: {got}; write it again") from exc
