"""Trying a backend, in a process of its own: a library that crashes or hangs ends that process only."""

import re
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import PurePath
from typing import Literal

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from ..bundles.bundle import Bundle
from ..bundles.manifest import Kind
from ..sessions.nvidia import Driver

PROGRAM = (
    "import sys; sys.path[:] = filter(None, sys.path); "  # a module in the working directory is none of ours
    "from edgereader.runtime.diagnosis.trial_process import main; main(sys.argv[1:])"
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
State = Literal["ok", "unchecked", "unavailable", "failed", "crashed", "timeout"]


class Trial(Struct, frozen=True, kw_only=True):
    """What came of running one model on one backend."""

    asked: str
    """The backend that was asked for, or "auto"."""
    kind: Kind
    """The model."""
    state: State
    """ok = the canary came out as it should; unchecked = it runs, but there is no canary to tell by; unavailable = it
    cannot run here; failed = it cannot load the model, or computes something else; crashed, timeout = its process."""
    backend: str | None = None
    """The backend that ran."""
    precision: str | None = None
    """The precision it ran in."""
    open_ms: float | None = None
    """Time to load the model; of a process's first one, the library too."""
    run_ms: float | None = None
    """Median time of a run of ``input_shape``."""
    input_shape: tuple[int, ...] | None = None
    """Shape of the picture or crop that it ran."""
    seen: str | None = None
    """What it made of the canary, in words; None = there is none."""
    reason: str | None = None
    """Why it does not work, with the fix; of "auto", why it chose the backend."""

    @property
    def works(self) -> bool:
        """Whether it ran, and not wrongly as far as can be told."""
        return self.state in {"ok", "unchecked"}


class _Ended(Struct):
    """How a process ended."""

    lines: list[bytes]
    """What it had answered until then."""
    state: Literal["ok", "crashed", "timeout"]
    reason: str = ""


def try_backend(bundle: Bundle, backend: str, kinds: Sequence[Kind], timeout_s: float) -> list[Trial]:
    """Run models on a backend, or on "auto", ``timeout_s`` for each: a trial for each, in order."""
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
    """What NVIDIA's driver answers, or why it does not."""
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
    """End a process; what it had written."""
    process.kill()
    try:
        return process.communicate(timeout=GOODBYE_S)[0]
    except subprocess.TimeoutExpired as exc:
        return exc.output or b""


def _death(code: int, said: str) -> str:
    """Why a process ended, from its exit code and what it said on stderr."""
    if code >= 0:
        return f"exit code {code}: {(said.strip() or 'nothing said').splitlines()[-1]}"
    name = signal.Signals(-code).name if -code in signal.valid_signals() else f"signal {-code}"
    place = re.search(r'File "([^"]+)", line \d+ in (\S+)', said)  # the first that faulthandler names is the innermost
    where = f" in {place[2]} ({PurePath(place[1]).name})" if place else ""
    return f"{name}{where}; {FIXES.get(name, MISMATCH)}"
