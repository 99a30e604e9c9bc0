"""Where events go: to stores, which keep them over a restart, and to who looks or listens now."""

from pathlib import Path

from ..settings import Settings
from .feed import Store


def open_stores(settings: Settings) -> list[Store]:
    """Open the stores that a configuration names, its paths made absolute; in the order in which they are fed.

    Raises:
        ConfigError: something that will never work: no such CA file, no password, a package that is missing.
        DatasetError: another data set is where the evidence should be.
        SinkError: a file cannot be written, is not ours, or is another stream's.
    """
    from .evidence import Evidence
    from .history import History
    from .jsonl import LogFile
    from .mqtt.sink import open_mqtt

    opened: list[Store] = []
    try:
        opened.extend(LogFile(file) for file in settings.jsonl if file.path != "-")
        if settings.mqtt is not None:
            opened.append(open_mqtt(settings.mqtt, settings.name, settings.numbers))
        if (kept := settings.history) is not None:
            opened.append(History(Path(kept.path), kept.days, kept.max_mb))
        if settings.evidence.keep != "none":
            opened.append(Evidence(settings.evidence))
    except BaseException:
        for store in opened:
            store.close(0)
        raise
    return opened
