"""``edgereader stream --setup``: the file that a stream begins with, and the token of its page."""

import os
import secrets
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec

from ..secrets import SERVICE
from ..settings import Http
from .config import draft_config, read_text, right
from .editing import write
from .schema import Place
from .toml_text import with_options

HEAD = "# A stream of EdgeReader; all keys, and what they do: edgereader stream --example\n"
TOKEN_BYTES = 16


def begin(path: Path, options: Mapping[Place, Any]) -> None:
    """Write a configuration that holds options, or put them into the one that is there, of which a backup stays.

    It has a live page with a token: where it had none, a token is drawn and lies beside it.

    Args:
        path: the file.
        options: values by their places.

    Raises:
        ConfigError: the file, or an option, is wrong.
        OSError: a file cannot be written.
    """
    before = read_text(path) if path.exists() else None
    if before is not None:
        draft_config(path, text=before)  # it must be TOML at least
    text = HEAD if before is None else before
    had = msgspec.toml.decode(text).get("http")
    http = {**(had or {}), **{str(place[1]): value for place, value in options.items() if place[0] == "http"}}
    needed: dict[Place, Any] = {} if http else {("http", "port"): Http().port}
    if "token_file" not in http and not os.environ.get(SERVICE):
        token = path.with_suffix(".token")
        if not token.exists():
            write(token, f"{secrets.token_hex(TOKEN_BYTES)}\n", backup=None)
        needed["http", "token_file"] = token.name
    changed = with_options(text, {**needed, **options})
    right(draft_config(path, text=changed), path)
    if changed != before:
        write(path, changed, backup=before)
