"""A stream among troubles: hostile clients, a broker that flaps, a full disk and a clock that jumps, all at once.

`python -m tests.hostile.troubles --minutes 60 --json FILE` (`make troubles`) runs for long what test_troubles.py runs
for seconds: every event must be in every sink, once, and memory must not grow. Where --folder is on a disk of less than
1 GiB, such as a small tmpfs, that disk is filled; elsewhere the stream's files may grow no more.
"""

import itertools
import json
import random
import re
import resource
import shlex
import shutil
import socket
import sqlite3
import struct
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager, suppress
from pathlib import Path

import click
import cv2
import httpx
import numpy as np
import psutil

from edgereader.benchmarks.record import write_json
from edgereader.benchmarks.speed.photos import sample
from edgereader.benchmarks.speed.results import Sample, Troubles, of_bundle, open_reader
from edgereader.benchmarks.speed.soak import HOW, sample_line, slope_lines, slopes
from edgereader.benchmarks.speed.stream import JUDGED, NUMBERS, REGION, bib, check

from ..runtime.stream.broker import Listener, Mosquitto, free_port
from ..runtime.stream.fakes import until
from ..runtime.stream.sources.http_camera import HttpCamera
from .files import hostile

OFFSETS = 0, 3600, -86_400, 400 * 86_400, -1_790_000_000
"""Seconds by which the clock is wrong, one after the other; the last is of a clock that nobody has set."""
STREAM = """
import time
real, start, offsets, every_s = time.time, time.monotonic(), {offsets}, {every_s}
time.time = lambda: real() + offsets[int((time.monotonic() - start) / every_s) % len(offsets)]
from edgereader.runtime.cli import main
main()
"""
CONFIG = """
name = "hall"
camera = {{ source = "{camera}", fps = {fps}, timeout_s = 60 }}
reader = {{ threads = 1 }}
number = [{{ name = "bib", region = {region}, min_confidence = 0.7, unsure_s = 0 }}]
jsonl = [{{ path = "events.jsonl" }}]
mqtt = {{ host = "127.0.0.1", port = {broker} }}
http = {{ port = {port} }}
history = {{ path = "history.sqlite" }}
evidence = {{ keep = "all", folder = "evidence" }}
"""
LONG_S, BEAT_S = 60.0, 60.0
"""From here on a run is a long one, with fewer frames a second; and seconds between troubles of a kind."""
EVERY_S, POLL_S = 20.0, 0.25
"""Between samples; and between looks at the memory, of which a sample is the least: pictures come and go."""
OWN = "memory is the process's own, without pages of files, such as code that runs for the first time"
WARM_UP_SHARE, LONGEST_WARM_UP_S = 0.1, 600.0
SMALL_BYTES = 1 << 30
FILES = 60
CLIENT = httpx.Client(timeout=60, limits=httpx.Limits(max_keepalive_connections=0))
PATIENCE, READ_EVERY = 400, 20
"""The honest client asks so often before it gives up; one in so many of its questions is a photo to be read."""


def pictures() -> list[list[bytes]]:
    """JPEG files of each number, with a camera's noise: no two in a row are the same."""
    noise = np.random.default_rng(0).integers(-6, 7, bib(NUMBERS[0]).shape, np.int16)
    return [
        [
            cv2.imencode(".jpg", np.clip(bib(number) + np.roll(noise, shift, 1), 0, 255).astype(np.uint8))[1].tobytes()
            for shift in range(3)
        ]
        for number in NUMBERS
    ]


@contextmanager
def acting(*actors: Iterator[float]):
    """Let actors act, each in a thread: they give the seconds until their next deed. Yields who has ended before."""
    over = threading.Event()

    def act(actor):
        with closing(actor):
            for pause_s in actor:
                if over.wait(pause_s):
                    return

    with ThreadPoolExecutor(len(actors)) as pool:
        threads = [pool.submit(act, actor) for actor in actors]
        try:
            yield lambda: any(thread.done() for thread in threads)
        finally:
            over.set()
    for thread in threads:
        thread.result()


def filling(folder, pid, beat_s, counts):
    """The disk is full for a third of each beat."""
    small = shutil.disk_usage(folder).total < SMALL_BYTES
    ballast, (_, most) = folder / "ballast", resource.prlimit(pid, resource.RLIMIT_FSIZE)
    try:
        while True:
            yield beat_s * 2 / 3
            counts["disk full"] += 1
            if small:
                with suppress(OSError), ballast.open("wb", buffering=0) as file:
                    while True:
                        file.write(bytes(1 << 16))
            else:
                resource.prlimit(pid, resource.RLIMIT_FSIZE, (0, most))
            yield beat_s / 3
            _freed(ballast, pid, most)
    finally:
        _freed(ballast, pid, most)


