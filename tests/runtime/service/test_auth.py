import pytest
from starlette.requests import Request

from edgereader.runtime.service.auth import Gate

from .stand import TOKEN


def request(method="GET", **headers):
    named = [(name.replace("_", "-").encode(), value.encode("latin-1")) for name, value in headers.items()]
    return Request({"type": "http", "method": method, "path": "/", "query_string": b"", "headers": named})


def status(gate, *arguments, **headers):
    refusal = gate.refusal(request(*arguments, **{"host": "localhost:8765", **headers}))
    return None if refusal is None else refusal.status


@pytest.mark.parametrize("host", ["localhost", "localhost:8765", "127.0.0.1:8765", "[::1]:8765"])
def test_without_a_token_this_machine_is_answered(host):
    assert status(Gate(None), host=host) is None


@pytest.mark.parametrize(
    "host", ["evil.com", "evil.com:8765", "", "localhost@evil.com", "[", "a b", "127.0.0.1.nip.io"]
)
def test_dns_rebinding(host):
    assert status(Gate(None), host=host) == 421


def test_requests_of_other_pages():
    gate = Gate(None)
    for page in (
        "http://evil.com",
        "null",
        "http://localhost:9999",
        "http://localhost",
        "https://evil.com:8765",
        "[",
        "",
    ):
        assert status(gate, "POST", origin=page) == 403, page
    for site in ("cross-site", "same-site"):
        assert status(gate, "POST", sec_fetch_site=site) == 403
    assert status(gate, "POST", origin="http://localhost:8765", sec_fetch_site="same-origin") is None
    assert status(gate, "POST", origin="https://localhost:8765") is None, "behind something that does TLS"
    assert status(gate, "POST") is None, "curl sends no Origin"
    assert status(Gate(TOKEN), "POST", origin="http://evil.com", authorization=f"Bearer {TOKEN}") == 403


def test_bearer_tokens():
    gate = Gate(TOKEN)
    assert status(gate, authorization=f"Bearer {TOKEN}") is None
    assert status(gate, authorization=f"bearer  {TOKEN}") is None
    assert status(gate, authorization=f"Bearer {TOKEN}", host="edge.lan") is None, "any name is good with a token"
    for wrong in (
        "",
        "Bearer",
        "Bearer ",
        f"Bearer {TOKEN[:-1]}",
        f"Bearer {TOKEN}x",
        f"Basic {TOKEN}",
        TOKEN,
        "Bearer ü",
    ):
        assert status(gate, authorization=wrong) == 401, wrong


def test_cookies():
    gate = Gate(TOKEN)
    cookie = f"{gate.cookie_name}={gate.cookie}"
    assert status(gate, cookie=cookie) is None
    assert status(gate, cookie=f"theme=dark; odd[]; {cookie}; x") is None
    for wrong in (
        "",
        f"{gate.cookie_name}=",
        f"{gate.cookie_name}={TOKEN}",
        f"{gate.cookie_name}={gate.cookie[:-1]}",
        "ü",
    ):
        assert status(gate, cookie=wrong) == 401, wrong
    assert TOKEN not in cookie
    assert Gate(TOKEN).cookie == gate.cookie, "it outlives a restart"
    assert Gate(TOKEN + "x").cookie != gate.cookie, "and ends with its token"
    assert Gate(TOKEN + "x").cookie_name != gate.cookie_name
    assert status(Gate(None), cookie=cookie) is None
