"""A stand-in of a GPU, and a bundle with plans for it."""

import pytest

from edgereader.runtime.bundles.bundle import Bundle
from edgereader.runtime.sessions.opening import open_session

from . import stand_in
from .engine_bundles import PROFILES, VERSIONS, add_plan


@pytest.fixture
def session(bundle_folder):
    """A test bundle's detector on the CPU."""
    return open_session(Bundle.open(bundle_folder), "detector", "cpu")


@pytest.fixture
def folder(make_bundle):
    """A bundle with plans of both kinds for both backends."""
    folder = make_bundle()
    for backend in VERSIONS:
        for kind in PROFILES:
            add_plan(folder, kind, backend)
    return folder


@pytest.fixture
def gpu(monkeypatch):
    """A stand-in of a GPU and of the libraries that drive it."""
    gpu = stand_in.Gpu()
    stand_in.install(monkeypatch, gpu)
    return gpu
