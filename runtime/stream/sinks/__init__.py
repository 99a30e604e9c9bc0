"""Where events go: lines of JSON, and a broker."""

from ..numbers.events import Sink
from ..settings import Settings


def open_sinks(settings: Settings) -> list[Sink]:
    """Open what a configuration names, its paths made absolute; the history is a sink of its own.

    Raises:
        ConfigError: something that will never work: no such CA file, no password, a package that is missing.
        SinkError: a file cannot be written, or is not ours.
    """
    from .jsonl import open_jsonl
    from .mqtt import open_mqtt

    opened: list[Sink] = []
    try:
        opened.extend(open_jsonl(file) for file in settings.jsonl)
        if settings.mqtt is not None:
            opened.append(open_mqtt(settings.mqtt, settings.name, settings.numbers))
    except BaseException:
        for sink in opened:
            sink.close(0)
        raise
    return opened
