"""Machines that the doctor may look at, as folders, and commands that they have."""

import cv2
import numpy as np
import pytest
from msgspec.structs import replace

from edgereader.runtime.bundles.bundle import Bundle, file_sha256, write_bundle
from edgereader.runtime.bundles.manifest import Canary, FileEntry
from edgereader.runtime.commands.diagnosis import report, trials
from edgereader.runtime.commands.diagnosis.machine import Host
from edgereader.runtime.commands.diagnosis.trials import Trial
from edgereader.runtime.sessions.canary import as_picture, maps_of
from edgereader.runtime.sessions.opening import open_session

from ...graphs import paint_word

PROGRAM = trials.PROGRAM


@pytest.fixture
def make_host(tmp_path):
    """Write the files of a machine: make_host({path: text}) -> Host."""

    def make(files):
        for name, text in files.items():
            path = tmp_path / "root" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        return Host(tmp_path / "root")

    return make


@pytest.fixture
def command(tmp_path, monkeypatch):
    """Put a shell script on the PATH, which then has no other commands: command(name, lines)."""
    folder = tmp_path / "commands"
    folder.mkdir()
    monkeypatch.setenv("PATH", str(folder))
    monkeypatch.setattr("edgereader.runtime.commands.diagnosis.machine.ADMIN_FOLDERS", "")

    def write(name, lines):
        path = folder / name
        path.write_text(f"#!/bin/sh\n{lines}\n")
        path.chmod(0o755)

    return write


@pytest.fixture(scope="session")
def proven_folder(make_bundle):
    """A test bundle with a canary."""
    return add_canary(make_bundle())


@pytest.fixture
def stand_in(monkeypatch):
    """Run this program in a trial's process after its imports: stand_in("process.open_unproven = …")."""

    def use(lines):
        imports = "import os, sys, time\nfrom edgereader.runtime.commands.diagnosis import trials as process"
        monkeypatch.setattr(trials, "PROGRAM", f"{imports}\n{lines}\n{PROGRAM}")

    return use


@pytest.fixture
def examined(make_host, proven_folder, monkeypatch):
    """Examine a machine whose backends do as told: examined(files, driver, {backend: state}, auto) -> Report."""

    def run(files, driver, states, auto="cpu"):
        def tried(_, backend, kinds, timeout_s):
            taken = auto if backend == "auto" else backend
            return [_trial(backend, taken, kind, states.get(taken, "unavailable")) for kind in kinds]

        monkeypatch.setattr(report, "ask_driver", lambda: driver)
        monkeypatch.setattr(report, "try_backend", tried)
        return report.examine(Bundle.open(proven_folder), make_host(files), 60, lambda _: None)

    return run


def _trial(asked, backend, kind, state):
    if state not in {"ok", "unchecked"}:
        return Trial(asked=asked, kind=kind, state=state, reason=f"{backend} {kind}: expected this, got that; do so")
    shape = (1, 64, 96, 3) if kind == "detector" else (1, 32, 100, 1)
    why = "the best backend, and it works here" if asked == "auto" else None
    ran = {"backend": backend, "precision": "fp16", "open_ms": 812.4, "run_ms": 3.21, "input_shape": shape}
    seen = "reads '7'" if state == "ok" else None
    return Trial(asked=asked, kind=kind, state=state, seen=seen, reason=why, **ran)


def add_canary(folder, text="7"):
    """Give a test bundle a canary, with the maps that its detector sees, and this text."""
    picture = np.zeros((64, 96, 3), np.uint8)
    paint_word(picture, "7", 16, 16, width=48, height=24)
    bundle = Bundle.open(folder)
    maps = as_picture(maps_of(open_session(bundle, "detector", "cpu"), picture))
    canary = Canary(
        image=_stored(folder, "canary.png", picture),
        maps=_stored(folder, "canary-maps.png", maps),
        crop_xywh=(16, 16, 48, 24),
        text=text,
    )
    write_bundle(folder, replace(bundle.manifest, canary=canary))
    return folder


def _stored(folder, name, picture):
    cv2.imwrite(str(folder / name), picture)
    return FileEntry(path=name, sha256=file_sha256(folder / name), bytes=(folder / name).stat().st_size)
