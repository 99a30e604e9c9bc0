"""Start a process, wait for it, and take what it said, however it ends."""

import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

import msgspec

from ..processes import death, end
from .jobs import Job
from .turns import Answer


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
