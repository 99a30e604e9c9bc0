"""Whether what a configuration names is there and lets a stream in: its source, its broker, its files, its port."""

from __future__ import annotations

import os
import secrets
import shutil
import socket
import threading
import time
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from ...errors import EdgeReaderError, ImageError, SinkError, SourceError, one_line
from ..addresses import masked
from ..settings import Camera, Http, Mqtt, Settings
from ..sinks import history, journal
from ..sinks.database import check_database
from ..sinks.mqtt import outbox
from ..sinks.mqtt.connection import Acknowledged, Connection
from ..sinks.mqtt.home_assistant import discovery
from ..sinks.mqtt.sink import make_broker, why
from ..sinks.mqtt.topics import Topics
from ..sources.source import open_source
from ..sources.status import is_black
from .rules import written

LIMIT_S = 12.0
"""Each answer is waited for so long."""
WATCH_S, MOST_FRAMES = 2.0, 50
"""A source is watched for so long, or for so many frames, once its first one is there."""
ANSWER_S = 5.0
"""Time for a broker to answer."""
LEAST_BYTES = 20_000_000
"""Room on a disk."""
SCHEMAS = {("mqtt", "queue"): outbox.SCHEMA, ("history", "path"): history.SCHEMA}
"""Place of a path → what its file holds, of databases."""


@dataclass(frozen=True)
class Finding:
    """What was found when something was opened."""

    what: str
    """The table of the configuration: "camera"; "files" = all that is written."""
    said: str
    """How it is, or what is wrong and what to do."""
    wrong: bool

    def __str__(self) -> str:
        """Return it in a line."""
        return f"{self.what}: {self.said}"


def look(settings: Settings, state: Path | None, without: Collection[str] = ()) -> list[Finding]:
    """Open what settings name, all at the same time, and say how it is; each takes ``LIMIT_S`` at most.

    Nothing is written, and nothing is said to anybody who listens to the broker.

    Args:
        settings: with absolute paths.
        state: the stream's log; None = it has none.
        without: tables of the configuration that are wrong already.
    """
    mqtt, http = settings.mqtt, settings.http
    jobs: dict[str, Callable[[], str]] = {"camera": lambda: _camera(settings.camera)}
    jobs |= {} if mqtt is None else {"mqtt": lambda: _broker(mqtt, settings)}
    jobs |= {} if http is None else {"http": lambda: _port(http)}
    jobs = {what: job for what, job in jobs.items() if what not in without}
    found: dict[str, Finding] = {}
    threads = {what: threading.Thread(target=_do, args=(what, job, found), daemon=True) for what, job in jobs.items()}
    until_s = time.monotonic() + LIMIT_S
    for thread in threads.values():
        thread.start()
    files = list(_files(settings, state, without))
    for what, thread in threads.items():
        thread.join(max(until_s - time.monotonic(), 0))
        late = f"expected an answer within {LIMIT_S:g} s, got none; check the address, the network and what is there"
        found.setdefault(what, Finding(what, late, wrong=True))
    return [*(found[what] for what in jobs), *files]


def _do(what: str, job: Callable[[], str], found: dict[str, Finding]) -> None:
    try:
        found[what] = Finding(what, job(), wrong=False)
    except (EdgeReaderError, OSError) as exc:
        found[what] = Finding(what, one_line(exc), wrong=True)


def _camera(camera: Camera) -> str:
    """Return a source's size and speed.

    Raises:
        SourceError: it cannot be opened, or gives no picture.
    """
    name = masked(str(camera.source))
    source, times_s, frame = open_source(camera), list[float](), None
    until_s, timed = time.monotonic() + LIMIT_S, True
    try:
        while len(times_s) < MOST_FRAMES and time.monotonic() < until_s:
            try:
                read = source.read()
            except ImageError as exc:
                if not source.live or time.monotonic() > until_s:
                    raise SourceError(str(exc)) from exc
                continue
            if read is None:
                break
            frame, place_s = read
            timed = timed and (source.live or place_s is not None)
            times_s.append(time.monotonic() if place_s is None else place_s)
            until_s = min(until_s, time.monotonic() + WATCH_S) if len(times_s) == 1 else until_s
    finally:
        source.close()
    if frame is None:
        raise SourceError(f"{name}: expected a picture, got none; check the camera, its power and its network")
    height, width = frame.shape[:2] if camera.turn % 180 == 0 else frame.shape[1::-1]
    took_s = times_s[-1] - times_s[0]
    speed = [f"{(len(times_s) - 1) / took_s:.1f} frames a second"] if timed and took_s > 0 else []
    black = ["but it is black: check lens and light"] * is_black(frame)
    return ", ".join((f"a picture of {width} × {height} px", *speed, *black))


