"""What a configuration must keep beyond its types: rules over several keys, and files that must be there."""

import glob
import os
import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from ...errors import ConfigError, EdgeReaderError, SourceError
from ...sessions.opening import BACKENDS
from ...sessions.triton.contract import ADDRESS
from ...text.checks import CHECKS
from ..addresses import is_pipeline, masked, split_url
from ..secrets import CAMERA, MQTT, find_token, read_password
from ..settings import UNNAMED, Camera, Http, Mqtt, Number, Polygon, Reading, Settings
from ..sinks.mqtt.device_classes import CLASSES, NO_NUMBERS, nearest
from .schema import Place, Problem, problem

COUNTERS_ONLY = ("decimals", "digits", "max_rate", "falls", "wheels", "tenths")


def broken_rules(settings: Settings) -> list[Problem]:
    """Return everything that is wrong with settings whose paths are absolute."""
    found = [*_camera(settings), *_reader(settings), *_numbers(settings), *_sinks(settings), *_files(settings)]
    found += [] if settings.mqtt is None else [*_name(settings), *_mqtt(settings.mqtt)]
    return found + ([] if settings.http is None else list(_http(settings.http)))


def is_path(source: str | int) -> bool:
    """Return whether a camera's source is a file, a folder or a device; else a number, a URL or a pipeline."""
    return isinstance(source, str) and "://" not in source and " ! " not in source and not source.isdecimal()


def is_network(camera: Camera) -> bool:
    """Return whether a camera's source is an address, which may want a login."""
    return isinstance(camera.source, str) and "://" in camera.source and not is_pipeline(camera.source)


def _camera(settings: Settings) -> Iterator[Problem]:
    camera, source = settings.camera, settings.camera.source
    fits = {
        "": True,
        "jetson-csi": isinstance(source, int) or source.isdecimal(),
        "jetson-rtsp": str(source).startswith(("rtsp://", "rtsps://")),
        "jetson-file": is_path(source),
    }
    wanted = {"jetson-csi": "a camera's number", "jetson-rtsp": "an rtsp:// URL", "jetson-file": "a video file"}
    if not fits[camera.preset]:
        yield problem(("camera", "source"), f"{wanted[camera.preset]} for {camera.preset}", "something else")
    if isinstance(source, int) and source < 0:
        yield problem(("camera", "source"), "a camera's number from 0", str(source))
    path = str(source)
    if is_path(source) and not (path.startswith("/dev/") or glob.has_magic(path) or Path(path).exists()):
        yield problem(("camera", "source"), "a file or folder that is there", masked(path), "check the path")
    yield from _login(camera)
    if camera.retry_most_s < camera.retry_s:
        yield problem(("camera", "retry_most_s"), f"retry_s ({camera.retry_s:g}) or more", f"{camera.retry_most_s:g}")
    asks = is_network(camera) or not is_path(source)
    if asks and camera.fps and camera.timeout_s <= 1 / camera.fps:
        between = f"more than the {1 / camera.fps:g} s between two frames"
        yield problem(("camera", "timeout_s"), between, f"{camera.timeout_s:g}", "raise it, or fps")
    yield from _looks(settings)
    for at, polygon in enumerate(settings.mask):
        yield from _polygon(("mask", at), polygon)


def _looks(settings: Settings) -> Iterator[Problem]:
    """Yield what is wrong with looks now and then."""
    camera = settings.camera
    if not camera.every:
        return
    if not camera.every_s:
        yield problem(("camera", "every"), 'a time such as "60s", "5min" or "1h"', repr(camera.every))
    if is_path(camera.source) and not str(camera.source).startswith("/dev/"):
        yield problem(("camera", "every"), "a camera with it", "a file", "leave it out")
    most = max(number.min_frames for number in settings.numbers)
    if camera.look_frames < most:
        yield problem(("camera", "look_frames"), f"min_frames ({most}) or more", str(camera.look_frames))
    for at, number in enumerate(settings.number):
        if number.kind == "plate":
            yield problem(("number", at, "kind"), "what stays, with every", '"plate", which passes', "leave every out")