def _freed(ballast, pid, most):
    ballast.unlink(missing_ok=True)
    with suppress(ProcessLookupError):
        resource.prlimit(pid, resource.RLIMIT_FSIZE, (most, most))


def flapping(broker, beat_s, counts):
    """The broker is away for a third of each beat: ended, killed, or mute."""
    try:
        for way in itertools.cycle((broker.stop, broker.kill, broker.hang)):
            yield beat_s * 2 / 3
            counts["broker away"] += 1
            way()
            yield beat_s / 3
            broker.start()
    finally:
        broker.start()


def knock(port, *parts):
    """Open a connection and send something over it."""
    made = socket.create_connection(("127.0.0.1", port), 10)
    for part in parts:
        made.sendall(part)
    return made


class Hostile:
    """A client that wants no answers; what it should be told is noted in `wrong` when it is not."""

    def __init__(self, port, files, wrong):
        self._port, self._files, self._wrong = port, itertools.cycle(files), wrong
        self._held, self._rng = [], random.Random(0)

    def acts(self, pause_s, counts):
        deeds = (
            self.half_heads, self.file, self.slow_bodies, self.two_lengths, self.idle_viewers, self.file,
            self.noise, self.large_head, self.cut_off, self.file, self.false_correction,
        )  # fmt: skip
        try:
            for deed in itertools.cycle(deeds):
                with suppress(OSError, httpx.HTTPError):  # it was cut off, as it should be
                    deed()
                counts["hostile deeds"] += 1
                yield pause_s
        finally:
            self._hold([])

    def _hold(self, made):
        for one in self._held:
            one.close()
        self._held = made

    def _post(self, path, **sent):
        return CLIENT.post(f"http://127.0.0.1:{self._port}/{path}", **sent)

    def half_heads(self):
        self._hold([])
        for _ in range(40):
            self._held.append(knock(self._port, b"GET /healthz HTTP/1.1\r\nHost: "))

    def idle_viewers(self):
        self._hold([])
        for _ in range(12):
            self._held.append(knock(self._port, b"GET /events?after=0 HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"))

    def slow_bodies(self):
        self._hold([])
        head = b"POST /read HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 1000000\r\n\r\n"
        for _ in range(12):
            self._held.append(knock(self._port, head, b"\xff\xd8"))

    def file(self):
        status = self._post("read", content=next(self._files)).status_code
        if status not in {200, 400, 413, 503}:
            self._wrong.append(f"a hostile picture: expected 200, 400, 413 or 503, got {status}")

    def two_lengths(self):
        head = b"POST /read HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n"
        with knock(self._port, head, b"0\r\n\r\n") as made:
            said = made.recv(64)
        if said and not said.startswith((b"HTTP/1.1 400", b"HTTP/1.1 503")):
            self._wrong.append(f"two lengths: expected 400, got {said!r}")

    def noise(self):
        with knock(self._port, self._rng.randbytes(1000), b"\r\n\r\n") as made:
            made.recv(64)

    def large_head(self):
        with knock(self._port, b"GET / HTTP/1.1\r\n", b"X: " + b"y" * 200_000) as made:
            made.recv(64)

    def cut_off(self):
        with knock(
            self._port, b"POST /read HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 9000\r\n\r\n", b"x" * 99
        ) as made:
            made.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))

    def false_correction(self):
        status = self._post("correct", json={"id": -1, "text": "<script>"}).status_code
        if status not in {400, 503}:
            self._wrong.append(f"a false correction: expected 400, got {status}")


def honest(address, photo, pause_s, times_ms, wrong):
    """Ask for the health all the time, and for a reading now and then."""
    first = None
    for turn in itertools.count():
        start = time.monotonic()
        answer = _asked("GET", f"{address}/healthz")
        times_ms.append(1000 * (time.monotonic() - start))
        if answer is None or "ok" not in answer:
            wrong.append(f"/healthz: expected an answer, got {answer}")
        if turn % READ_EVERY == 0:
            answer = _asked("POST", f"{address}/read", content=photo)
            texts = [reading["text"] for reading in (answer or {}).get("readings", [])]
            first = first or texts
            if not texts or texts != first:
                wrong.append(f"/read: expected {first}, got {texts or answer}")
        yield pause_s


def crowd(address, count):
    """Have pictures of the largest canvas read at once: as much memory as they take all together is kept for later."""
    square = cv2.imencode(".jpg", cv2.resize(sample(), (900, 900)))[1].tobytes()
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda _: _asked("POST", f"{address}/read", content=square), range(count)))


