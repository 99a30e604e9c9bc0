"""Requests to cameras that speak HTTP, with their login: basic or digest (RFC 7617, RFC 7616)."""

from __future__ import annotations

import hashlib
import re
import ssl
from collections.abc import Callable, Mapping
from http.client import HTTPException, HTTPMessage, HTTPResponse
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.request import (
    HTTPBasicAuthHandler,
    HTTPDefaultErrorHandler,
    HTTPDigestAuthHandler,
    HTTPErrorProcessor,
    HTTPHandler,
    HTTPPasswordMgrWithDefaultRealm,
    HTTPRedirectHandler,
    HTTPSHandler,
    OpenerDirector,
    ProxyHandler,
    Request,
    UnknownHandler,
)

from ...errors import SourceLost
from ..addresses import Address, why_failed

HASHES: dict[str, Callable[[bytes], Any]] = {"MD5": hashlib.md5, "SHA-256": hashlib.sha256}
"""Of digest logins."""
NOT_MODIFIED = 304


class _Basic(HTTPBasicAuthHandler):
    """Answers the question for a login once: cameras lock one that is wrong a few times in a row."""

    tried = False

    def http_error_auth_reqed(self, authreq: str, host: str, req: Request, headers: HTTPMessage) -> Any:
        asked = any(header.lower().startswith("basic") for header in headers.get_all("WWW-Authenticate", []))
        if self.tried or not asked:
            return None
        self.tried = True
        return super().http_error_auth_reqed(authreq, host, req, headers)


class _Digest(HTTPDigestAuthHandler):
    """Where the camera asks for it, before basic, and once; with SHA-256 too."""

    tried = False

    def http_error_auth_reqed(self, auth_header: str, host: str, req: Request, headers: HTTPMessage) -> Any:  # noqa: ARG002
        asked = (header for header in headers.get_all(auth_header, []) if header.lower().startswith("digest "))
        known = next((header for header in asked if _algorithm(header) in HASHES), None)
        if self.tried or known is None:
            return None
        self.tried = True
        return self.retry_http_digest_auth(req, known)

    def get_algorithm_impls(self, algorithm: str) -> tuple[Callable[[str], str], Callable[[str, str], str]]:
        make = HASHES[algorithm.upper()]

        def hashed(text: str) -> str:
            return str(make(text.encode()).hexdigest())

        return hashed, lambda secret, data: hashed(f"{secret}:{data}")


def _algorithm(challenge: str) -> str:
    found = re.search(r'algorithm\s*=\s*"?([\w-]+)', challenge, re.IGNORECASE)
    return found[1].upper() if found else "MD5"


def ask(address: Address, name: str, timeout_s: float, headers: Mapping[str, str] | None = None) -> HTTPResponse | None:
    """Ask a camera for what is at its address; the answer's body is still to be read, and the answer to be closed.

    The login goes to the camera's own host only, wherever it redirects to. Certificates are not checked, as FFmpeg does
    not: cameras sign their own.

    Args:
        address: with its login.
        name: what errors call it, without secrets.
        timeout_s: longest silence, also while the body is read.
        headers: of a request that is answered by None, "not modified", when nothing has changed.

    Raises:
        SourceLost: no answer, or another than the one that was wanted.
        HTTPException: what answers does not speak HTTP as it should.
    """
    try:
        request = Request(address.bare_url, headers=dict(headers or {}))  # noqa: S310 - http or https, see source.py
        return _opener(address).open(request, timeout=timeout_s)  # type: ignore[no-any-return]
    except HTTPError as exc:
        exc.close()
        if exc.code == NOT_MODIFIED:
            return None
        got = f"HTTP status {exc.code}"
        fix = "check user name and password" if exc.code in {401, 403} else "check the address"
    except HTTPException:
        raise
    except (OSError, ValueError) as exc:
        got, fix = _why(exc, address), "check the address, the camera, its power and network"
    raise SourceLost(f"{name}: expected pictures, got {got}; {fix}")


def _why(exc: Exception, address: Address) -> str:
    """Return an error of a request in a few words, without what it holds."""
    cause = exc.reason if isinstance(exc, URLError) else exc
    if isinstance(cause, OSError):
        return why_failed(cause, address)
    return "a login or another address that is not understood here"


def _opener(address: Address) -> OpenerDirector:
    """Return what follows redirects and answers questions for a login; of HTTP only, as others open files."""
    passwords = HTTPPasswordMgrWithDefaultRealm()
    if address.username is not None:
        passwords.add_password(None, f"{address.place}/", address.username, address.password or "")
    unchecked = ssl._create_unverified_context()  # noqa: S323, SLF001 - as the docstring of `ask` says
    opener = OpenerDirector()
    for handler in (
        ProxyHandler(),
        HTTPHandler(),
        HTTPSHandler(context=unchecked),
        HTTPRedirectHandler(),
        HTTPDefaultErrorHandler(),
        HTTPErrorProcessor(),
        UnknownHandler(),
        _Basic(passwords),
        _Digest(passwords),
    ):
        opener.add_handler(handler)
    return opener
