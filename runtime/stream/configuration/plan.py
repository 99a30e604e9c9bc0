"""What a configuration will run, as rows of a table; no secret is in it."""

from collections.abc import Iterator
from pathlib import Path

from ...reader import Reader
from ..addresses import masked
from ..secrets import find_token
from ..settings import Mqtt, Number, Settings
from ..sinks.lines import prints


def plan(settings: Settings, reader: Reader, state: Path | None) -> Iterator[tuple[str, str]]:
    """Yield what and how: what comes in, what is read, and where it goes; ``state`` is the log, if there is one."""
    camera, detection = settings.camera, settings.detect
    frames = "every frame of a file" if camera.every_frame else "latest frame"
    frames = f"{camera.look_frames} frames every {camera.every}" if camera.every else frames
    yield "stream", settings.name
    yield "camera", ", ".join(filter(None, (masked(str(camera.source)), camera.preset, frames)))
    networks = (f"{kind} on {session.backend} in {session.precision}" for kind, session in reader.sessions.items())
    yield "reader", f"{settings.reader.bundle}: {', '.join(networks)}"
    when = ["on motion"] * detection.motion + ["when unsure"] * detection.unsure
    yield "detect", ", ".join([f"every {detection.every_frames} frames", *when])
    for number in settings.numbers:
        yield "number", _number(number)
    if settings.mask:
        yield "mask", f"{len(settings.mask)} part{'s' * (len(settings.mask) > 1)} of the picture"
    yield from _outputs(settings, state)


def _number(number: Number) -> str:
    words = [f"{number.name}: {number.kind}"]
    words += [f"{number.digits} digits"] * bool(number.digits)
    words += [f"{number.decimals} behind the point"] * bool(number.decimals)
    words += ["the last one tenths of a wheel"] * number.tenths
    words.append("whole picture" if number.region is None else f"region of {len(number.region)} corners")
    words += [f"pattern {number.pattern}"] * bool(number.pattern)
    return ", ".join([*words, f"sure from {number.min_confidence:.0%} and {number.min_frames} frames"])


def _outputs(settings: Settings, state: Path | None) -> Iterator[tuple[str, str]]:
    for file in settings.jsonl:
        files = f"{file.path}, {file.keep} more of {file.rotate_mb:g} MB"
        yield "jsonl", "standard output" if file.path == "-" else files
    if settings.mqtt is not None:
        yield "mqtt", _mqtt(settings.mqtt, settings.name)
    if prints(settings):
        yield "print", "a line for each event on standard output"
    if (http := settings.http) is not None:
        host = f"[{http.host}]" if ":" in http.host else http.host
        yield "http", f"http://{host}:{http.port}/, {'without a token' if find_token(http) is None else 'with a token'}"
    if (history := settings.history) is not None:
        yield "history", f"{history.path}, {history.days:g} days, up to {history.max_mb:g} MB"
    if (evidence := settings.evidence).keep != "none":
        yield "evidence", f"{evidence.keep} in {evidence.folder}, up to {evidence.max_mb:g} MB"
    if state is not None:
        yield "state", str(state)


def _mqtt(mqtt: Mqtt, stream: str) -> str:
    how = ["TLS"] * mqtt.tls + [f"user {mqtt.username}"] * bool(mqtt.username)
    discovery = [f"discovery under {mqtt.home_assistant}"] if mqtt.home_assistant else []
    return ", ".join([f"{mqtt.host}:{mqtt.port}", *how, f"topics {mqtt.topic}/{stream}/...", *discovery])