def _login(camera: Camera) -> Iterator[Problem]:
    """Yield what is wrong with a network camera's address or login."""
    if is_network(camera):
        try:
            address = split_url(str(camera.source))
        except SourceError as exc:
            yield Problem(("camera", "source"), str(exc))
            return
        if camera.username is not None and address.username is not None:
            yield problem(("camera", "username"), "it here or in the address", "both", "take it out of the address")
    elif camera.username is not None:
        yield problem(("camera", "username"), "the address of a network camera with it", "another source")
    if camera.password_file is not None and camera.username is None:
        yield problem(("camera", "password_file"), "username with it", "none")
    if camera.username is not None:
        yield from _password(("camera", "password_file"), camera.password_file, CAMERA)


def _polygon(place: Place, polygon: Polygon) -> Iterator[Problem]:
    x, y = np.array(polygon, float).T
    if abs(x @ np.roll(y, 1) - y @ np.roll(x, 1)) < 1e-9:
        yield problem(place, "corners around an area", "corners in a line")


def _reader(settings: Settings) -> Iterator[Problem]:
    reader = settings.reader
    if reader.backend not in ("auto", *BACKENDS) and not ADDRESS.fullmatch(reader.backend):
        expected = f"one of auto, {', '.join(BACKENDS)}, or triton://HOST:PORT"
        yield problem(("reader", "backend"), expected, repr(reader.backend))
    if reader.check is not None and reader.check not in CHECKS:
        yield problem(("reader", "check"), f"one of {', '.join(CHECKS)}", repr(reader.check))
    if reader.all_text and reader.find == "numbers":
        yield problem(("reader", "all_text"), 'find = "text" with it', '"numbers"', "leave one of them out")
    yield from _notation(("reader",), reader)
    yield from _pattern(("reader", "pattern"), reader.pattern)


def _notation(place: Place, written: Reading | Number) -> Iterator[Problem]:
    if written.decimal is not None and written.decimal in (written.thousands or ""):
        yield problem((*place, "thousands"), "other characters than decimal", "the same one")


def _pattern(place: Place, pattern: str | None) -> Iterator[Problem]:
    try:
        re.compile(pattern or "")
    except re.error as exc:
        yield problem(place, "a regular expression", f"{pattern!r}: {exc}")


def _numbers(settings: Settings) -> Iterator[Problem]:
    for at, number in enumerate(settings.number):
        place: Place = ("number", at)
        if number.name in (before.name for before in settings.number[:at]):
            yield problem((*place, "name"), "a name of its own for each number", f"{number.name!r} twice")
        yield from _pattern((*place, "pattern"), number.pattern)
        yield from _notation(place, number)
        yield from () if number.region is None else _polygon((*place, "region"), number.region)
        yield from _counter(place, number)
        yield from _home_assistant(place, number)


def _counter(place: Place, number: Number) -> Iterator[Problem]:
    if number.kind != "counter":
        for key in COUNTERS_ONLY:
            if getattr(number, key):
                yield problem((*place, key), 'kind = "counter" with it', f'"{number.kind}"')
    elif 0 < number.digits <= number.decimals:
        yield problem((*place, "decimals"), f"fewer than digits ({number.digits})", str(number.decimals))
    if number.kind == "counter" and number.wheels and not number.digits:
        yield problem((*place, "digits"), "how many wheels there are, with wheels", "0")
    if number.kind == "counter" and number.tenths and not number.wheels:
        yield problem((*place, "tenths"), "wheels = true with it", "false")


