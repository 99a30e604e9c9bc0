"""Other readers in an evaluation: opened before anything is measured, and read with like the bundle."""

import click

from ..runtime.errors import BackendUnavailable
from .contenders import OPENERS, Contender, Options, Unavailable, opener

PEERS = tuple(name for name in OPENERS if name != "edgereader")
"""Contenders that an evaluation may be asked for beside the bundle, which it measures anyway."""


def open_peers(names: tuple[str, ...], options: Options) -> tuple[dict[str, Contender], dict[str, str]]:
    """Load contenders by their names; one that cannot run here is told on stderr and left out.

    Returns:
        The contenders by name, and of those left out why.

    Raises:
        BackendUnavailable: Contenders are asked for, and none can run here.
    """
    opened: dict[str, Contender] = {}
    missing: dict[str, str] = {}
    for name in dict.fromkeys(names):
        try:
            opened[name] = opener(name)(name, options)
        except Exception as exc:  # noqa: BLE001, a library of others may raise anything
            missing[name] = reason(exc)
    if names and not opened:
        raise BackendUnavailable("; ".join(f"{name}: {why}" for name, why in missing.items()))
    for name, why in missing.items():
        click.echo(f"skipped: {name}: {why}", err=True)
    return opened, missing


def reason(exc: Exception) -> str:
    """Why a contender did not read, in one line."""
    told = str(exc) if isinstance(exc, Unavailable) else f"{type(exc).__name__}: {exc}"
    return " ".join(told.split())
