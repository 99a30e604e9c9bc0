"""A network that runs elsewhere, as a session: arrays go there over a link, and others come back."""

from collections.abc import Callable, Collection, Mapping
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from ...bundles.bundle import Bundle
from ...bundles.manifest import Kind, ShapeRange
from ...errors import BackendError, BundleError
from ..buffers import Buffers, StaysHere
from .contract import DTYPES, IMAGES, OUTPUTS, TYPES, Served, expect_same

Arrays = Mapping[str, NDArray[Any]]


class Link(Protocol):
    """The way to where the networks run."""

    @property
    def name(self) -> str:
        """What errors call it."""

    def send(self, kind: Kind, identity: str, inputs: Arrays) -> Callable[[], Arrays]:
        """Begin to run a network on arrays, which are left alone from then on; what is returned waits for its outputs.

        Raises:
            BackendError: it cannot be reached, or failed; also from what is returned.
        """


class RemoteBinding(Buffers):
    """Arrays on this side of a link; see :class:`~edgereader.runtime.sessions.base.Binding`."""

    def __init__(
        self, link: Link, kind: Kind, served: Served, shapes: Mapping[str, tuple[int, ...]], batched: Collection[str]
    ) -> None:
        super().__init__(shapes, batched)
        arrays: dict[str, NDArray[Any]] = {name: np.zeros(shapes[name], TYPES[DTYPES[name]]) for name in shapes}
        self.inputs = {name: array for name, array in arrays.items() if name not in OUTPUTS[kind]}
        self.outputs = {name: arrays[name] for name in OUTPUTS[kind]}
        self._link, self._kind, self._served, self._batched = link, kind, served, batched
        self._running: tuple[Callable[[], Arrays], int] | None = None

    def _start(self, batch: int) -> None:
        """What has no rows, the allowed symbols, gets some: on the way, all has."""
        rows = {
            name: array[:batch] if name in self._batched else np.repeat(array[np.newaxis], batch, axis=0)
            for name, array in self.inputs.items()
        }
        self._running = self._link.send(self._kind, self._served.identity, rows), batch

    def wait(self) -> None:
        """Return when the outputs are there.

        Raises:
            BackendError: the network cannot be reached, failed, or gave other shapes or types.
        """
        if self._running is None:
            return
        (answer, batch), self._running = self._running, None
        found = answer()
        for name, array in self.outputs.items():
            expected, got = array[:batch], found.get(name)
            if got is None or got.shape != expected.shape or got.dtype != expected.dtype:
                shown = "nothing" if got is None else f"{got.dtype} {got.shape}"
                raise BackendError(
                    f"{self._link.name}: {name}: expected {expected.dtype} {expected.shape}, got {shown}; "
                    "export the server's repository again"
                )
            expected[...] = got


class RemoteSession(StaysHere):
    """A network at the end of a link; see :class:`~edgereader.runtime.sessions.base.Session`. Safe to share between
    threads.
    """

    def __init__(self, link: Link, bundle: Bundle, kind: Kind, served: Served, precision: str | None = None) -> None:
        """Use a network that is served.

        Args:
            link: the way to it.
            bundle: where it should come from.
            kind: which of its networks.
            served: what the server says of it.
            precision: "fp32", …; None = any.

        Raises:
            BackendError: it is that of another bundle.
            BundleError: it is in another precision.
        """
        expect_same(bundle, kind, served.identity, link.name)
        if precision not in {None, served.precision}:
            raise BundleError(
                f"{link.name}: expected the {kind} in {precision}, got one in {served.precision}; leave the precision "
                "out, or export the repository in this one"
            )
        self.backend, self.precision = link.name, served.precision
        self._link, self._kind, self._served = link, kind, served

    def output_shape(self, name: str) -> tuple[int | None, ...]:
        """Return the shape of an output, None where the graph leaves it open."""
        if name not in self._served.outputs:
            got = sorted(self._served.outputs)
            raise BackendError(f"{self._link.name}: expected an output {name!r}, got {got}; export it again")
        return self._served.outputs[name]

    def limits(self, name: str) -> ShapeRange | None:
        """Return the shapes that an input may have; None = it has one only."""
        return self._served.limits if name == IMAGES[self._kind] else None

    def bind(self, shapes: Mapping[str, tuple[int, ...]], *, batched: tuple[str, ...]) -> RemoteBinding:
        """Allocate buffers of these shapes, one for every input and output; ``batched`` ones have a batch axis.

        Raises:
            BackendError: the names are not the network's, or a shape is beyond `limits`.
        """
        name = IMAGES[self._kind]
        known = {name, *OUTPUTS[self._kind], *(("allowed",) if self._kind == "recognizer" else ())}
        if shapes.keys() != known:
            raise BackendError(
                f"{self._link.name}: expected {sorted(known)} in and out, got {sorted(shapes)}; bind these"
            )
        limits = self._served.limits
        if not limits.holds(shapes[name]):
            raise BackendError(
                f"{self._link.name}: {name}: expected {limits.min} to {limits.max}, got {shapes[name]}; stay inside, "
                "or export a repository that takes it"
            )
        return RemoteBinding(self._link, self._kind, self._served, shapes, batched)
