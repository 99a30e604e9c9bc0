"""300 hostile pictures, to the service by 8 clients at once and to `edgereader read`: memory has a ceiling.

`pytest -m slow -s tests/hostile` prints the figures that docs/reliability.md has.
"""

import itertools
import json
import random
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import cv2
import httpx
import numpy as np
import pytest

from edgereader.runtime.errors import ImageError
from edgereader.runtime.geometry.files import decode_photo, photo_bytes

from .files import LARGE, SUFFIXES, hostile, noise

COMMAND = [sys.executable, "-c", "from edgereader.runtime.cli import main; main()"]
CLIENTS, FILES = 8, 300
SERVICE_MIB, READ_MIB = 400, 600
KEPT_MIB = 2
"""Of memory of its own, by which the process may be larger afterwards; Python takes a MiB at a time."""
OWN = "RssAnon"
"""Resident, without pages of files: those are code of decoders that was not run before, and the system may drop it."""
MOST_ROUNDS = 8
SAMPLES = ("bib", "house", "meter")


def mib(pid, name):
    return int(Path(f"/proc/{pid}/status").read_text().split(f"{name}:")[1].split()[0]) / 1024


def forget_peak(pid):
    Path(f"/proc/{pid}/clear_refs").write_text("5")


def tell(what, start, peak, after):
    print(f"\n{what}: own memory {start:.1f} MiB, after {after:.1f}; greatest with pages of files {peak:.1f}")


@pytest.fixture(scope="module")
def honest(repository):
    """Photos, plain pictures of the sizes of the hostile ones, and one of each format: its decoder is loaded then."""
    photos = [(repository / "models" / "zoo" / "samples" / f"{name}.jpg").read_bytes() for name in SAMPLES]
    sizes = (LARGE, LARGE[::-1], (4000, 3000), (4000, 2000), (64, 64))
    plain = [cv2.imencode(".png", np.full(size[::-1], 99, np.uint8))[1].tobytes() for size in sizes]
    formats = [cv2.imencode(suffix, noise())[1].tobytes() for suffix in SUFFIXES]
    scans = cv2.imencode(".jpg", noise(), (cv2.IMWRITE_JPEG_PROGRESSIVE, 1))[1].tobytes()
    deep = cv2.imencode(".png", noise().astype(np.uint16) * 257)[1].tobytes()
    return [*photos, *plain, *formats, scans, deep]


@pytest.fixture
def service():
    """Its address and its process, with the settings that it has unless told otherwise."""
    process = subprocess.Popen([*COMMAND, "serve", "--port", "8799"], stderr=subprocess.PIPE, text=True)
    line = process.stderr.readline()
    assert line.startswith("listening"), line
    yield line.split()[-1], process
    process.terminate()
    assert process.wait(20) == 0


def sent(address, files):
    """Send files by several clients; the statuses, 503 left out: who is told to come again does."""

    def send(data):
        while (status := client.post("read", content=data).status_code) == 503:
            time.sleep(0.05)
        return status

    with httpx.Client(base_url=address, timeout=300) as client, ThreadPoolExecutor(CLIENTS) as pool:
        return list(pool.map(send, files))


def warmed(address, process, honest):
    """Its own memory once honest pictures, in any order, ask for no more: buffers for each size, several at once."""
    rng, seen = random.Random(0), [0.0, 1e3]
    while len(seen) < MOST_ROUNDS and max(seen[-3:]) > min(seen[-3:]) + 1:
        assert set(sent(address, rng.sample(honest * 2, 2 * len(honest)))) == {200}
        seen.append(mib(process.pid, OWN))
    return seen[-1]


@pytest.mark.slow
def test_the_service(service, honest):
    address, process = service
    start = warmed(address, process, honest)
    forget_peak(process.pid)
    statuses = sent(address, hostile(FILES))
    peak = mib(process.pid, "VmHWM")
    assert set(statuses) <= {200, 400}
    assert set(sent(address, honest)) == {200}
    after = mib(process.pid, OWN)
    tell(f"service: {FILES} files, {statuses.count(400)} refused", start, peak, after)
    assert peak <= SERVICE_MIB
    assert after <= start + KEPT_MIB


@pytest.mark.slow
def test_read(honest, tmp_path):
    files = [*honest * 2, *hostile(FILES), *honest * 2]
    for number, data in enumerate(files):
        (tmp_path / f"{number:03}.jpg").write_bytes(data)
    command = [*COMMAND, "read", str(tmp_path), "--json", "--threads", "1"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    lines = (json.loads(line) for line in process.stdout)
    list(itertools.islice(lines, 2 * len(honest)))
    start = mib(process.pid, OWN)
    refused = sum("error" in line for line in itertools.islice(lines, FILES))
    list(itertools.islice(lines, len(honest)))
    after, peak = mib(process.pid, OWN), mib(process.pid, "VmHWM")
    assert len(list(lines)) == len(honest)
    assert process.wait(60) == 1
    tell(f"read: {FILES} files, {refused} refused", start, peak, after)
    assert peak <= READ_MIB
    assert after <= start + KEPT_MIB


def test_every_hostile_file_is_a_picture_or_one_line():
    """The core of the above, small: nothing else comes of it, and what is decoded is what a header promised."""
    most, said = 1 << 24, []
    for data in hostile(150, seed=1, size=(800, 400)):
        try:
            needed = photo_bytes(data, "x", most_bytes=most)
            assert decode_photo(data, "x", most_bytes=most).frame.nbytes <= needed <= most
        except ImageError as exc:
            said.append(str(exc))
    assert said
    assert all(line.startswith("x: expected ") and "\n" not in line for line in said)
