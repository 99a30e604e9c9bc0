import socket
from urllib.parse import quote

import pytest

from edgereader.runtime.errors import SourceLost
from edgereader.runtime.stream.addresses import split_url
from edgereader.runtime.stream.sources.web import ask

from .http_camera import HttpCamera

PASSWORD = "Se#c/r?e't:@ \"%äß"


def good(_number):
    return 200, {"Content-Type": "text/plain"}, b"hello"


def with_login(url, user="anna", password=PASSWORD):
    return split_url(url.replace("://", f"://{user}:{quote(password, safe='')}@"))


@pytest.mark.parametrize("schemes", [("Basic",), ("MD5",), ("SHA-256",), ("SHA-256", "MD5"), ("Basic", "MD5")])
def test_any_password_is_understood_by_basic_and_digest(schemes):
    with HttpCamera(good, login=("anna", PASSWORD), schemes=schemes) as server:
        with ask(with_login(server.url), "cam", 5) as answer:
            assert answer.read() == b"hello"
        assert server.refused == [""]
        assert server.asked[0]["Authorization"].startswith("Basic" if schemes == ("Basic",) else "Digest")


@pytest.mark.parametrize("schemes", [("Basic",), ("MD5",), ("MD5", "Basic")])
def test_a_wrong_password_is_tried_once_and_reported_without_it(schemes):
    """A camera locks a login that is wrong too often."""
    with HttpCamera(good, login=("anna", PASSWORD), schemes=schemes) as server:
        with pytest.raises(SourceLost) as caught:
            ask(with_login(server.url, password="falsch"), "cam", 5)
        assert str(caught.value) == "cam: expected pictures, got HTTP status 401; check user name and password"
        assert len(server.refused) == 1 + len(schemes)
        assert caught.value.__context__ is None


def test_a_login_of_an_unknown_kind_is_a_refusal():
    with (
        HttpCamera(good, login=("anna", "x"), schemes=("Kerberos",)) as server,
        pytest.raises(SourceLost, match="401"),
    ):
        ask(with_login(server.url), "cam", 5)


def test_a_redirection_is_followed_and_another_host_gets_no_login():
    with HttpCamera(good) as other:
        away = other.url.replace("127.0.0.1", "localhost")

        def moved(number):
            return 302, {"Location": away}, b""

        with HttpCamera(moved, login=("anna", PASSWORD)) as server, ask(with_login(server.url), "cam", 5) as answer:
            assert answer.read() == b"hello"
        assert "Authorization" not in other.asked[0]


@pytest.mark.parametrize("place", ["file:///etc/passwd", "ftp://127.0.0.1/x"])
def test_a_redirection_opens_nothing_but_http(place):
    with HttpCamera(lambda _: (302, {"Location": place}, b"")) as server, pytest.raises(SourceLost) as caught:
        ask(split_url(server.url), "cam", 5)
    assert "root:" not in str(caught.value)


def test_not_modified_is_no_answer():
    with HttpCamera(lambda _: (304, {}, b"")) as server:
        assert ask(split_url(server.url), "cam", 5, {"If-None-Match": '"a"'}) is None
        assert server.asked[0]["If-None-Match"] == '"a"'


def test_why_there_is_no_answer_is_said():
    with socket.create_server(("127.0.0.1", 0)) as server:
        url = f"http://anna:geheim@127.0.0.1:{server.getsockname()[1]}/"
        with pytest.raises(SourceLost, match="cam: expected pictures, got no answer; check the address, the camera"):
            ask(split_url(url), "cam", 0.2)
    with pytest.raises(SourceLost, match="got connection refused"):
        ask(split_url(url), "cam", 5)
    with pytest.raises(SourceLost, match="got no host of the name cam.invalid"):
        ask(split_url("http://cam.invalid/"), "cam", 5)
