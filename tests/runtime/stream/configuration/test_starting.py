import stat

import pytest

from edgereader.runtime.errors import ConfigError
from edgereader.runtime.stream.configuration.config import load
from edgereader.runtime.stream.configuration.starting import HEAD, begin
from edgereader.runtime.stream.secrets import find_token

CAMERA = {("camera", "source"): 0}


@pytest.fixture(autouse=True)
def no_token(monkeypatch):
    monkeypatch.delenv("EDGEREADER_TOKEN", raising=False)


def mode(path):
    return stat.S_IMODE(path.stat().st_mode)


def test_a_new_file_has_what_was_asked_for_and_a_page_with_a_token(tmp_path):
    path = tmp_path / "cellar.toml"
    begin(path, {**CAMERA, ("name",): "cellar", ("http", "host"): "0.0.0.0", ("number", 0, "kind"): "counter"})
    settings = load(path)
    assert (settings.name, settings.camera.source, settings.http.host) == ("cellar", 0, "0.0.0.0")
    assert settings.number[0].kind == "counter"
    assert len(find_token(settings.http)) == 32
    assert path.read_text().startswith(HEAD)
    assert [mode(each) for each in sorted(tmp_path.iterdir())] == [0o600, 0o600], "no backup of what was not there"


def test_a_file_that_is_there_keeps_what_it_says_and_a_backup(tmp_path):
    path = tmp_path / "cellar.toml"
    text = "# Mine.\n[camera]\nsource = 1 # the old one\n[mqtt]\nhost = 'h'\n"
    path.write_text(text)
    begin(path, {**CAMERA, ("name",): "cellar"})
    settings = load(path)
    assert (settings.camera.source, settings.mqtt.host, settings.http.port) == (0, "h", 8765)
    assert "# Mine.\n" in path.read_text()
    assert "source = 0 # the old one" in path.read_text()
    assert (tmp_path / "cellar.toml.bak").read_text() == text
    token, text = (tmp_path / "cellar.token").read_text(), path.read_text()
    begin(path, {})
    assert ((tmp_path / "cellar.token").read_text(), path.read_text()) == (token, text)
    assert (tmp_path / "cellar.toml.bak").read_text() != text


def test_a_token_that_is_there_stays(tmp_path, monkeypatch):
    path = tmp_path / "a.toml"
    (tmp_path / "mine").write_text("0123456789abcdef\n")
    begin(path, {**CAMERA, ("http", "token_file"): "mine"})
    assert load(path).http.token_file == str(tmp_path / "mine")
    monkeypatch.setenv("EDGEREADER_TOKEN", "0123456789abcdef")
    begin(tmp_path / "b.toml", CAMERA)
    assert load(tmp_path / "b.toml").http.token_file is None
    assert not list(tmp_path.glob("*.token"))


@pytest.mark.parametrize(
    ("text", "options"),
    [
        (None, {("camera", "source"): "nix.mp4"}),
        (None, {**CAMERA, ("mqtt", "host"): "h"}),
        ("[camera\n", CAMERA),
        ("[camera]\nfps = 'x'\n", CAMERA),
    ],
)
def test_what_is_wrong_is_not_written(tmp_path, text, options):
    path = tmp_path / "a.toml"
    if text is not None:
        path.write_text(text)
    with pytest.raises(ConfigError, match="expected "):
        begin(path, options)
    assert (path.read_text() if path.exists() else None) == text
    assert not (tmp_path / "a.toml.bak").exists()
