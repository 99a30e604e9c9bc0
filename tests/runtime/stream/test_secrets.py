import re

import pytest

from edgereader.runtime.errors import ConfigError, ServiceError
from edgereader.runtime.stream.secrets import MQTT, find_token, is_local, read_password
from edgereader.runtime.stream.settings import Http

TOKEN = "a-token-of-letters-and-digits-1"


def test_a_file_goes_before_the_environment(tmp_path, monkeypatch):
    monkeypatch.setenv(MQTT, "from the environment")
    (tmp_path / "password").write_text("with a blank \r\nand more\n")
    assert read_password(str(tmp_path / "password"), MQTT) == "with a blank "
    assert read_password(None, MQTT) == "from the environment"
    monkeypatch.setenv(MQTT, "")
    assert read_password(None, MQTT) is None


@pytest.mark.parametrize("contents", [b"", b"\ngeheim", b"gehe\xffim"])
def test_a_file_without_a_password_is_refused_and_not_reported(tmp_path, contents):
    (tmp_path / "password").write_bytes(contents)
    with pytest.raises(ConfigError, match="password: expected") as caught:
        read_password(str(tmp_path / "password"), MQTT)
    assert "gehe" not in str(caught.value)


def test_a_file_that_cannot_be_read_is_named(tmp_path):
    with pytest.raises(ConfigError, match=f"^{tmp_path}: expected a file with a password, got: Is a directory"):
        read_password(str(tmp_path), MQTT)


LOCAL = ["localhost", "LOCALHOST", "localhost.", "127.0.0.1", "127.9.9.9", "::1", "[::1]"]
OTHER = ["", "0.0.0.0", "::", "10.0.0.1", "edge", "localhost.evil.com", "127.0.0.1.evil.com", "127.1"]


@pytest.mark.parametrize("host", LOCAL + OTHER)
def test_hosts_of_this_machine_alone(host):
    assert is_local(host) == (host in LOCAL)


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
def test_weak_tokens_are_refused_and_not_reported(token, tmp_path):
    path = tmp_path / "token"
    path.write_text(token)
    with pytest.raises(ConfigError, match="16 or more") as raised:
        find_token(Http(token_file=str(path)))
    assert token not in str(raised.value)
