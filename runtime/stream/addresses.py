"""Addresses of cameras: which are let through, how they are shown, and why one does not answer."""

import re
import socket
from urllib.parse import SplitResult, urlsplit

from ..errors import SourceError

PORTS = {"rtsp": 554, "rtsps": 322, "http": 80, "https": 443}
"""Schemes that are let through, and their ports. FFmpeg has others that read any file or run any filter."""
HIDDEN = "***"
_LOGIN = re.compile(r"(?<=://)[^\s\"'!]*@")
_SECRET = re.compile(
    r"((?:pass|pwd|pas\b|pw\b|user|usr|login|token|secret|key|auth|sig|session|jwt|cred|code\b|pin\b)[\w.%-]*\s*=\s*)"
    r"(?:\"[^\"]*\"?|'[^']*'?|[^&;#\s\"']+)",
    re.IGNORECASE,
)
_LONG_VALUE = re.compile(r"(?<=[?&;])([^=&;#\s\"']*=)[^&;#\s\"']{16,}")
_LONG_PART = re.compile(r"(?<=/)(?=[A-Za-z]*\d)(?=\d*[A-Za-z])[A-Za-z0-9]{16,}(?![\w.-])")


def masked(url: str) -> str:
    """Hide what is secret in an address or a GStreamer pipeline; for every log, page and error.

    Hidden are user name and password, values with names such as "token" or "pwd", long values of a query, and parts of
    a path that look drawn by chance. What is in doubt is hidden.
    """
    text = _LOGIN.sub(f"{HIDDEN}@", url)
    text = _SECRET.sub(rf"\1{HIDDEN}", text)
    text = _LONG_VALUE.sub(rf"\1{HIDDEN}", text)
    return _LONG_PART.sub(HIDDEN, text) if "://" in text else text


def split_url(url: str, schemes: tuple[str, ...] = tuple(PORTS)) -> SplitResult:
    """Take a URL apart.

    Raises:
        SourceError: not a URL of these schemes with a host.
    """
    try:
        parts = urlsplit(url)
        good = parts.scheme in schemes and bool(parts.hostname) and parts.port != 0
    except ValueError:  # a port that is none, half an IPv6 address
        good = False
    if not good or re.search(r"[\s\x00-\x1f\x7f]", url):
        known = ", ".join(f"{each}://" for each in schemes)
        raise SourceError(f"{masked(url)!r}: expected a URL of a host with {known}, got another; check the address")
    return parts


def why_silent(url: SplitResult, timeout_s: float) -> str:
    """What keeps a camera from giving frames, as far as a connection to its port tells."""
    try:
        socket.create_connection((url.hostname, url.port or PORTS[url.scheme]), timeout_s).close()
    except socket.gaierror:
        return f"no host of the name {url.hostname}"
    except TimeoutError:
        return "no answer"
    except OSError as exc:
        return (exc.strerror or type(exc).__name__).lower()
    return "a server without a video there, or one that wants another user name and password"
