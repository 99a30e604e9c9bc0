"""A graph in mixed precision for GPUs: float16 where it is safe, float32 where it is not.

Always float32: inputs and outputs, the normalisation (all before the first weights), the grid of TPS from the
fiducials on (in float16 it is off by pixels) and its sampling, LSTMs (ONNX Runtime has no float16 one for CPUs;
their weights are stored in float16), and the decision (mask, logarithms, arg max). Precision is in the graph: a
strongly typed TensorRT network takes it as it is written.

ONNX Runtime's `convert_float_to_float16` does the like, but writes nodes before those that they take, which
`onnx.checker` and so `check_contract` refuse.

What a GPU makes of such a graph is rehearsed on the CPU in float32, every number rounded to float16, node by node:
ONNX Runtime on a CPU has few float16 kernels. It casts round float32 ones and leaves out the casts between two of
them, with optimisations off too, so that what overflows float16 between two layers goes unseen. In the rehearsal a
cast that loses digits is never left out (both: see the test).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ..onnx_graph import Graph, Writer, copied, layer_name, written_anew

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping

    import onnx

    from .int8 import Range

LARGEST = 65504 / 4
"""Largest magnitude that float16 is trusted with: the pictures that set it are not all that will come."""

WEIGHTED = ("Conv", "ConvTranspose", "Gemm", "MatMul", "LSTM")
"""Operators with weights: layers."""

UNCHANGED = ("MaxPool", "Concat", "Transpose", "Reshape", "Split", "Slice", "Squeeze", "Unsqueeze", "Gather", "Expand")
"""Operators that give only numbers that they were given, which are rounded already."""

MASK = "allowed"
"""The recognizer's input that is added to the logits (DESIGN, "Graphs")."""


@dataclass(frozen=True)
class Part:
    """All nodes with the same weights, and the bias and rectifier behind them."""

    name: str
    """The stored name of the weights, as reports say it."""
    nodes: frozenset[str]
    """First output of each node."""
    fixed: bool
    """Whether it is float32 anyway, with its weights."""


def parts(graph: Graph) -> list[Part]:
    """Return the layers, in the graph's order."""
    fixed = always_single(graph)
    found: dict[str, set[str]] = {}
    lstms = set()
    for node in graph.graph.node:
        weights = next((name for name in node.input if len(dims(graph, name)) > 1), None)
        if node.op_type in WEIGHTED and weights is not None:
            name = layer_name(weights)
            found.setdefault(name, set()).update(with_followers(graph, node))
            lstms.update([name] if node.op_type == "LSTM" else [])
    return [Part(name, frozenset(nodes), name not in lstms and nodes <= fixed) for name, nodes in found.items()]


def dims(graph: Graph, name: str) -> list[int]:
    """Return the shape of a stored tensor; of another one, nothing."""
    return list(graph.initializers[name].dims) if name in graph.initializers else []


def with_followers(graph: Graph, node: onnx.NodeProto) -> Iterator[str]:
    """Yield the first outputs of a node and of what only it feeds: its bias and its rectifier."""
    later: onnx.NodeProto | None = node
    while later is not None:
        yield later.output[0]
        later = graph.only_user(later.output[0])
        stored = later is not None and any(name in graph.initializers for name in later.input)
        if later is None or not (later.op_type == "Relu" or (later.op_type == "Add" and stored)):
            return


def always_single(graph: Graph) -> set[str]:
    """Return the first outputs of the nodes that are float32 whatever the gate says."""
    lstms = {node.output[0] for node in graph.graph.node if node.op_type == "LSTM"}
    return before_weights(graph) | after_mask(graph) | grids(graph) | lstms


def before_weights(graph: Graph) -> set[str]:
    """Return the first outputs of the nodes between the inputs and the first weights."""
    raw, weighed = {item.name for item in graph.graph.input}, set[str]()
    for node in graph.graph.node:
        if node.op_type in WEIGHTED or weighed.intersection(node.input):
            weighed.update(node.output)
        elif raw.intersection(node.input):
            raw.update(node.output)
    return {node.output[0] for node in graph.graph.node if node.output[0] in raw}


