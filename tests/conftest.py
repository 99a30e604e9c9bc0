"""Fixtures that every test may use, and a header that says on what the tests ran."""

import platform
import signal
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import pytest
from hypothesis import settings

settings.register_profile("unhurried", deadline=None)  # a busy machine is no failure
settings.load_profile("unhurried")
# under nohup, or behind a shell's "&", these are ignored, and what tests start would ignore them too
signal.signal(signal.SIGHUP, signal.SIG_DFL)
signal.signal(signal.SIGINT, signal.default_int_handler)

ROOT = Path(__file__).resolve().parents[1]
SHARED = ROOT.parent / "shared"
NEIGHBOURS = "runtime/stream", "runtime/service", "runtime/sessions/triton", "benchmarks/report"
"""Folders whose tests talk to cameras, brokers, servers and browsers, which a second one would slow down."""
PACKAGES = ("numpy", "opencv-python-headless", "onnxruntime", "onnx", "torch")


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """With pytest-xdist's ``--dist loadgroup``: say which tests run in one worker, one after the other."""
    if config.pluginmanager.hasplugin("xdist"):
        for item in items:
            if item.get_closest_marker("xdist_group") is None:
                item.add_marker(pytest.mark.xdist_group(_group(item)))


def _group(item: pytest.Item) -> str:
    """Neighbours are one group; those of an exported network are another, else those of a file."""
    file = item.path.relative_to(ROOT / "tests")
    if any(file.is_relative_to(folder) for folder in NEIGHBOURS):
        return "neighbours"
    stages = getattr(getattr(item, "callspec", None), "params", {}).get("stages")
    return str(stages if stages and "exported" in getattr(item, "fixturenames", ()) else file)


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
