"""Where facts about the machine are read: files below a root, and commands; nothing here raises."""

import os
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

PATIENCE_S = 5
ADMIN_FOLDERS = "/usr/sbin:/sbin"
"""Where ``nvpmodel`` lies, whether or not the user's PATH has it."""
T = TypeVar("T")


@dataclass(frozen=True)
class Host:
    """A machine."""

    root: Path = Path("/")
    """Folder that holds ``proc``, ``sys``, ``etc``, …"""
    unknown: list[str] = field(default_factory=list)
    """What should have been readable and was not, with the reason."""

    def read(self, path: str) -> str | None:
        """Text of a file, without outer blanks and NULs; None = there is none, or it cannot be read, which is noted."""
        try:
            contents = (self.root / path).read_bytes()
        except (FileNotFoundError, NotADirectoryError):
            return None
        except OSError as exc:
            self._note(f"/{path}: {exc.strerror}")
            return None
        return contents.decode(errors="replace").replace("\0", " ").strip()

    def has(self, path: str) -> bool:
        """Whether a file or folder is there."""
        return os.path.lexists(self.root / path)

    def find(self, pattern: str) -> list[str]:
        """Paths of this pattern, in order."""
        return sorted(str(each.relative_to(self.root)) for each in self.root.glob(pattern))

    def run(self, *command: str) -> str | None:
        """What a command prints, in English; None = there is no such command, or it fails, which is noted."""
        folders = os.pathsep.join((os.environ.get("PATH", os.defpath), ADMIN_FOLDERS))
        if (program := shutil.which(command[0], path=folders)) is None:
            return None
        try:
            done = subprocess.run(
                [program, *command[1:]],
                stdin=subprocess.DEVNULL,
                capture_output=True,
                timeout=PATIENCE_S,
                check=False,
                env={**os.environ, "LC_ALL": "C"},
            )
        except subprocess.TimeoutExpired:
            got = f"no answer in {PATIENCE_S} s"
        except OSError as exc:
            got = exc.strerror or str(exc)
        else:
            if done.returncode == 0:
                return done.stdout.decode(errors="replace").strip()
            got = " ".join(done.stderr.decode(errors="replace").split())[:200] or f"exit code {done.returncode}"
        self._note(f"{' '.join(command)}: {got}")
        return None

    def learn(self, what: str, probe: Callable[["Host"], T], otherwise: T) -> T:
        """What a probe finds; ``otherwise`` when it fails, which is noted."""
        try:
            return probe(self)
        except Exception as exc:  # noqa: BLE001  # a file of unforeseen contents must not end the examination
            self._note(f"{what}: {type(exc).__name__}: {exc}")
            return otherwise

    def _note(self, trouble: str) -> None:
        if trouble not in self.unknown:
            self.unknown.append(trouble)
