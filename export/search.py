"""Which layers are to blame? Those that fewer bits break, and the first one that a backend computes otherwise.

Both are found by halving what is suspected, not by trying each layer.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

import numpy as np

from .onnx_graph import Graph, layer_name

if TYPE_CHECKING:
    import onnx

Layer = TypeVar("Layer")
Errors = Callable[[Sequence[str]], Mapping[str, float]]
"""Names of tensors -> how far each is `apart` in the two runs."""

PROBES = 8
"""Tensors that are compared in one run: more need more memory, and undo more of what a backend has fused."""
CUTS = ("Shape", "Size", "ArgMax", "ArgMin", "Equal", "Greater", "GreaterOrEqual", "Less", "LessOrEqual", "NonZero")
"""Operators whose right output says little about their inputs."""
ABSORBED = ("Relu", "BatchNormalization")
"""Operators that are part of the layer before them: nothing is compared in between, where it may be fused."""


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
    """All that was compared, in the graph's order."""

    def around(self, count: int = 3) -> tuple[Step, ...]:
        """Return the steps next to the first one, so many on either side."""
        index = self.steps.index(self.first)
        return self.steps[max(0, index - count) : index + count + 1]


def keep_until(
    layers: Sequence[Layer], passes: Callable[[list[Layer]], bool], damage: Callable[[list[Layer]], float]
) -> list[Layer] | None:
    """Return the layers to keep in fp32 so that the others pass the gate in fewer bits.

    Each round keeps as many more as are kept already, at first one, so that the gate, which is slow, is asked
    no more often than twice log2 of the number of layers.

    Args:
        layers: all that could have fewer bits.
        passes: whether these layers in fewer bits, and only these, pass the gate.
        damage: how far off the outputs are with these layers in fewer bits, and only these; quick.

    Returns:
        The kept layers in the order in which they were found; None when nothing but fp32 passes.
    """
    kept: list[Layer] = []
    left = list(layers)
    while left:
        if passes(list(left)):
            return kept
        for _ in range(min(max(1, len(kept)), len(left))):
            kept.append(worst(left, damage))
            left.remove(kept[-1])
    return None


def worst(layers: Sequence[Layer], damage: Callable[[list[Layer]], float]) -> Layer:
    """Return the most harmful layer, in 2 · log2 of their number steps: always on into the half that harms more."""
    group = list(layers)
    while len(group) > 1:
        halves = group[: len(group) // 2], group[len(group) // 2 :]
        group = max(halves, key=damage)
    return group[0]


def find_departure(
    graph: Graph, produced: Collection[str], errors: Errors, limits: tuple[float, float], names: Graph
) -> Departure | None:
    """Return the first layer whose output departs, in about log_8 of the number of layers runs.

    A tensor that is right has right ancestors, and they are not compared; one that departs is the first one, or
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
        for name in (name for name in left if name in found):
            if found[name] > limit:
                first = name
                suspects &= ancestors(graph, name)
                break
            suspects -= {name, *ancestors(graph, name)}
    compared = [name for name in order if name in seen]
    steps = tuple(step_of(names if name in names.producer else graph, name, seen[name]) for name in compared)
    return next((Departure(step, limit, steps) for step in steps if step.tensor == first), None)


def comparable(graph: Graph, produced: Collection[str]) -> list[str]:
    """Return the tensors of both graphs that follow from the inputs' numbers: whole layers and outputs, in order."""
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
    """Return all tensors whose numbers one is computed from."""
    found: set[str] = set()
    left = [tensor]
    while left:
        node = graph.producer.get(left.pop())
        fresh = set(node.input) - found if node is not None and node.op_type not in CUTS else set()
        found |= fresh
        left += fresh
    return found


def spaced(names: Sequence[str], most: int) -> list[str]:
    """Return at most so many of them, evenly taken, the last one among them."""
    count = min(most, len(names))
    return [names[(index + 1) * len(names) // count - 1] for index in range(count)]


def step_of(graph: Graph, tensor: str, error: float) -> Step:
    """Return a tensor with the layer that gives it."""
    node = layer_node(graph, tensor)
    stored = (graph.initializers[name] for name in node.input if name in graph.initializers)
    name = next((item.name for item in stored if len(item.dims) > 1), "")
    return Step(layer_name(name) or node.name or node.output[0], node.op_type, tensor, error)


def layer_node(graph: Graph, tensor: str) -> onnx.NodeProto:
    """Return the node that gives a tensor; where that is a rectifier, a batch norm or a bias, the one before it."""
    node: onnx.NodeProto = graph.producer[tensor]
    while True:
        sources = [name for name in node.input if name in graph.producer]
        if len(sources) != 1 or node.op_type not in (*ABSORBED, "Add"):
            return node
        node = graph.producer[sources[0]]
