"""Fixtures that every test may use, and a header that says on what the tests ran."""

import platform
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import pytest
from hypothesis import settings

settings.register_profile("unhurried", deadline=None)  # a busy machine is no failure
settings.load_profile("unhurried")

ROOT = Path(__file__).resolve().parents[1]
SHARED = ROOT.parent / "shared"
PACKAGES = ("numpy", "opencv-python-headless", "onnxruntime", "onnx", "torch")


def pytest_report_header() -> list[str]:
    """Versions, processor count and ONNX Runtime's providers: a figure without them cannot be reproduced."""
    versions = ", ".join(f"{name} {_version(name)}" for name in PACKAGES)
    return [f"edgereader: {versions}", f"machine: {platform.machine()}, providers: {_providers()}"]


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "absent"


def _providers() -> str:
    try:
        import onnxruntime
    except ImportError:
        return "none"
    return ", ".join(onnxruntime.get_available_providers())


def _shared(name: str) -> Path:
    folder = SHARED / name
    if not folder.is_dir():
        pytest.skip(f"{folder} is absent: it lies beside the repository on the project's own machines only")
    return folder


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Real labelled images, for measuring only: `../shared/data`."""
    return _shared("data")


@pytest.fixture(scope="session")
def shared_golden() -> Path:
    """What the original implementations compute: `../shared/golden`."""
    return _shared("golden")


@pytest.fixture(scope="session")
def repository() -> Path:
    """The repository root."""
    return ROOT
