import re

import pytest
from starlette.requests import Request

from edgereader.runtime.errors import ConfigError, ServiceError
from edgereader.runtime.service.auth import Gate, find_token, is_local
from edgereader.runtime.stream.settings import Http

from .stand import TOKEN


def request(method="GET", **headers):
    named = [(name.replace("_", "-").encode(), value.encode("latin-1")) for name, value in headers.items()]
    return Request({"type": "http", "method": method, "path": "/", "query_string": b"", "headers": named})


def status(gate, *arguments, **headers):
    refusal = gate.refusal(request(*arguments, **{"host": "localhost:8765", **headers}))
    return None if refusal is None else refusal.status


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST", "localhost.", "127.0.0.1", "127.9.9.9", "::1", "[::1]"])
def test_local_hosts(host):
    assert is_local(host)


@pytest.mark.parametrize(
    "host", ["", "0.0.0.0", "::", "10.0.0.1", "edge", "localhost.evil.com", "127.0.0.1.evil.com", "127.1"]
)
def test_other_hosts(host):
    assert not is_local(host)


def test_finding_the_token(tmp_path, monkeypatch):
    monkeypatch.delenv("EDGEREADER_TOKEN", raising=False)
    path = tmp_path / "token"
    path.write_text(f"{TOKEN}\nsomething else\n")
    assert find_token(Http()) is None
    assert find_token(Http(host="0.0.0.0", token_file=str(path))) == TOKEN
    assert find_token(Http(token_file=str(path))) == TOKEN
    monkeypatch.setenv("EDGEREADER_TOKEN", TOKEN[::-1])
    assert find_token(Http()) == TOKEN[::-1]
    assert find_token(Http(token_file=str(path))) == TOKEN, "the file goes first"


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.5", "edge.lan"])
def test_an_address_that_others_reach_needs_a_token(host, monkeypatch):
    monkeypatch.delenv("EDGEREADER_TOKEN", raising=False)
    with pytest.raises(ServiceError, match=rf"{re.escape(host)}: expected a token.*--token-file"):
        find_token(Http(host=host))


@pytest.mark.parametrize("token", ["short-secret", "a secret with spaces in", "ein-langes-Geheimnis-äöü", "x" * 15])
def test_weak_tokens_are_refused_and_not_told(token, tmp_path):
    path = tmp_path / "token"
    path.write_text(token)
    with pytest.raises(ConfigError, match="16 or more") as raised:
        find_token(Http(token_file=str(path)))
    assert token not in str(raised.value)


def test_a_missing_token_file(tmp_path):
    with pytest.raises(ConfigError, match="none"):
        find_token(Http(token_file=str(tmp_path / "none")))


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
