import os
import shutil
import signal
import socket
import subprocess
import sys

import httpx
import pytest
from click.testing import CliRunner
from msgspec.structs import replace

from edgereader.runtime.bundles.bundle import Bundle, write_bundle
from edgereader.runtime.cli import main

from ..stream.broker import free_port
from .stand import TOKEN

ENTRY = [sys.executable, "-c", "from edgereader.runtime.cli import main; main()", "serve"]


@pytest.fixture
def start(bundle_folder):
    """Start `edgereader serve` as a process: start(*options) -> (process, port)."""
    running = []

    def run(*options, **environment):
        port = free_port()
        command = [*ENTRY, "--bundle", str(bundle_folder), "--port", str(port), *options]
        process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env={**os.environ, **environment})
        running.append(process)
        said = process.stderr.readline()
        assert said.startswith("listening on http://"), said + process.stderr.read()
        return process, port

    yield run
    for process in running:
        process.kill()
        process.wait()
        process.stderr.close()


def test_photos_are_read_until_sigterm(start, photo):
    process, port = start()
    answer = httpx.post(f"http://127.0.0.1:{port}/read", content=photo, timeout=30)
    assert [reading["text"] for reading in answer.json()["readings"]] == ["7", "5"]
    assert httpx.get(f"http://127.0.0.1:{port}/healthz").json() == {"ok": True, "reason": ""}
    assert httpx.get(f"http://127.0.0.1:{port}/state").json() == {"stream": None}
    assert httpx.get(f"http://127.0.0.1:{port}/events").status_code == 404, "there is no camera"
    process.send_signal(signal.SIGTERM)
    assert process.wait(60) == 0
    assert process.stderr.read() == ""


def test_other_addresses_with_a_token(start, tmp_path):
    path = tmp_path / "token"
    path.write_text(TOKEN)
    process, port = start("--host", "0.0.0.0", "--token-file", str(path))
    assert httpx.get(f"http://127.0.0.1:{port}/healthz").status_code == 401
    good = {"Authorization": f"Bearer {TOKEN}"}
    assert httpx.get(f"http://127.0.0.1:{port}/healthz", headers=good).status_code == 200
    process.terminate()
    assert process.wait(60) == 0
    assert TOKEN not in process.stderr.read()
    _, port = start(EDGEREADER_TOKEN=TOKEN)
    assert httpx.get(f"http://127.0.0.1:{port}/healthz").status_code == 401


def test_wrong_usage(bundle_folder, tmp_path, monkeypatch):
    monkeypatch.delenv("EDGEREADER_TOKEN", raising=False)
    short = tmp_path / "token"
    short.write_text("geheim")
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        for options, message in (
            (("--port", port), f"127.0.0.1:{port}: expected a free address"),
            (("--host", "0.0.0.0"), "expected a token"),
            (("--token-file", str(short)), "16 or more"),
            (("--token-file", str(tmp_path / "none")), "none"),
            (("--bundle", "nix"), "no bundle 'nix'"),
            (("--port", "0"), "0 is not in the range"),
            (("--backend", "cuda"), "cuda"),
        ):
            result = CliRunner().invoke(main, ["serve", "--bundle", str(bundle_folder), *options])
            assert result.exit_code == (75 if options == ("--port", port) else 2), options
            assert message in result.stderr
            assert "Traceback" not in result.output
            assert "geheim" not in result.output


@pytest.mark.parametrize("missing", ["detector", "recognizer"])
def test_a_bundle_that_cannot_serve_says_at_the_start_what_is_missing(bundle_folder, tmp_path, missing):
    shutil.copytree(bundle_folder, tmp_path / "half")
    write_bundle(tmp_path / "half", replace(Bundle.open(bundle_folder).manifest, canary=None, **{missing: None}))
    result = CliRunner().invoke(main, ["serve", "--bundle", str(tmp_path / "half"), "--port", str(free_port())])
    assert result.exit_code == 2
    assert f"expected a {missing}, got none; add one with `edgereader export {missing}`" in result.stderr
    assert "listening" not in result.stderr