def _broker(mqtt: Mqtt, settings: Settings) -> str:
    """Return how a broker was reached and what may be said to it.

    Raises:
        EdgeReaderError: it cannot be reached, or refuses us.
    """
    topics = Topics(mqtt.topic, settings.name)
    probe = f"{mqtt.topic}/{settings.name}/check"
    config = next(reversed(discovery(mqtt.home_assistant, topics, settings.numbers)), "") if mqtt.home_assistant else ""
    tried = [probe, f"{config.removesuffix('config')}check"] if config else [probe]
    own = make_broker(mqtt, topics)
    broker = replace(own, client=f"{own.client}-check-{secrets.token_hex(4)}", will=probe)
    wake, nudge = socket.socketpair()
    try:
        with wake, nudge:
            answers = _said(Connection(broker, (), wake), tried)
    except (OSError, ValueError) as exc:
        raise SinkError(f"{broker.name}: {why(exc)}; check host, port, tls, and whether the broker runs") from exc
    for topic, said in zip(tried, answers, strict=True):
        if said.refused:
            raise SinkError(f"{broker.name}: {topic} is refused: {said.words}; {broker.advice(said.code)}")
    rights = f"may publish under {' and '.join(topic.removesuffix('/check') for topic in tried)}"
    unknown = "which does not tell what one may publish"
    how = ["connected"] + ["by TLS"] * mqtt.tls + [f"as {mqtt.username}"] * bool(mqtt.username)
    return f"{' '.join(how)}, MQTT {mqtt.version}, {rights if mqtt.version == '5' else unknown}"


def _said(connection: Connection, topics: list[str]) -> list[Acknowledged]:
    """Say nothing under some topics, kept by nobody, and return what the broker answers to each.

    Raises:
        ConnectionError: the connection is lost, or was refused.
    """
    try:
        until_s = time.monotonic() + ANSWER_S
        sent: dict[int, int] = {}
        while len(connection.answers) < len(topics):
            if connection.lost or time.monotonic() > until_s:
                silent = f"no answer, is this a broker of MQTT {connection.broker.version}?"
                raise ConnectionError(connection.lost or silent)
            if connection.up and not sent:
                sent = {connection.publish(topic, b"", retain=False): at for at, topic in enumerate(topics)}
            connection.step(0.1)
        connection.end()
        return sorted(connection.answers, key=lambda said: sent[said.message])
    finally:
        connection.drop()


def _port(http: Http) -> str:
    """Return that the page's port is free.

    Raises:
        OSError: it is not.
    """
    family, kind, protocol, _, address = socket.getaddrinfo(http.host, http.port, type=socket.SOCK_STREAM)[0]
    with socket.socket(family, kind, protocol) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(address)
        except OSError as exc:
            ends = "choose another port, or end what listens there: this stream, if it runs already"
            raise OSError(f"{http.host}:{http.port}: expected a free port, got: {exc.strerror}; {ends}") from exc
    return f"port {http.port} is free"


def _files(settings: Settings, state: Path | None, without: Collection[str]) -> Iterator[Finding]:
    """Yield what is wrong with each file, or how much room there is for all; the log lies beside one of them."""
    files = [(place, Path(path)) for place, path in written(settings) if place[0] not in without]
    sick = list(filter(None, (_sick(place, path) for place, path in files)))
    if state is not None and not sick:
        files.append((("state",), state))
        sick = list(filter(None, [_sick(*files[-1])]))
    yield from (Finding("files", said, wrong=True) for said in sick)
    if files and not sick:
        free = min(shutil.disk_usage(_there(path)).free for _, path in files)
        yield Finding("files", f"{len(files)} to write, {free / 1e9:.1f} GB free", wrong=False)


def _sick(place: tuple[str | int, ...], path: Path) -> str:
    """Return what would keep a stream from writing a file; "" = nothing."""
    schema = journal.SCHEMA if place == ("state",) else SCHEMAS.get((str(place[0]), str(place[-1])))
    if place[0] != "evidence" and not path.parent.is_dir():
        return f"{path}: expected a folder that is there, got none; make it: mkdir -p {path.parent}"
    if path.exists() and not os.access(path, os.R_OK | os.W_OK):
        return f"{path}: expected a file that can be written, got one that cannot; check its owner"
    if shutil.disk_usage(_there(path)).free < LEAST_BYTES:
        return f"{path}: expected {LEAST_BYTES // 1_000_000} MB on the disk, got less; make room"
    try:
        if schema is not None and path.exists():
            check_database(path, schema)
    except EdgeReaderError as exc:
        return f"{exc}{'; or this stream runs already' * ('in use' in str(exc))}"
    return ""


def _there(path: Path) -> Path:
    return next(folder for folder in (path, *path.parents) if folder.exists())
