"""Configurations, and what is said of their mistakes."""

import pytest

from edgereader.runtime.errors import ConfigError
from edgereader.runtime.stream.configuration.config import read_config


@pytest.fixture
def write(tmp_path):
    def write(text):
        path = tmp_path / "camera.toml"
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return path

    return write


@pytest.fixture
def problems(write, tmp_path, monkeypatch):
    """problems(text, **options) -> lines of what is wrong, without the file's name; beside it there is a token."""
    monkeypatch.delenv("EDGEREADER_TOKEN", raising=False)
    (tmp_path / "token").write_text("0123456789abcdef\n")

    def problems(text, **options):
        path = write(text)
        try:
            read_config(path, **options)
        except ConfigError as exc:
            found, said = exc.problems, str(exc)
        else:
            return []
        assert said.startswith(found[0])
        assert "\n" not in "".join(found)
        return [problem.replace(f"{path}:", "") for problem in found]

    return problems
