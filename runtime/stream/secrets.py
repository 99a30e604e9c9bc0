"""Secrets: from a file's first line or from the environment; nothing else ever holds or shows them."""

import os
from ipaddress import ip_address

from ..errors import ConfigError, ServiceError
from .settings import Http

CAMERA = "EDGEREADER_CAMERA_PASSWORD"
MQTT = "EDGEREADER_MQTT_PASSWORD"
SERVICE = "EDGEREADER_TOKEN"
SHORTEST = 16
"""Characters of a token: too many to be guessed over a network."""


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


def is_local(host: str) -> bool:
    """Return whether a host name or address is this machine's own and reached from no other."""
    if host.lower().rstrip(".") == "localhost":
        return True
    try:
        return ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def find_token(http: Http) -> str | None:
    """Return the token that requests must carry: that of the settings' file or the environment; None = none is needed.

    Raises:
        ConfigError: the file cannot be read, or the token is too short or of other characters; it is never shown.
        ServiceError: other machines can reach the address, and there is no token.
    """
    token = read_password(http.token_file, SERVICE)
    if token is None:
        if is_local(http.host):
            return None
        raise ServiceError(
            f"{http.host}: expected a token, as other machines can reach this address, got none; put one into a file "
            f"(openssl rand -hex 24 > token) and name it as token_file (--token-file), or set {SERVICE}"
        )
    if len(token) < SHORTEST or not all("!" <= character <= "~" for character in token):
        raise ConfigError(
            f"{http.token_file or SERVICE}: expected a token of {SHORTEST} or more letters, digits and signs without "
            f"spaces, got something else; make one with: openssl rand -hex 24"
        )
    return token
