"""The stream of `stand.py` and its service, on a real port and in a browser."""

import warnings
from pathlib import Path

import cv2
import numpy as np
import pytest

from edgereader.runtime import Reader
from edgereader.runtime.service.board import Board
from edgereader.runtime.service.server import Server
from edgereader.runtime.stream.settings import Evidence as Keeping
from edgereader.runtime.stream.settings import Http
from edgereader.runtime.stream.sinks.evidence import Evidence
from edgereader.runtime.stream.sinks.history import History
from edgereader.runtime.stream.sources.status import CaptureStatus

from ..graphs import paint_word
from .stand import NUMBERS, PATIENT_MS, START_S, Stand

with warnings.catch_warnings():  # it asks for httpx2, as if httpx did not do
    warnings.simplefilter("ignore")
    from starlette.testclient import TestClient

CHROMIUM = Path("/usr/bin/chromium")


@pytest.fixture
def stand(tmp_path):
    """A stream with a history and evidence, of which nothing was read yet."""
    history = History(tmp_path / "history.sqlite", days=1e5, max_mb=10)
    evidence = Evidence(Keeping(keep="all", folder=str(tmp_path / "evidence")))
    board = Board("cellar", NUMBERS, status=lambda: made.status)
    made = Stand(board, history, evidence, CaptureStatus("live", START_S, fps=25.0, size_hw=(120, 200)), Http(port=0))
    yield made
    evidence.close(0)
    history.close()


@pytest.fixture
def serve():
    """serve(app) -> address of a real server, without a slash; all of them end with the test."""
    servers = []

    def start(app):
        servers.append(Server(app, Http(port=0)))
        servers[-1].start()
        return servers[-1].url.rstrip("/")

    yield start
    for server in servers:
        server.stop()


@pytest.fixture(scope="session")
def reader(bundle_folder):
    """A reader of painted scenes."""
    return Reader(bundle_folder)


@pytest.fixture(scope="session")
def photo():
    """A PNG file in which the test bundle reads 7 and 5."""
    frame = np.zeros((480, 640, 3), np.uint8)
    paint_word(frame, "7", 60, 50)
    paint_word(frame, "5", 400, 350)
    return cv2.imencode(".png", frame)[1].tobytes()


@pytest.fixture
def visit():
    """A client of an app, without a port: visit(app) -> TestClient."""

    def make(app):
        return TestClient(app, base_url="http://localhost:8765", raise_server_exceptions=False)

    return make


@pytest.fixture(scope="module")
def browser():
    """The system's Chromium."""
    from playwright.sync_api import sync_playwright

    if not CHROMIUM.exists():
        pytest.skip("needs Chromium: apt install chromium")
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(
            executable_path=str(CHROMIUM), args=["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"]
        )
        yield started
        started.close()


@pytest.fixture
def visit_page(browser):
    """visit_page(address, width=1280) -> a page; what it complains about fails the test."""
    from playwright.sync_api import expect

    contexts, complaints = [], []

    def visit(address, width=1280, **options):
        contexts.append(browser.new_context(viewport={"width": width, "height": 800}, **options))
        page = contexts[-1].new_page()
        page.set_default_timeout(PATIENT_MS)
        page.on("console", lambda said: complaints.append(said.text) if said.type in {"error", "warning"} else None)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.complaints = complaints
        page.goto(address)
        return page

    expect.set_options(PATIENT_MS)
    yield visit
    for context in contexts:
        context.close()
    assert complaints == []
