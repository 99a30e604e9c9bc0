"""Start a process, wait for it, and take what it said, however it ends."""

import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

import msgspec

from .jobs import Job
from .turns import Answer

GOODBYE_S = 10.0
"""A process that a driver holds may not even end when it is killed, and is then left behind."""
LAST_LINES = 1


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """How a process ended."""

    answers: list[Answer]
    """What it had said until then."""
    ended: Literal["well", "badly", "late"]
    reason: str = ""
    """Why not well."""


def run_job(job: Job, timeout_s: float, log: Path) -> Outcome:
    """Do a job in a process of its own; in a dry run it sees no GPU."""
    environment = {**os.environ, "CUDA_VISIBLE_DEVICES": ""} if job.scale.dry else None
    module = f"{__package__}.child"
    return run([sys.executable, "-m", module, msgspec.json.encode(job).decode()], timeout_s, log, environment)


def run(command: Sequence[str], timeout_s: float, log: Path, environment: dict[str, str] | None = None) -> Outcome:
    """Run a command that answers with lines of JSON; what it says otherwise goes to the end of the log."""
    with tempfile.TemporaryFile() as said, log.open("ab") as kept:
        process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=said, start_new_session=True,
            env=environment,
        )  # fmt: skip
        try:
            out, late = process.communicate(timeout=timeout_s)[0], False
        except subprocess.TimeoutExpired:
            out, late = end(process), True
        except BaseException:
            end(process)
            raise
        said.seek(0)
        told = said.read()
        kept.write(f"\n$ {' '.join(command[1:])}\n".encode() + told)
    answers = [msgspec.json.decode(line, type=Answer) for line in out.splitlines() if line.endswith(b"}")]
    if late:
        return Outcome(answers=answers, ended="late", reason=f"no answer in {timeout_s:.0f} s")
    if process.returncode == 0:
        return Outcome(answers=answers, ended="well")
    return Outcome(answers=answers, ended="badly", reason=death(process.returncode, told.decode(errors="replace")))


def end(process: "subprocess.Popen[bytes]") -> bytes:
    """Kill a process and those that it started (torch.compile starts some); what it had written."""
    try:
        os.killpg(process.pid, signal.SIGKILL)
        return process.communicate(timeout=GOODBYE_S)[0]
    except ProcessLookupError:
        return process.communicate()[0]
    except subprocess.TimeoutExpired as exc:
        return exc.output or b""


def death(code: int, told: str) -> str:
    """Why a process ended: its last line, and the signal that ended it."""
    lines = [line.strip() for line in told.splitlines() if line.strip()]
    last = lines[-1][:500] if lines else "it said nothing"
    return f"{signal.Signals(-code).name}: {last}" if code < 0 else last
