"""``edgereader serve``: pictures in, numbers out, over HTTP."""

from __future__ import annotations

import threading
from typing import Any

import click

from ..bundles.bundle import Bundle
from ..commands.options import open_reader, reader_options
from ..commands.terminal import catching
from ..stream.secrets import find_token
from ..stream.settings import Http
from ..stream.shutdown import SIGNALS, may_pass
from .app import make_app
from .server import Server


@click.command(
    epilog="Exit codes: 0 = ended by SIGTERM or Ctrl-C, 2 = wrong usage, bundle or backend, 75 = what may pass keeps "
    "it from starting, such as a taken port: try again."
)
@click.option("--host", default=Http().host, show_default=True, help="Address to listen on; another needs a token.")
@click.option(
    "--port", type=click.IntRange(1, 65535), default=Http().port, show_default=True, help="Port to listen on."
)
@click.option("--token-file", help="First line = what every request must carry; or set EDGEREADER_TOKEN.")
@reader_options
def serve(host: str, port: int, token_file: str | None, **options: Any) -> None:
    """Serve a page that reads photos, and POST /read: curl --data-binary @photo.jpg http://127.0.0.1:8765/read."""
    http = Http(host=host, port=port, token_file=token_file)
    token = find_token(http)
    Bundle.open(options["bundle"]).detector  # noqa: B018 - a bundle without one cannot serve, and says so now
    ended = threading.Event()
    with catching(lambda *_: ended.set(), *SIGNALS), may_pass():
        app = make_app(http, token, None, None, None, open_reader(**options))
        with Server(app, http) as server:
            click.echo(f"listening on {server.url}", err=True)
            while not ended.wait(0.5):
                pass
