"""TensorRT's timing cache: how fast each kernel was on this GPU, kept so that the next build need not measure again."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ...runtime.bundles.writing import write_whole


def start_from(config: Any, path: Path) -> str | None:
    """Give a builder's configuration the cache in a file, or an empty one; return a warning where there is cause.

    A cache that is damaged, or of another GPU or version, is left unused and replaced after the build.
    """
    warning = None
    try:
        stored = path.read_bytes() if path.exists() else b""
    except OSError as exc:
        stored, warning = b"", f"timing cache {path} cannot be read ({exc.strerror}): started a new one"
    cache = config.create_timing_cache(stored)
    if cache is None or not config.set_timing_cache(cache, ignore_mismatch=False):
        warning = f"timing cache {path} is damaged, or of another GPU or version: started a new one"
        config.set_timing_cache(config.create_timing_cache(b""), ignore_mismatch=False)
    return warning


def keep(config: Any, path: Path) -> str | None:
    """Write what a build has timed to a file, whole or not at all; return a warning where that failed."""
    try:
        write_whole(path, memoryview(config.get_timing_cache().serialize()))
    except OSError as exc:
        return f"timing cache {path} could not be kept: {exc.strerror}"
    return None
