"""Contenders by their names on the command line, and their variants."""

import itertools
import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from ...runtime import Bundle
from ...runtime.errors import DatasetError
from ..contenders import OPENERS, Options
from ..record import check_files

ALL = "all"
DEFAULT_BUNDLE = "digits-edge"
RUN_BUNDLES = ("edgereader", "pytorch", "pytorch-compile")
"""Contenders that run a bundle, or the network it was made of."""


@dataclass(frozen=True)
class Entry:
    """A contender in one variant."""

    name: str
    """Unique."""
    contender: str
    """A name in `contenders.OPENERS`."""
    options: Options
    python: str = sys.executable
    """What runs its process."""
    streams: int = 1

    @property
    def kind(self) -> Literal["edgereader", "peer", "nothing"]:
        """What sort of contender it is."""
        return "edgereader" if self.contender == "edgereader" else "nothing" if self.contender == "nothing" else "peer"


@dataclass(frozen=True)
class Variants:
    """What was asked for on the command line; each combination is a contender."""

    bundles: Sequence[str] = (DEFAULT_BUNDLE,)
    backends: Sequence[str] = ()
    precisions: Sequence[str] = ()
    threads: Sequence[int] = ()
    streams: Sequence[int] = ()
    canvas_px: int | None = None
    pythons: Mapping[str, str] = field(default_factory=dict)
    """Contender → the interpreter of the virtual environment that has it."""


def entries(names: Iterable[str], variants: Variants) -> list[Entry]:
    """All contenders that were asked for; where none was, EdgeReader.

    Raises:
        BundleError: no such bundle, or it has no such precision.
    """
    for bundle in variants.bundles:
        opened = Bundle.open(bundle)
        for precision in variants.precisions:
            check_files(opened, precision)
    wanted = itertools.chain.from_iterable(OPENERS if name == ALL else [name] for name in names)
    return [entry for name in dict.fromkeys(wanted) or ["edgereader"] for entry in _of(name, variants)]


def _of(name: str, variants: Variants) -> Iterator[Entry]:
    """A contender's variants: all have those of threads and streams, PyTorch's networks those of bundles too."""
    labels = short(variants.bundles) if name in RUN_BUNDLES else {DEFAULT_BUNDLE: None}
    ours = name == "edgereader"
    for bundle, backend, precision, threads, streams in itertools.product(
        labels,
        (ours and dict.fromkeys(variants.backends)) or (None,),
        (ours and dict.fromkeys(variants.precisions)) or (None,),
        dict.fromkeys(variants.threads) or (0,),
        dict.fromkeys(variants.streams) or (1,),
    ):
        parts = (
            labels[bundle],
            backend,
            precision,
            _words(threads, "thread") if len(variants.threads) > 1 else None,
            _words(streams, "stream") if len(variants.streams) > 1 else None,
        )
        yield Entry(
            name=" ".join(filter(None, (name, *parts))),
            contender=name,
            options=Options(
                bundle=bundle,
                backend=backend or "auto",
                precision=precision,
                canvas_px=variants.canvas_px,
                threads=threads,
            ),
            python=variants.pythons.get(name, sys.executable),
            streams=streams,
        )


def short(bundles: Sequence[str]) -> dict[str, str | None]:
    """Bundle → what it is called beside others: its folder's name, or all that was given where two have the same."""
    names = {bundle: Path(bundle).name for bundle in bundles}
    if len(names) == 1:
        return dict.fromkeys(names)
    unique = [name for name, count in Counter(names.values()).items() if count == 1]
    return {bundle: name if name in unique else bundle for bundle, name in names.items()}


def _words(count: int, what: str) -> str:
    return f"1 {what}" if count == 1 else f"{count or 'all'} {what}s"


def interpreters(given: Iterable[str]) -> dict[str, str]:
    """Contender → interpreter, of NAME=PATH.

    Raises:
        DatasetError: not in this form, no such contender, or no such file.
    """
    found = {}
    for each in given:
        name, _, path = each.partition("=")
        if name not in OPENERS or not Path(path).is_file():
            raise DatasetError(f"--python {each}: expected a contender's name, =, and the path of an interpreter")
        found[name] = path
    return found
