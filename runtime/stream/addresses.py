"""Addresses of cameras: taken apart once, and from these parts opened, shown without secrets, and explained."""

from __future__ import annotations

import re
import socket
from dataclasses import dataclass, field
from urllib.parse import quote, unquote

from ..errors import SourceError

PORTS = {"rtsp": 554, "rtsps": 322, "http": 80, "https": 443}
"""Schemes that are let through, and their ports. FFmpeg has others that read any file or run any filter."""
HIDDEN = "***"
ENCODE = (
    "in a user name or password write # as %23, / as %2F, ? as %3F, @ as %40, : as %3A, % as %25 and a blank as %20 "
    "(after the host only @ and blanks), or put them into username and password_file under [camera]"
)
_PARTS = re.compile(
    r"(?P<scheme>[a-z][a-z0-9+.-]*)://"
    r"(?:(?P<login>[^/?#]*)@)?"
    r"(?P<host>\[[0-9a-f:.]+(?:%[\w.-]+)?\]|[\w.-]+)(?::(?P<port>[0-9]{1,5}))?"
    r"(?P<path>(?:[/?#][^@]*)?)",
    re.IGNORECASE,
)
_SIGNS = "!$&'()*+,;=~"
"""What is no letter or digit and yet need not be encoded in a user name or password."""
_UNSAFE = re.compile(r"[\s\x00-\x1f\x7f]")
_ODD = re.compile(r"[^A-Za-z0-9_./~-]")
"""From here on, a path or query may hold a secret."""
_DRAWN_BY_CHANCE = re.compile(r"(?<=/)(?=[A-Za-z]*\d)(?=\d*[A-Za-z])[A-Za-z0-9]{16,}(?![\w.-])")
_HARMLESS_PIPELINE = re.compile(r"[\w !/.,-]*(?:=|\Z)")
_LIKE_AN_ADDRESS = re.compile(
    r"@|://|(?:^|/)(?:rtsp|http)s?:|(?:user|usr|pass?|pwd|pw|login|token|auth|key|secret)\w*\s*=", re.IGNORECASE
)


@dataclass(frozen=True)
class Address:
    """Of a network camera; its login shows nowhere."""

    scheme: str
    """In small letters."""
    host: str
    """In small letters; of IPv6 without brackets."""
    port: int | None
    """1..65535; None = the scheme's."""
    path: str = field(repr=False)
    """Path, query and fragment as they were written: "/live?channel=1"."""
    username: str | None = field(default=None, repr=False)
    """Decoded; None = no login."""
    password: str | None = field(default=None, repr=False)
    """Decoded; None = none, which is not the empty one."""

    @property
    def place(self) -> str:
        """Scheme, host and port: "rtsp://cam:554"."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.scheme}://{host}" + (f":{self.port}" if self.port is not None else "")

    @property
    def login(self) -> str:
        """User name and password, encoded, as an address has them; "" = none."""
        parts = (self.username, self.password)
        return ":".join(quote(part, safe=_SIGNS, errors="surrogateescape") for part in parts if part is not None)

    @property
    def url(self) -> str:
        """The address to open, put together from its parts."""
        return self.place.replace("://", f"://{self.login}@", 1) + self.path if self.login else self.bare_url

    @property
    def bare_url(self) -> str:
        """The address to open, without the login."""
        return f"{self.place}{self.path}"

    @property
    def shown(self) -> str:
        """The address without secrets: neither login, nor query, nor what looks drawn by chance."""
        login = "" if self.username is None else f"{HIDDEN}@"
        path = _ODD.split(self.path, maxsplit=1)[0]
        shown = _DRAWN_BY_CHANCE.sub(HIDDEN, path)
        return self.place.replace("://", f"://{login}", 1) + shown + HIDDEN * (path != self.path)


def masked(source: str) -> str:
    """Return what logs, pages and errors call a camera's source: an address or pipeline without its secrets.

    An address is shown as far as `split_url` can take it apart, a pipeline up to its first value; of what looks like an
    address and is none, only the scheme is shown. Paths are shown as they are.
    """
    if (address := _take_apart(source)) is not None:
        return address.shown
    if is_pipeline(source):
        names = _HARMLESS_PIPELINE.match(source)
        return HIDDEN if names is None else names[0] + HIDDEN * (names[0] != source)
    if _LIKE_AN_ADDRESS.search(source):
        scheme = source.partition("://")[0].lower()
        return f"{scheme}://{HIDDEN}" if scheme in PORTS else HIDDEN
    return source


def is_pipeline(source: str) -> bool:
    """Return whether a source is a GStreamer pipeline; what has its first value after :// is an address."""
    return " ! " in source and "://" not in source.partition("=")[0]


def split_url(url: str, schemes: tuple[str, ...] = tuple(PORTS)) -> Address:
    """Take a URL apart.

    Raises:
        SourceError: not a URL of these schemes with a host, or one that can be understood in two ways.
    """
    address = _take_apart(url)
    if address is not None and address.scheme in schemes:
        return address
    known = ", ".join(f"{scheme}://" for scheme in schemes)
    if url.partition("://")[0].lower() in schemes and ("@" in url or _UNSAFE.search(url)):
        raise SourceError(f"{masked(url)}: expected a URL whose login is encoded, got another; {ENCODE}")
    raise SourceError(f"{masked(url)!r}: expected a URL of a host with {known}, got another; check the address")


def _take_apart(url: str) -> Address | None:
    """Return the parts of a URL of any scheme; None = it is none, or it could be taken apart in more than one way.

    A sign that ends the host for one program and not for another, such as # in a password, leaves an @ in the path.
    """
    found = None if _UNSAFE.search(url) else _PARTS.fullmatch(url)
    if found is None or (found["port"] is not None and not 0 < int(found["port"]) < 1 << 16):
        return None
    username, colon, password = (found["login"] or "").partition(":")
    return Address(
        found["scheme"].lower(),
        found["host"].strip("[]").lower(),
        None if found["port"] is None else int(found["port"]),
        found["path"],
        None if found["login"] is None else unquote(username, errors="surrogateescape"),
        unquote(password, errors="surrogateescape") if colon else None,
    )


def why_silent(address: Address, timeout_s: float) -> str:
    """Return what keeps a camera from giving frames, as far as a connection to its port tells."""
    try:
        socket.create_connection((address.host, address.port or PORTS[address.scheme]), timeout_s).close()
    except (OSError, UnicodeError) as exc:
        return why_failed(exc, address)
    return "a server without a video there, or one that wants another user name and password"


def why_failed(exc: OSError | UnicodeError, address: Address) -> str:
    """Return an error of a connection in a few words."""
    if isinstance(exc, (socket.gaierror, UnicodeError)):
        return f"no host of the name {address.host}"
    return "no answer" if isinstance(exc, TimeoutError) else (exc.strerror or type(exc).__name__).lower()
