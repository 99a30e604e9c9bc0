"""What runs in a process of its own: one contender's sizes of a section; answers with one line of JSON for each."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Sequence
from typing import Any

import msgspec

from ...runtime.errors import BackendUnavailable
from . import measures
from .figures import Missing
from .jobs import Job
from .turns import Answer

LIBRARIES = ("onnxruntime", "tensorrt", "tensorrt_rtx", "pycuda", "torch", "triton")


def main(arguments: Sequence[str]) -> None:
    """Answer on standard output, which no library then writes to; what goes wrong is a traceback."""
    answers = os.fdopen(os.dup(1), "wb", buffering=0)
    os.dup2(2, 1)
    job = msgspec.json.decode(arguments[0], type=Job)
    try:
        for size, found in do(job):
            answers.write(msgspec.json.encode(Answer(size=size, found=found, versions=versions())) + b"\n")
    except BackendUnavailable as exc:
        skipped = Missing(outcome="skipped", reason=str(exc))
        for size in job.sizes:
            answers.write(msgspec.json.encode(Answer(size=size, found=skipped, versions=versions())) + b"\n")


def do(job: Job) -> Iterator[tuple[str, Any]]:
    """Size → what was found, one by one."""
    return measures.SECTIONS[job.section](job)


def versions() -> dict[str, str]:
    """Of the libraries that were really loaded."""
    loaded = ((name, getattr(sys.modules.get(name), "__version__", None)) for name in LIBRARIES)
    return {name: str(version) for name, version in loaded if version is not None}


if __name__ == "__main__":
    main(sys.argv[1:])
