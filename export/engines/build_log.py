"""What TensorRT says while it builds: its messages, in a file and for errors to quote, and how far it is."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TextIO

from ...runtime.errors import ExportError
from ...runtime.sessions.tensorrt.engines import ERRORS, logger_of

Progress = Callable[[float, str], None]
"""Takes how much of a build is done, 0 to 1, and the name of the phase that it is in."""

QUOTED = 3
"""Most messages that an error quotes."""
HARMLESS = "has Int64 binding"
"""A warning that says nothing of use: `symbols` is int64 by contract, and the runtime binds it as that."""
NO_DRIVER = "cudaError 35"
"""TensorRT for RTX says this on a machine without a GPU, beside what is really wrong."""


class BuildLog:
    """The messages of one build. Nothing here raises: it is called from inside TensorRT."""

    def __init__(self, stream: TextIO | None) -> None:
        self.stream = stream
        self.errors: list[str] = []
        self.warnings: list[str] = []

    def take(self, severity: str, text: str) -> None:
        """Take one message; `severity`: "INTERNAL_ERROR", "ERROR", "WARNING", "INFO" or "VERBOSE"."""
        if severity in ERRORS:
            self.errors.append(text)
        elif severity == "WARNING" and HARMLESS not in text:
            self.warn(text.strip())
        self.write(f"{severity:<8} {text}")

    def warn(self, text: str | None) -> None:
        """Keep a warning, if it is one, once."""
        if text is not None and text not in self.warnings:
            self.warnings.append(text)

    def write(self, line: str) -> None:
        """Write a line to the file, for as long as that can be written."""
        try:
            if self.stream is not None:
                self.stream.write(f"{line}\n")
        except OSError as exc:
            self.stream = None
            self.warn(f"the build log is incomplete: {exc.strerror}")

    def quoted(self) -> str:
        """Return the last errors, as a sentence."""
        telling = [text for text in self.errors if NO_DRIVER not in text] or self.errors
        return "; ".join(" ".join(text.split()) for text in telling[-QUOTED:]) or "nothing that it would name"


@contextmanager
def recording(trt: Any, path: Path | None) -> Iterator[BuildLog]:
    """Have the library's messages written to a new file, or to none, while this lasts.

    Raises:
        ExportError: the file cannot be written.
    """
    try:
        stream = None if path is None else path.open("w", encoding="utf-8", errors="replace", buffering=1)
    except OSError as exc:
        raise ExportError(f"{path}: expected a file for the build log, got: {exc.strerror}; name another") from exc
    messages, logger = BuildLog(stream), logger_of(trt)
    logger.listener = messages.take
    try:
        yield messages
    finally:
        logger.listener = None
        if stream is not None:
            stream.close()


class Phases:
    """The phases that a build is in, outermost first, each with its steps."""

    def __init__(self) -> None:
        self.stack: list[tuple[str, int, int]] = []
        self.best = 0.0
        self.stop = False
        """Set to True, TensorRT ends the build at its next step."""

    def enter(self, name: str, steps: int) -> None:
        """Begin a phase of so many steps."""
        self.stack.append((name, 0, steps))

    def advance(self, name: str, step: int) -> bool:
        """Note that a phase has done this step, counted from 0; return whether to go on."""
        self.stack = [(phase, step + 1 if phase == name else done, steps) for phase, done, steps in self.stack]
        return not self.stop

    def leave(self, name: str) -> None:
        """End a phase."""
        self.stack = [phase for phase in self.stack if phase[0] != name]

    def now(self) -> tuple[float, str]:
        """Return how much is done, 0 to 1, never less than before, and the innermost phase."""
        stack, inner = list(self.stack), 0.0
        for _, done, steps in reversed(stack):
            inner = min(1.0, (done + inner) / max(1, steps))
        self.best = max(self.best, inner)
        return self.best, stack[-1][0] if stack else ""


def monitor_of(trt: Any, phases: Phases) -> Any:
    """Return a progress monitor of a library that keeps `phases` up to date."""

    class Monitor(trt.IProgressMonitor):  # type: ignore[misc] # untyped base
        """Called by TensorRT, from any of its threads."""

        def phase_start(self, phase_name: str, _parent: str | None, num_steps: int) -> None:
            phases.enter(phase_name, num_steps)

        def step_complete(self, phase_name: str, step: int) -> bool:
            return phases.advance(phase_name, step)

        def phase_finish(self, phase_name: str) -> None:
            phases.leave(phase_name)

    return Monitor()
