"""What the container image is made of; where there is no container engine, its steps are run by themselves."""

import json
import os
import re
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest
import yaml


class Service(BaseHTTPRequestHandler):
    """Answers /healthz as the server's ``code`` says, to who has the token."""

    def do_GET(self):
        known = self.headers["Authorization"] == "Bearer secret" and self.path == "/healthz"
        self.send_response(self.server.code if known else 401)
        self.end_headers()

    def log_message(self, *_):
        pass


def health_check(repository) -> list[str]:
    """The image's command; `python3` is this Python."""
    text = (repository / "Containerfile").read_text().replace("\\\n", "")
    command = json.loads(re.search(r"^HEALTHCHECK .* CMD (\[.*\])$", text, re.MULTILINE)[1])
    assert command[0].endswith("/bin/python3")
    return [sys.executable, *command[1:]]


@pytest.mark.parametrize(
    ("code", "token", "healthy"), [(200, "secret", True), (503, "secret", False), (200, "", False)]
)
def test_the_health_check_is_that_of_the_service(repository, code, token, healthy):
    with HTTPServer(("127.0.0.1", 0), Service) as server:
        server.code = code
        threading.Thread(target=server.handle_request, daemon=True).start()
        command = [part.replace(":8765", f":{server.server_port}") for part in health_check(repository)]
        ended = subprocess.run(command, env=os.environ | {"EDGEREADER_TOKEN": token}, capture_output=True, check=False)
    assert (ended.returncode == 0) is healthy, ended.stderr


def test_image_compose_and_app_belong_together(repository):
    image, compose = (
        (repository / "Containerfile").read_text(),
        yaml.safe_load((repository / "compose.yaml").read_text()),
    )
    app = yaml.safe_load((repository / "docs/home-assistant/config.yaml").read_text())
    assert f'version = "{app["version"]}"' in (repository / "pyproject.toml").read_text()
    service = compose["services"]["edgereader"]
    assert service["build"]["dockerfile"] == "Containerfile"
    assert service["read_only"] is True
    assert all(f'"{path}"' in image or path in image for path in ("/config/edgereader.toml", "/data"))
    assert {"./config:/config:ro", "data:/data"} == set(service["volumes"])
    assert "ARG USER=nonroot" in image
    assert list(yaml.safe_load((repository / "docs/home-assistant/build.yaml").read_text())["args"]) == ["USER"]


@pytest.mark.slow
def test_the_steps_of_the_image_work_by_themselves(repository, tmp_path):
    """What they install reads a stream from a folder that nobody may write to."""
    subprocess.run([repository / ".ci" / "install", tmp_path / "edgereader"], check=True, timeout=570)
    subprocess.run(["chmod", "-R", "a-w", tmp_path / "edgereader"], check=True)
    (tmp_path / "data").mkdir()
    sample = repository / "models" / "zoo" / "samples" / "meter.jpg"
    command = [tmp_path / "edgereader" / "bin" / "python3", tmp_path / "edgereader" / "bin" / "edgereader", "stream"]
    options = ["--every-frame", "--json", "--kind", "plate", "--history", "history.sqlite", sample]
    own = {"PATH": "/usr/bin:/bin", "PYTHONDONTWRITEBYTECODE": "1"}
    ended = subprocess.run([*command, *options], cwd=tmp_path / "data", env=own, capture_output=True, check=False)
    assert ended.returncode == 0, ended.stderr
    assert (tmp_path / "data" / "history.sqlite").exists()
