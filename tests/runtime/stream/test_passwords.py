import pytest

from edgereader.runtime.errors import ConfigError
from edgereader.runtime.stream.passwords import MQTT, read_password


def test_a_file_goes_before_the_environment(tmp_path, monkeypatch):
    monkeypatch.setenv(MQTT, "from the environment")
    (tmp_path / "password").write_text("with a blank \r\nand more\n")
    assert read_password(str(tmp_path / "password"), MQTT) == "with a blank "
    assert read_password(None, MQTT) == "from the environment"
    monkeypatch.setenv(MQTT, "")
    assert read_password(None, MQTT) is None


@pytest.mark.parametrize("contents", [b"", b"\ngeheim", b"gehe\xffim"])
def test_a_file_without_a_password_is_refused_and_not_told(tmp_path, contents):
    (tmp_path / "password").write_bytes(contents)
    with pytest.raises(ConfigError, match="password: expected") as caught:
        read_password(str(tmp_path / "password"), MQTT)
    assert "gehe" not in str(caught.value)


def test_a_file_that_cannot_be_read_is_named(tmp_path):
    with pytest.raises(ConfigError, match=f"^{tmp_path}: expected a file with a password, got: Is a directory"):
        read_password(str(tmp_path), MQTT)