def _asked(method, url, **sent):
    """What a patient client is told at last; None = nothing."""
    found = None
    for _ in range(PATIENCE):
        with suppress(httpx.HTTPError, ValueError):
            found = CLIENT.request(method, url, **sent).json()
            if "error" not in found:
                break
        time.sleep(0.25)
    return found


def watching(address, seen):
    """Look at the live page's events, and come back after each break."""
    while True:
        after = {"after": seen[-1] if seen else 0}
        with suppress(httpx.HTTPError), CLIENT.stream("GET", f"{address}/events", params=after) as answer:
            for line in answer.iter_lines():
                if line.startswith("id: "):
                    seen.append(int(line[4:]))
                yield 0
        yield 0.5


def lines_of(folder):
    path = folder / "events.jsonl"
    text = path.read_bytes() if path.exists() else b""
    return [json.loads(line) for line in text[: text.rfind(b"\n") + 1].splitlines()]


def in_history(folder):
    with closing(sqlite3.connect(f"{(folder / 'history.sqlite').as_uri()}?mode=ro", uri=True)) as database:
        return [number for (number,) in database.execute("SELECT id FROM event ORDER BY id")]


def in_evidence(folder):
    for picture in (folder / "evidence/images").iterdir():
        assert cv2.imread(str(picture)) is not None, picture
    lines = (folder / "evidence/readings.jsonl").read_bytes().splitlines()
    names = sorted(int(picture.stem) for picture in (folder / "evidence/images").iterdir())
    numbers = [json.loads(line)["id"] for line in lines]
    return numbers if names == sorted(numbers) else names


def faults(sinks, told):
    """What is wrong with the ids that each sink has, in words."""
    wanted = sinks["jsonl"]
    found = [] if len(wanted) == told else [f"jsonl: expected {told} events, as the stream says, got {len(wanted)}"]
    for name, ids in sinks.items():
        if ids != sorted(set(ids)):
            found.append(f"{name}: expected ids that rise, got one twice or a lower one")
        if lost := set(wanted) - set(ids):
            found.append(f"{name}: expected all events, got none of {sorted(lost)[:9]}")
        if more := set(ids) - set(wanted):
            found.append(f"{name}: expected the events of jsonl, got {sorted(more)[:9]} too")
    return found