def after_mask(graph: Graph) -> set[str]:
    """Return the first outputs of the nodes that take the mask of symbols, or numbers that it was added to."""
    masked = {MASK}
    found = set()
    for node in graph.graph.node:
        if masked.intersection(node.input):
            found.add(node.output[0])
            if node.op_type != "ArgMax":  # a symbol is no logit: what is looked up by it may be float16
                masked.update(node.output)
    return found


def grids(graph: Graph) -> set[str]:
    """Return the outputs of GridSample, and of all from the last convolution of its localisation network on."""
    found = set()
    for sample in [node for node in graph.graph.node if node.op_type == "GridSample"]:
        found.add(sample.output[0])
        left = [sample.input[1]]
        while left:
            node = graph.producer.get(left.pop())
            if node is not None and not ends_convolution(graph, node):
                found.add(node.output[0])
                left += node.input
    return found


def ends_convolution(graph: Graph, node: onnx.NodeProto) -> bool:
    """Return whether a node is a convolution, its rectifier, or what decodes the two from int8."""
    before = graph.producer.get(node.input[0])
    rectifies = node.op_type == "Relu" and before is not None and before.op_type == "Conv"
    return rectifies or node.op_type in ("Conv", "DequantizeLinear")


def too_wide(graph: Graph, ranges: Mapping[str, Range]) -> dict[str, float]:
    """Return the activations and weights beyond `LARGEST`, with their largest magnitude."""
    largest = {name: max(abs(low), abs(high)) for name, (low, high) in ranges.items()}
    for name in tensors_of(graph.model) & graph.initializers.keys():
        if (values := graph.array(name)).size:
            largest[name] = float(np.abs(values).max())
    return {name: value for name, value in largest.items() if value > LARGEST}


def touching(graph: Graph, tensors: Collection[str]) -> set[str]:
    """Return the first outputs of the nodes that take or give one of these tensors."""
    return {node.output[0] for node in graph.graph.node if {*node.input, *node.output}.intersection(tensors)}


def activations(graph: Graph) -> list[str]:
    """Return the float32 tensors that nodes give, in the graph's order."""
    floats = tensors_of(graph.model)
    return [name for node in graph.graph.node for name in node.output if name in floats]


def tensors_of(model: onnx.ModelProto, kind: str = "FLOAT") -> set[str]:
    """Return the names of all tensors of an element type: inputs, stored ones, activations, outputs."""
    import onnx

    known = onnx.shape_inference.infer_shapes(model).graph
    values = {item.name: item.type.tensor_type.elem_type for item in (*known.input, *known.value_info, *known.output)}
    values |= {item.name: item.data_type for item in known.initializer}
    return {name for name, found in values.items() if found == onnx.TensorProto.DataType.Value(kind)}


def halve(model: onnx.ModelProto, keep: Collection[str] = ()) -> onnx.ModelProto:
    """Return a copy of a folded float32 graph in float16, except what is `always_single`.

    `model`: of opset 18, without inner graphs; `keep`: first outputs of more nodes that stay float32. Inputs and
    outputs stay; opset 19 where there are int8 layers, as QuantizeLinear takes float16 only from there on.
    """
    copy = written_anew(model, lambda graph: HalfWriter(graph, set(keep)))
    del copy.graph.value_info[:]
    if any(node.op_type == "QuantizeLinear" for node in copy.graph.node):
        copy.opset_import[0].version = 19
    return copy


