"""Ending processes that were started, and saying why one ended by itself."""

import os
import signal
import subprocess

GOODBYE_S = 10.0
"""A process that a driver holds may not even end when it is killed, and is then left behind."""


def end(process: "subprocess.Popen[bytes]") -> bytes:
    """Kill a process and those that it started (torch.compile starts some); what it had written.

    It must have been started with `start_new_session`.
    """
    try:
        os.killpg(process.pid, signal.SIGKILL)
        return process.communicate(timeout=GOODBYE_S)[0]
    except ProcessLookupError:
        return process.communicate()[0]
    except subprocess.TimeoutExpired as exc:
        return exc.output or b""


def death(code: int, told: str) -> str:
    """Return why a process ended: its last line, and the signal that ended it."""
    lines = [line.strip() for line in told.splitlines() if line.strip()]
    last = lines[-1][:500] if lines else "it said nothing"
    return f"{signal.Signals(-code).name}: {last}" if code < 0 else last