def _home_assistant(place: Place, number: Number) -> Iterator[Problem]:
    """Yield what Home Assistant would refuse: it says so in its own log only, and makes no sensor."""
    name = number.device_class
    if not name:
        return
    if (device_class := CLASSES.get(name)) is None:
        near = nearest(name, tuple(CLASSES))
        why = (
            "its state is no number"
            if name in NO_NUMBERS
            else f"is it {near}?"
            if near
            else f"known are {', '.join(CLASSES)}"
        )
        yield problem((*place, "device_class"), "a device class of Home Assistant, for numbers", repr(name), why)
    elif not device_class.takes(number.unit):
        units = device_class.units or ()
        near = nearest(number.unit, units) if number.unit else ""
        known = ", ".join(unit or '""' for unit in units)
        fix = f"is it {near}?" if near else "change unit or device_class"
        yield problem((*place, "unit"), f'one of {known} with device_class = "{name}"', f'"{number.unit}"', fix)


def _sinks(settings: Settings) -> Iterator[Problem]:
    if [file.path for file in settings.jsonl].count("-") > 1:
        yield problem(("jsonl",), "standard output once, as - or without a path", "it twice")
    if settings.evidence.keep != "none" and Path(settings.evidence.folder).name.startswith("scenes_"):
        yield problem(("evidence", "folder"), "a name that does not begin with scenes_", "one for whole pictures")


def _name(settings: Settings) -> Iterator[Problem]:
    """Yield a stream that has no name of its own: two of one name would speak under the same topics."""
    if settings.name == UNNAMED:
        yield problem(("name",), "a name of its own for a stream with mqtt", f"{UNNAMED!r}", "set name, or --name")


def _mqtt(mqtt: Mqtt) -> Iterator[Problem]:
    if not mqtt.host or re.search(r"[\s/@]", mqtt.host):
        yield problem(("mqtt", "host"), "a host name or address", "something else", "port, user and tls are other keys")
    for key in ("topic", "home_assistant"):
        topic = getattr(mqtt, key)
        if topic is not None and (re.search(r"[#+\0\s]", topic) or topic.strip("/") != topic):
            yield problem(("mqtt", key), "a topic without #, + and blanks, not from / to /", repr(topic))
    if not mqtt.topic:
        yield problem(("mqtt", "topic"), "a topic", "none")
    if mqtt.ca_file is not None and not mqtt.tls:
        yield problem(("mqtt", "ca_file"), "tls = true with it", "tls = false")
    if mqtt.ca_file is not None and not os.access(mqtt.ca_file, os.R_OK):
        yield problem(("mqtt", "ca_file"), "a file that can be read", mqtt.ca_file, "check its path and owner")
    yield from _password(("mqtt", "password_file"), mqtt.password_file, MQTT)


def _http(http: Http) -> Iterator[Problem]:
    try:
        find_token(http)
    except EdgeReaderError as exc:
        yield Problem(("http", "host" if http.token_file is None else "token_file"), str(exc))


def _password(place: Place, file: str | None, variable: str) -> Iterator[Problem]:
    try:
        read_password(file, variable)
    except ConfigError as exc:
        yield Problem(place, str(exc))


def _files(settings: Settings) -> Iterator[Problem]:
    """Yield files that are written: each of its own, in folders that can be written to."""
    taken: dict[str, str] = {}
    for place, path in written(settings):
        if path in taken:
            yield problem(place, "a file of its own", f"that of {taken[path]}")
        taken[path] = ".".join(map(str, place))
        parent = next(folder for folder in Path(path).parents if folder.exists())
        if not parent.is_dir() or not os.access(parent, os.W_OK | os.X_OK):
            yield problem(place, "a folder that can be written to", f"{parent}", "check its owner")


def written(settings: Settings) -> Iterator[tuple[Place, str]]:
    """Yield what a stream writes: place in the configuration, path."""
    for at, file in enumerate(settings.jsonl):
        if file.path != "-":
            yield ("jsonl", at, "path"), file.path
    if settings.mqtt is not None:
        yield ("mqtt", "queue"), settings.mqtt.queue
    if settings.history is not None:
        yield ("history", "path"), settings.history.path
    if settings.evidence.keep != "none":
        yield ("evidence", "folder"), settings.evidence.folder