class HalfWriter(Writer):
    """Writes the nodes of a graph anew, in their order: every tensor has one precision, and at most one cast."""

    def __init__(self, graph: Graph, keep: set[str]) -> None:
        super().__init__(graph)
        self.floats, self.keep, self.single = tensors_of(graph.model), keep, always_single(graph) | keep
        self.singles: dict[str, str] = {item.name: item.name for item in graph.graph.input}
        self.halves: dict[str, str] = {}

    def take(self, node: onnx.NodeProto) -> None:
        """Write one node of the old graph, and the casts that it needs."""
        single = node.output[0] in self.single or not self.floats.intersection(node.input)
        fresh = copied(node)
        for index, name in enumerate(node.input):
            fixed = node.op_type == "Resize" and index > 0  # its region and scales are float32 always
            if name in self.floats and not fixed:
                fresh.input[index] = self.input_of(node, name, single=single)
        self.nodes.append(fresh)
        for index, name in enumerate(node.output):
            if name in self.floats and single:
                self.singles[name] = name
            elif name in self.floats and name in self.graph.outputs:
                self.halves[name] = fresh.output[index] = f"{name}.half"
                self.cast(self.halves[name], name, "FLOAT")
            elif name in self.floats:
                self.halves[name] = name

    def input_of(self, node: onnx.NodeProto, name: str, *, single: bool) -> str:
        """Return what a node takes for the float32 tensor `name`."""
        if not single:
            return self.in_half(name)
        if node.op_type == "LSTM" and name in self.graph.initializers and node.output[0] not in self.keep:
            return self.cast(self.in_half(name), f"{name}.single", "FLOAT")
        return self.in_single(name)

    def in_half(self, name: str) -> str:
        """Return the tensor in float16: as it is, stored, or cast."""
        if name in self.halves:
            return self.halves[name]
        if name in self.graph.initializers:
            values = np.clip(self.graph.array(name), -65504, 65504)
            self.halves[name] = self.graph.store(f"{name}.half", values.astype(np.float16))
        else:
            self.halves[name] = self.cast(self.singles[name], f"{name}.half", "FLOAT16")
        return self.halves[name]

    def in_single(self, name: str) -> str:
        """Return the tensor in float32: as it is, or cast."""
        if name in self.graph.initializers:
            return name
        if name not in self.singles:
            self.singles[name] = self.cast(self.halves[name], f"{name}.single", "FLOAT")
        return self.singles[name]

    def cast(self, source: str, result: str, kind: str) -> str:
        """Write a cast to "FLOAT" or "FLOAT16"; return its result."""
        import onnx

        return self.add("Cast", [source], result, to=onnx.TensorProto.DataType.Value(kind))


def rehearsal(model: onnx.ModelProto) -> onnx.ModelProto:
    """Return a float32 graph that gives what a mixed one would give on a device with float16 arithmetic.

    Sums inside one node are float32, as tensor cores add; what a node gives is rounded, and beyond 65504 infinite.
    """
    copy = copied(model)
    graph, halves = Graph(copy), tensors_of(model, "FLOAT16")
    nodes: list[onnx.NodeProto] = []
    for node in model.graph.node:
        nodes += as_single(graph, node, halves)
    del copy.graph.node[:], copy.graph.value_info[:]
    copy.graph.node.extend(nodes)
    for name in halves & graph.initializers.keys():
        graph.store(name, graph.array(name).astype(np.float32))
    return copy


def as_single(graph: Graph, node: onnx.NodeProto, halves: set[str]) -> list[onnx.NodeProto]:
    """Return one node in float32, with what rounds its outputs."""
    import onnx
    from onnx import helper

    if node.op_type == "Cast" and node.input[0] in halves and node.output[0] not in halves:
        return [node]  # on float32 numbers now, to float32 or to whole numbers
    fresh = copied(node)
    nodes = [fresh]
    for index, name in enumerate(node.output):
        if name not in halves or node.op_type in UNCHANGED or rounded_later(graph, name):
            continue
        fresh.output[index] = exact = f"{name}.exact"
        if node.op_type == "Cast":
            fresh.attribute[0].i = onnx.TensorProto.FLOAT
        nodes.append(helper.make_node("Cast", [exact], [f"{name}.rounded"], to=onnx.TensorProto.FLOAT16))
        nodes.append(helper.make_node("Cast", [f"{name}.rounded"], [name], to=onnx.TensorProto.FLOAT))
    return nodes


def rounded_later(graph: Graph, name: str) -> bool:
    """Return whether only a rectifier takes a tensor: it may be rounded behind that as well."""
    user = graph.only_user(name)
    return user is not None and user.op_type == "Relu"
