"""Where EdgeReader's time goes: clocks around the runtime's own functions, put on and taken off again.

A clock counts its function's own time, without that of clocked functions it calls.
"""

from __future__ import annotations

import functools
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from importlib import import_module
from pathlib import Path
from statistics import median
from typing import Any
from unittest.mock import patch

import numpy as np

from ... import runtime
from ...runtime.geometry import files
from ..contenders import Contender
from .figures import STAGES, Stage, Stages

FUNCTIONS: dict[str, tuple[str, ...]] = {
    "decode": ("geometry.files:read_photo",),
    "fit": ("detector:as_bgr", "detector:plan_fit", "detector:fit"),
    "boxes": ("detector:find_regions", "detector:Detector._mapped"),
    "cut": ("recognizer:plan_cut", "recognizer:fill_crop"),
    "text": ("recognizer:decode", "reader:select", "reader:ambiguous"),
}
"""Stage → what belongs to it in edgereader.runtime; the networks are `BINDINGS`."""
BINDINGS = "sessions.buffers:Buffers", "sessions.tensorrt.session:TensorRTBinding"
"""Whose `start` and `wait` are the detector, or the recogniser where the input is called "crops"."""
RUNTIME = runtime.__name__
LEAST_PHOTOS = 3


class Clocks:
    """Seconds in each stage."""

    def __init__(self) -> None:
        self.seconds = dict.fromkeys(STAGES, 0.0)
        self.calls = dict.fromkeys(STAGES, 0)
        self._inside: list[float] = []

    def on(self, function: Callable[..., Any], stage: str | None = None) -> Callable[..., Any]:
        """The same function with a clock; without a stage, it is a method of a binding, which decides."""

        @functools.wraps(function)
        def clocked(*arguments: Any, **named: Any) -> Any:
            start = time.perf_counter()
            self._inside.append(0.0)
            try:
                return function(*arguments, **named)
            finally:
                took = time.perf_counter() - start
                name = stage or network(arguments[0])
                self.seconds[name] += took - self._inside.pop()
                self.calls[name] += 1
                if self._inside:
                    self._inside[-1] += took

        return clocked


@contextmanager
def clocks() -> Iterator[Clocks]:
    """Put the clocks on.

    Raises:
        AttributeError: the runtime has no such function any more; `FUNCTIONS` and `BINDINGS` say what there is.
    """
    made = Clocks()
    with ExitStack() as stack:
        for stage, names in FUNCTIONS.items():
            for name in names:
                owner, attribute = located(name)
                stack.enter_context(patch.object(owner, attribute, made.on(getattr(owner, attribute), stage)))
        for name in BINDINGS:
            if f"{RUNTIME}.{name.partition(':')[0]}" not in sys.modules:
                continue
            owner = getattr(*located(name))
            for attribute in {"start", "wait"} & vars(owner).keys():
                stack.enter_context(patch.object(owner, attribute, made.on(getattr(owner, attribute))))
        yield made


def located(name: str) -> tuple[Any, str]:
    """What holds a name of the runtime, "detector:Detector._mapped", and its last part."""
    module, _, names = name.partition(":")
    *path, attribute = names.split(".")
    owner = import_module(f"{RUNTIME}.{module}")
    return functools.reduce(getattr, path, owner), attribute


def network(binding: Any) -> str:
    """The stage that a binding is."""
    return "recognise" if "crops" in binding.inputs else "detect"


def measure(contender: Contender, paths: Sequence[Path], seconds: float) -> Stages:
    """Read photo after photo from their files, each with the clocks and without, until the time is over."""
    clocked: list[dict[str, float]] = []
    whole: list[float] = []
    end = time.perf_counter() + seconds
    while len(whole) < LEAST_PHOTOS or time.perf_counter() < end:
        path = paths[len(whole) % len(paths)]
        for with_clocks in (True, False) if len(whole) % 2 else (False, True):
            if with_clocks:
                with clocks() as found:
                    read(contender, path)
                clocked.append(found.seconds)
            else:
                start = time.perf_counter()
                read(contender, path)
                whole.append(time.perf_counter() - start)
    return summed(clocked, whole)


def read(contender: Contender, path: Path) -> None:
    """The whole way, from a file to its readings."""
    contender.read(files.read_photo(path).frame)


def summed(clocked: Sequence[dict[str, float]], whole: Sequence[float]) -> Stages:
    """The stages beside the whole."""
    means = {stage: 1000 * float(np.mean([each[stage] for each in clocked])) for stage in STAGES}
    whole_ms = 1000 * float(np.mean(whole))
    outside = sum(means[stage] for stage in ("fit", "boxes", "cut", "text"))
    return Stages(
        photos=len(whole),
        stages=[
            Stage(stage=stage, mean_ms=means[stage], p50_ms=1000 * median(each[stage] for each in clocked))
            for stage in STAGES
        ],
        sum_ms=sum(means.values()),
        whole_ms=whole_ms,
        outside_networks=outside / (whole_ms - means["decode"]),
    )
