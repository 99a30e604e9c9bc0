"""The first layer whose output departs: two runs of a network compared tensor by tensor, from coarse to fine."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ..precision.folding import Graph, layer_name

if TYPE_CHECKING:
    import onnx

Errors = Callable[[Sequence[str]], Mapping[str, float]]
"""Names of tensors -> how far each is `apart` in the two runs."""

PROBES = 8
"""Tensors that are looked at in one run: more need more memory, and undo more of what a backend has fused."""
CUTS = ("Shape", "Size", "ArgMax", "ArgMin", "Equal", "Greater", "GreaterOrEqual", "Less", "LessOrEqual", "NonZero")
"""Operators whose right output says little about their inputs."""
ABSORBED = ("Relu", "BatchNormalization")
"""Operators that are part of the layer before them: nothing is looked at in between, where it may be fused."""


@dataclass(frozen=True)
class Step:
    """One layer's output in the two runs."""

    layer: str
    """Stored name of its weights, or the node's name where it has none."""
    operator: str
    """What gives the tensor: "Conv", "LSTM", …"""
    tensor: str
    """Name of the output in the graph."""
    error: float
    """How far the two are `apart`."""


@dataclass(frozen=True)
class Departure:
    """Where two runs of one network come apart."""

    first: Step
    """Its output departs, and that of no layer that it depends on does."""
    limit: float
    """From which error on an output is said to depart."""
    steps: tuple[Step, ...]
    """All that was looked at, in the graph's order."""

    def around(self, count: int = 3) -> tuple[Step, ...]:
        """The steps next to the first one, so many on either side."""
        index = self.steps.index(self.first)
        return self.steps[max(0, index - count) : index + count + 1]


def apart(got: NDArray[Any], expected: NDArray[Any], scale: NDArray[Any] | None = None) -> float:
    """Root mean square of the difference over that of `scale`, or of what is expected where it is None.

    Infinite for another shape, and where one of the two is infinite or no number and the other is not.
    """
    if got.shape != expected.shape:
        return float("inf")
    same = (got == expected) | (np.isnan(got) & np.isnan(expected))
    with np.errstate(invalid="ignore"):
        off = np.where(same, 0, got.astype(np.float64) - expected)
    return mean_size(off) / max(mean_size(expected if scale is None else scale, finite=True), 1e-9)


def mean_size(values: NDArray[Any], *, finite: bool = False) -> float:
    """Root mean square, or that of the finite values only; infinite with a NaN, and 0 of nothing."""
    chosen = values[np.isfinite(values)] if finite else values
    size = float(np.sqrt(np.mean(np.square(chosen, dtype=np.float64)))) if chosen.size else 0.0
    return size if np.isfinite(size) else float("inf")


def find_departure(
    graph: Graph, produced: Collection[str], errors: Errors, limits: tuple[float, float], names: Graph
) -> Departure | None:
    """The first layer whose output departs, in about log_8 of the number of layers runs.

    A tensor that is right has right ancestors, and they are not looked at; one that departs is the first one, or
    has it among its ancestors.

    Args:
        graph: the one that is right.
        produced: tensors of the other graph; what both have is compared, by name.
        errors: runs both.
        limits: from which error on a tensor departs, at least and at most: half of the outputs' error, so that what
            adds up over many layers is found too.
        names: graph that tells the layers' names; where it lacks a tensor, `graph` does.

    Returns:
        None when no output departs.
    """
    order = comparable(graph, produced)
    outputs = [name for name in order if name in graph.outputs]
    decided = [name for name in outputs if graph.producer[name].op_type in CUTS]
    seen = dict(errors(outputs))
    limit = float(np.clip(max(seen[name] for name in outputs if name not in decided) / 2, *limits))
    first = next((name for name in sorted(outputs, key=decided.__contains__) if seen[name] > limit), None)
    suspects = ancestors(graph, first) if first else set()
    while left := [name for name in order if name in suspects and name not in seen]:
        found = errors(spaced(left, PROBES))
        seen |= found
        for name in (each for each in left if each in found):
            if found[name] > limit:
                first = name
                suspects &= ancestors(graph, name)
                break
            suspects -= {name, *ancestors(graph, name)}
    steps = tuple(step(names if name in names.producer else graph, name, seen[name]) for name in order if name in seen)
    return next((Departure(each, limit, steps) for each in steps if each.tensor == first), None)


def comparable(graph: Graph, produced: Collection[str]) -> list[str]:
    """Tensors of both graphs that follow from the inputs' numbers, whole layers and outputs only, in their order."""
    carrying = {item.name for item in graph.graph.input}
    users: dict[str, list[str]] = {}
    for node in graph.graph.node:
        if node.op_type not in CUTS and carrying.intersection(node.input):
            carrying.update(filter(None, node.output))
        for name in node.input:
            users.setdefault(name, []).append(node.op_type)
    inside = {name for name, operators in users.items() if len(operators) == 1 and operators[0] in ABSORBED}
    wanted = ((carrying - inside) | graph.outputs).intersection(produced)
    return [name for node in graph.graph.node for name in node.output if name in wanted]


def ancestors(graph: Graph, tensor: str) -> set[str]:
    """All tensors whose numbers one is computed from."""
    found: set[str] = set()
    left = [tensor]
    while left:
        node = graph.producer.get(left.pop())
        fresh = set(node.input) - found if node is not None and node.op_type not in CUTS else set()
        found |= fresh
        left += fresh
    return found


def spaced(names: Sequence[str], most: int) -> list[str]:
    """At most so many of them, evenly taken, the last one among them."""
    count = min(most, len(names))
    return [names[(index + 1) * len(names) // count - 1] for index in range(count)]


def step(graph: Graph, tensor: str, error: float) -> Step:
    """A tensor with the layer that gives it."""
    node = layer_node(graph, tensor)
    return Step(name_of(graph, node), node.op_type, tensor, error)


def layer_node(graph: Graph, tensor: str) -> onnx.NodeProto:
    """The node that gives a tensor; where that is a rectifier, a batch norm or a bias, the one before it."""
    node: onnx.NodeProto = graph.producer[tensor]
    while True:
        sources = [name for name in node.input if name in graph.producer]
        if len(sources) != 1 or node.op_type not in (*ABSORBED, "Add"):
            return node
        node = graph.producer[sources[0]]


def name_of(graph: Graph, node: onnx.NodeProto) -> str:
    """As the reports of quantisation name it."""
    stored = (graph.initializers[name] for name in node.input if name in graph.initializers)
    name = next((item.name for item in stored if len(item.dims) > 1), "")
    return layer_name(name) or node.name or node.output[0]
