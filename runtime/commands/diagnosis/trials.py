"""Trying a backend in a process of its own: a library that crashes or hangs ends that process only.

`try_backend` and `ask_driver` start this module's `main` in a new Python and read its answers, a line of JSON each.
"""

import logging
import os
import re
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path, PurePath
from statistics import median
from time import perf_counter
from typing import Literal, cast

import msgspec
import numpy as np
from msgspec import Struct
from msgspec.structs import replace

from ...bundles.bundle import Bundle
from ...bundles.manifest import Kind
from ...errors import BackendUnavailable, EdgeReaderError
from ...sessions.base import Binding, Session
from ...sessions.canary import maps_of, prove, text_of
from ...sessions.nvidia import Driver, nvidia_driver
from ...sessions.opening import open_session, open_unproven

PROGRAM = (
    "import sys; sys.path[:] = filter(None, sys.path); "  # a module in the working directory is none of ours
    "from edgereader.runtime.commands.diagnosis.trials import main; main(sys.argv[1:])"
)
DRIVER_TIMEOUT_S = 30
GOODBYE_S = 5
"""A process that a driver holds may not even end when it is killed, and is then left behind."""
FIXES = {
    "SIGILL": "a library was built for another processor: install the one for this machine",
    "SIGKILL": "most likely the memory ran out: close other programs, or raise the container's limit",
}
MISMATCH = "most likely a library does not fit the driver or another library: reinstall it for this CUDA version"
AUTO = "auto"
PATIENCE = "; it hangs, or builds engines on its first run, which a longer --timeout waits for"
INPUT = {"detector": "image", "recognizer": "crops"}
RUNS = 5
BLANK_HW = 256, 256
"""Size of the picture that stands in for a canary, on ``cpu`` only."""
State = Literal["ok", "unchecked", "unavailable", "failed", "crashed", "timeout"]
"""ok = the canary came out as it should; unchecked = it runs, but there is no canary to check it by; unavailable = it
cannot run here; failed = it cannot load the model, or computes something else; crashed, timeout = its process."""


class Trial(Struct, frozen=True, kw_only=True):
    """What came of running one model on one backend."""

    asked: str  # the backend that was asked for, or "auto"
    kind: Kind
    state: State
    backend: str | None = None  # the one that ran
    precision: str | None = None  # the one it ran in
    open_ms: float | None = None  # to load the model; of a process's first one, the library too
    run_ms: float | None = None  # median time of a run of ``input_shape``
    input_shape: tuple[int, ...] | None = None  # of the picture or crop that it ran
    seen: str | None = None  # what it made of the canary, in words; None = there is none
    reason: str | None = None  # why it does not work, with the fix; of "auto", why it chose the backend

    @property
    def works(self) -> bool:
        """Whether it ran, and not wrongly as far as can be told."""
        return self.state in {"ok", "unchecked"}


class _Ended(Struct):
    """How a process ended."""

    lines: list[bytes]
    state: Literal["ok", "crashed", "timeout"]
    reason: str = ""


def try_backend(bundle: Bundle, backend: str, kinds: Sequence[Kind], timeout_s: float) -> list[Trial]:
    """Run models on a backend, or on "auto", ``timeout_s`` for each; return a trial for each, in order."""
    trials: list[Trial] = []
    while left := kinds[len(trials) :]:
        ended = _ask([str(bundle.root.absolute()), backend, *left], timeout_s * len(left))
        trials += [msgspec.json.decode(line, type=Trial) for line in ended.lines]
        if ended.state == "ok":
            continue
        if len(trials) < len(kinds):
            reason = ended.reason + (PATIENCE if ended.state == "timeout" else "")
            trials.append(Trial(asked=backend, kind=kinds[len(trials)], state=ended.state, reason=reason))
        else:
            trials[-1] = replace(trials[-1], state=ended.state, reason=f"after its answer: {ended.reason}")
    return trials


def ask_driver() -> Driver | str:
    """Return what NVIDIA's driver answers, or why it does not."""
    ended = _ask(["driver"], DRIVER_TIMEOUT_S)
    if ended.state != "ok":
        return f"NVIDIA driver: {ended.state}: {ended.reason}; see `nvidia-smi`, or restart the machine"
    return msgspec.json.decode(ended.lines[0], type=Driver | str)


def _ask(arguments: Sequence[str], timeout_s: float) -> _Ended:
    command = [sys.executable, "-X", "faulthandler", "-c", PROGRAM, *arguments]
    pipe = subprocess.PIPE
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=pipe, stderr=pipe)
    try:
        out, err = process.communicate(timeout=timeout_s)
    except subprocess.TimeoutExpired:
        return _Ended(_killed(process).splitlines(), "timeout", f"no answer in {timeout_s:g} s")
    if process.returncode == 0 and out:
        return _Ended(out.splitlines(), "ok")
    return _Ended(out.splitlines(), "crashed", _death(process.returncode, err.decode(errors="replace")))


def _killed(process: "subprocess.Popen[bytes]") -> bytes:
    """End a process; return what it had written."""
    process.kill()
    try:
        return process.communicate(timeout=GOODBYE_S)[0]
    except subprocess.TimeoutExpired as exc:
        return exc.output or b""


def _death(code: int, errors: str) -> str:
    """Return why a process ended, from its exit code and what it wrote on stderr."""
    if code >= 0:
        return f"exit code {code}: {(errors.strip() or 'nothing said').splitlines()[-1]}"
    name = signal.Signals(-code).name if -code in signal.valid_signals() else f"signal {-code}"
    place = re.search(r'File "([^"]+)", line \d+ in (\S+)', errors)  # faulthandler names the innermost first
    where = f" in {place[2]} ({PurePath(place[1]).name})" if place else ""
    return f"{name}{where}; {FIXES.get(name, MISMATCH)}"


def main(arguments: Sequence[str]) -> None:
    """Answer ``driver``, or ``FOLDER BACKEND KIND...``, on standard output, which no library then writes to."""
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