def among_troubles(seconds, folder, say=len):
    """Run a stream for so long, then let it come to rest, and compare what its sinks have."""
    fps, stays = (3, 12) if seconds >= LONG_S else (8, 12)
    beat_s, pause_s = min(BEAT_S, seconds / 3), min(1.0, seconds / 60)
    shown, halt, counts, wrong, seen, times_ms = pictures(), [sys.maxsize], Counter(), [], [], []

    def picture(number):
        data = shown[min(number, halt[0]) // stays % len(shown)][number % 3]
        return 200, {"Content-Type": "image/jpeg", "Content-Length": str(len(data))}, data

    port, photo = free_port(), cv2.imencode(".jpg", sample())[1].tobytes()
    files = hostile(FILES, size=(2400, 1600) if seconds >= LONG_S else (800, 400))
    with tempfile.TemporaryDirectory() as beside, HttpCamera(picture) as camera:
        broker = Mosquitto(Path(beside))
        broker.start()
        words = {"camera": camera.url, "fps": fps, "region": [list(corner) for corner in REGION], "broker": broker.port}
        (folder / "hall.toml").write_text(CONFIG.format(port=port, **words))
        script = STREAM.format(offsets=OFFSETS, every_s=beat_s / 3)
        command = [sys.executable, "-c", script, "stream", str(folder / "hall.toml")]
        with (
            Listener(broker.port, "edgereader/#", name="receiver") as listener,
            subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process,
        ):
            try:
                said = []
                log = threading.Thread(target=lambda: said.extend(process.stderr), daemon=True)
                log.start()
                until(lambda: process.poll() is not None or any("live page: " in line for line in said), "the page")
                address = f"http://127.0.0.1:{port}"

                def at_rest():
                    lines, last = lines_of(folder), NUMBERS[halt[0] // stays % len(NUMBERS)]
                    wanted = [line["id"] for line in lines]
                    others = [event["id"] for event in listener.events], in_history(folder), seen
                    return lines[-1]["text"] == last and all(list(other) == wanted for other in others)

                with acting(watching(address, seen), honest(address, photo, pause_s, times_ms, wrong)):
                    until(lambda: lines_of(folder), "the first event")
                    crowd(address, 16 if seconds >= LONG_S else 0)
                    with acting(
                        filling(folder, process.pid, beat_s, counts),
                        flapping(broker, 1.3 * beat_s, counts),
                        Hostile(port, files, wrong).acts(pause_s, counts),
                    ) as broken:
                        samples = sampled(process.pid, seconds, camera.asked, times_ms, broken, say)
                    halt[0] = len(camera.asked)
                    with suppress(AssertionError):  # what is not there is told below
                        until(at_rest, "all sinks", 120)
                process.terminate()
                code = process.wait(60)
                log.join(10)
                counts["clock set"] = int(seconds / (beat_s / 3))
            finally:
                process.kill()
                broker.kill()
    told = re.search(r"(\d+) events; from", "".join(said))
    lines = lines_of(folder)
    sinks = {
        "jsonl": [line["id"] for line in lines],
        "mqtt": [event["id"] for event in listener.events],
        "history": in_history(folder),
        "evidence": in_evidence(folder),
        "page": seen,
    }
    missed, odd = check([line["text"] for line in lines], NUMBERS)
    wrong += odd + faults(sinks, int(told[1]) if told else -1)
    wrong += [f"expected exit code 0, got {code}"] * (code != 0) + [line for line in said if "Traceback" in line]
    list(map(say, wrong))
    warm_up_s = min(WARM_UP_SHARE * seconds, LONGEST_WARM_UP_S)
    return {
        "minutes": round(seconds / 60, 3),
        "warm_up_s": warm_up_s,
        "troubles": dict(counts),
        "events": len(lines),
        "missed": missed,
        "sinks": {name: len(ids) for name, ids in sinks.items()},
        "wrong": len(wrong),
        "first_wrong": wrong[0] if wrong else "",
        "samples": samples,
        "slopes": [slope for slope in slopes(samples, warm_up_s, JUDGED) if slope.what in JUDGED],
        "method": f"{HOW}; {OWN}",
    }  # fmt: skip


def own_bytes(process):
    memory = process.memory_info()
    return memory.rss - memory.shared


def sampled(pid, seconds, asked, times_ms, broken, say):
    """Samples of the stream's process, until the time is over or one who acts has ended; of memory the least.

    That of files is left out (`OWN`): in five minutes it rose by 1.9 MiB of OpenCV's code, and all else by none.
    """
    process, samples, start = psutil.Process(pid), [], time.monotonic()
    frames, timed, cpu_s = len(asked), len(times_ms), sum(process.cpu_times()[:2])
    while (at_s := time.monotonic() - start) < seconds and not broken():
        end_s, least = start + at_s + min(EVERY_S, seconds - at_s), own_bytes(process)
        while time.monotonic() < end_s:
            time.sleep(POLL_S)
            least = min(least, own_bytes(process))
        before, frames, timed_before, timed = frames, len(asked), timed, len(times_ms)
        spent_s, cpu_s = sum(process.cpu_times()[:2]) - cpu_s, sum(process.cpu_times()[:2])
        p50, p99 = np.percentile(times_ms[timed_before:timed] or [0.0], (50, 99)).round(2).tolist()
        samples.append(
            Sample(
                at_s=round(time.monotonic() - start, 2),
                frames=frames,
                rss_mib=round(least / 2**20, 2),
                handles=process.num_fds() + process.num_threads(),
                p50_ms=p50,
                p99_ms=p99,
                cpu_ms=round(1000 * spent_s / max(frames - before, 1), 2),
            )
        )
        say(f"{samples[-1].at_s / 60:.1f} min: {sample_line(samples[-1])}")
    return samples


@click.command()
@click.option("--minutes", type=click.FloatRange(min=0.05), default=60.0, show_default=True)
@click.option("--json", "file", type=click.Path(dir_okay=False, path_type=Path), help="Write the report to this file.")
@click.option("--folder", type=click.Path(file_okay=False, exists=True, path_type=Path), help="An empty one.")
def main(minutes, file, folder):
    """Exit codes: 0 PASS, 1 FAIL."""
    with tempfile.TemporaryDirectory() as own:
        found = among_troubles(60 * minutes, folder or Path(own), lambda line: click.echo(line, err=True))
    grows = any(slope.judged and not slope.passed for slope in found["slopes"])
    report = Troubles(
        **of_bundle(*open_reader("digits-edge", "cpu", None)),
        command=shlex.join(["python", "-m", "tests.hostile.troubles", *sys.argv[1:]]),
        passed=not found["wrong"] and found["events"] > 0 and not grows,
        **found,
    )
    if file:
        write_json(file, report)
    click.echo(f"{report.events} events, {report.missed} numbers missed; sinks {report.sinks}; {report.troubles}")
    click.echo("\n".join(slope_lines(report.slopes, "run")))
    click.echo(f"{report.wrong} wrong {report.first_wrong}\n{'PASS' if report.passed else 'FAIL'}")
    sys.exit(not report.passed)


if __name__ == "__main__":
    main()
