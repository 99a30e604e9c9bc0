"""What runs in a process of its own: `driver`, or `FOLDER BACKEND KIND...`; answers with one line of JSON each."""

import logging
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import cast

import msgspec
import numpy as np

from ..bundles.bundle import Bundle
from ..bundles.manifest import Kind
from ..errors import BackendUnavailable, EdgeReaderError
from ..sessions.base import Binding, Session
from ..sessions.canary import maps_of, prove, text_of
from ..sessions.nvidia import Driver, nvidia_driver
from ..sessions.opening import open_session, open_unproven
from .trials import AUTO, Trial

INPUT = {"detector": "image", "recognizer": "crops"}
RUNS = 5
BLANK_HW = 256, 256
"""Size of the picture that stands in for a canary, on ``cpu`` only."""


def main(arguments: Sequence[str]) -> None:
    """Answer on standard output, which no library then writes to."""
    answers = os.fdopen(os.dup(1), "wb", buffering=0)
    os.dup2(2, 1)
    if arguments[0] == "driver":
        answers.write(msgspec.json.encode(_driver()) + b"\n")
        return
    folder, backend, *kinds = arguments
    bundle = Bundle.open(Path(folder))
    for kind in cast("list[Kind]", kinds):
        answers.write(msgspec.json.encode(_trial(bundle, backend, kind)) + b"\n")


def _driver() -> Driver | str:
    try:
        return nvidia_driver()
    except BackendUnavailable as exc:
        return str(exc)


def _trial(bundle: Bundle, backend: str, kind: Kind) -> Trial:
    try:
        return _run(bundle, backend, kind)
    except BackendUnavailable as exc:
        return Trial(asked=backend, kind=kind, state="unavailable", reason=str(exc))
    except EdgeReaderError as exc:
        return Trial(asked=backend, kind=kind, state="failed", reason=str(exc))
    except Exception as exc:  # noqa: BLE001  # what no session foresaw is what the doctor is asked about
        reason = f"{type(exc).__name__}: {exc}; not foreseen: please report it with what `edgereader doctor` says"
        return Trial(asked=backend, kind=kind, state="failed", reason=reason)


def _run(bundle: Bundle, backend: str, kind: Kind) -> Trial:
    listener = _Listener()
    begun = perf_counter()
    opened = open_session(bundle, kind) if backend == AUTO else open_unproven(bundle, kind, backend, None)
    open_ms, why = (perf_counter() - begun) * 1000, listener.why
    session = _Watched(opened)
    seen = None
    if bundle.manifest.canary is not None or session.backend != "cpu":
        seen = prove(session, bundle, kind)
    else:
        _run_blank(session, bundle, kind)
    return Trial(
        asked=backend,
        kind=kind,
        state="unchecked" if seen is None else "ok",
        backend=session.backend,
        precision=session.precision,
        open_ms=round(open_ms, 1),
        run_ms=round(_run_ms(session.binding), 2),
        input_shape=session.binding.inputs[INPUT[kind]].shape,
        seen=seen,
        reason=why if backend == AUTO else None,
    )


def _run_blank(session: Session, bundle: Bundle, kind: Kind) -> None:
    blank = np.zeros((*BLANK_HW, 3), np.uint8)
    if kind == "detector":
        maps_of(session, blank)
    else:
        text_of(session, bundle.recognizer, blank, (0, 0, *BLANK_HW))


def _run_ms(binding: Binding) -> float:
    times = []
    for _ in range(RUNS):
        begun = perf_counter()
        binding.run(1)
        times.append(perf_counter() - begun)
    return median(times) * 1000


class _Watched:
    """A session that remembers the buffers it made, so that what ran in them can be run again and timed."""

    binding: Binding

    def __init__(self, session: Session) -> None:
        self.backend, self.precision = session.backend, session.precision
        self.output_shape, self.limits = session.output_shape, session.limits
        self._bind = session.bind

    def bind(self, shapes: Mapping[str, tuple[int, ...]], *, batched: tuple[str, ...]) -> Binding:
        self.binding = self._bind(shapes, batched=batched)
        return self.binding


class _Listener(logging.Handler):
    """Keeps what stands in brackets in the last message of edgereader's log: why "auto" chose what it did."""

    why: str | None = None

    def __init__(self) -> None:
        super().__init__()
        log = logging.getLogger("edgereader")
        log.setLevel(logging.INFO)
        log.addHandler(self)

    def emit(self, record: logging.LogRecord) -> None:
        self.why = record.getMessage().partition(" (")[2].removesuffix(")") or None
