"""Secrets: from a file's first line or from the environment; nothing else ever holds or tells them."""

import os

from ..errors import ConfigError

CAMERA = "EDGEREADER_CAMERA_PASSWORD"
MQTT = "EDGEREADER_MQTT_PASSWORD"


def read_password(file: str | None, variable: str) -> str | None:
    """Read a password or token: the first line of a file or, without a file, an environment variable; None = neither.

    Raises:
        ConfigError: the file cannot be read, or its first line is empty; the message has the path only.
    """
    if file is None:
        return os.environ.get(variable) or None
    try:
        with open(file, encoding="utf-8") as lines:  # noqa: PTH123 - any file's path as it is given
            line = lines.readline(4096).rstrip("\r\n")
    except (OSError, UnicodeDecodeError) as exc:
        got = exc.strerror if isinstance(exc, OSError) else "no UTF-8 text"
        raise ConfigError(f"{file}: expected a file with a password, got: {got}; check its path and owner") from exc
    if not line:
        raise ConfigError(f"{file}: expected a password on the first line, got none; write it there")
    return line
