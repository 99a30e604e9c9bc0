"""Before quantisation: a graph of convolutions in which nothing stands between one and its rectifier.

Batch norms go into the convolution before them, a rectifier behind a rectifier goes, and where only the
shape of a tensor is asked for, the question moves behind the rectifier. The numbers stay what they were.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    import onnx

KEEP_SHAPE = ("BatchNormalization", "Relu")
"""Operators whose output has the shape of their first input."""


class Graph:
    """An ONNX graph with the look-ups that rewriting needs; made anew after nodes were added or removed."""

    def __init__(self, model: onnx.ModelProto) -> None:
        self.model, self.graph = model, model.graph
        self.initializers = {item.name: item for item in self.graph.initializer}
        self.outputs = {item.name for item in self.graph.output}
        self.producer = {name: node for node in self.graph.node for name in node.output}

    def users(self, tensor: str) -> list[onnx.NodeProto]:
        """Nodes that take `tensor`."""
        return [node for node in self.graph.node if tensor in node.input]

    def only_user(self, tensor: str) -> onnx.NodeProto | None:
        """The node that takes `tensor`, if nothing else does."""
        users = self.users(tensor)
        return users[0] if len(users) == 1 and tensor not in self.outputs else None

    def array(self, name: str) -> NDArray[Any]:
        """A stored tensor."""
        from onnx import numpy_helper

        return numpy_helper.to_array(self.initializers[name])

    def store(self, name: str, values: NDArray[Any]) -> str:
        """Add or replace a stored tensor; returns its name."""
        from onnx import numpy_helper

        tensor = numpy_helper.from_array(np.asarray(values, order="C"), name)
        if name in self.initializers:
            self.initializers[name].CopyFrom(tensor)
        else:
            self.graph.initializer.append(tensor)
            self.initializers[name] = self.graph.initializer[-1]
        return name

    def drop_unused(self) -> None:
        """Remove stored tensors that no node takes."""
        used = {name for node in self.graph.node for name in node.input}
        for item in [item for item in self.graph.initializer if item.name not in used]:
            self.graph.initializer.remove(item)


def layer_name(weights: str) -> str:
    """A layer's name, as reports say it: the stored name of its weights, without what exporting put behind it."""
    for ending in (".weight", ".weights", ".folded"):
        weights = weights.removesuffix(ending)
    return weights


class NodeWriter(Protocol):
    """Writes the nodes of a graph anew."""

    @property
    def graph(self) -> Graph:
        """The new graph, at first with the old nodes."""

    @property
    def nodes(self) -> list[onnx.NodeProto]:
        """Those written so far."""

    def take(self, node: onnx.NodeProto) -> None:
        """Write one node of the old graph, and what it needs."""


def written_anew(model: onnx.ModelProto, writer_of: Callable[[Graph], NodeWriter]) -> onnx.ModelProto:
    """A copy of a graph, with the nodes that a writer makes of the old ones in their order."""
    import onnx

    copy = onnx.ModelProto()
    copy.CopyFrom(model)
    writer = writer_of(Graph(copy))
    for node in model.graph.node:
        writer.take(node)
    del copy.graph.node[:]
    copy.graph.node.extend(writer.nodes)
    writer.graph.drop_unused()
    return copy


def fold(model: onnx.ModelProto) -> None:
    """Fold batch norms into convolutions and drop double rectifiers, in place."""
    for step in (move_shapes, fold_batch_norms, drop_double_rectifiers):
        step(Graph(model))
    Graph(model).drop_unused()


def move_shapes(graph: Graph) -> None:
    """Ask for shapes as late as they are the same, so that they keep no two nodes from becoming one."""
    nodes = graph.graph.node
    for shape in [node for node in nodes if node.op_type == "Shape"]:
        last = None
        while later := [user for user in graph.users(shape.input[0]) if same_shape(user, shape.input[0])]:
            last = later[0]
            shape.input[0] = last.output[0]
        if last is not None:
            moved = type(shape).FromString(shape.SerializeToString())
            nodes.remove(shape)
            nodes.insert(list(nodes).index(last) + 1, moved)


def same_shape(node: onnx.NodeProto, tensor: str) -> bool:
    """Whether a node's output has the shape of `tensor`."""
    return node.op_type in KEEP_SHAPE and node.input[0] == tensor


def fold_batch_norms(graph: Graph) -> None:
    """Conv, BatchNormalization -> Conv."""
    for norm in [node for node in graph.graph.node if node.op_type == "BatchNormalization"]:
        conv = graph.producer.get(norm.input[0])
        if conv is None or conv.op_type != "Conv" or len(graph.users(conv.output[0])) != 1:
            continue
        scale, shift, mean, variance = (graph.array(name).astype(np.float64) for name in norm.input[1:5])
        epsilon = next((item.f for item in norm.attribute if item.name == "epsilon"), 1e-5)
        gain = scale / np.sqrt(variance + epsilon)
        bias = graph.array(conv.input[2]) if len(conv.input) > 2 else np.zeros(1)
        weights = graph.array(conv.input[1]) * gain[:, None, None, None]
        shared = len(graph.users(conv.input[1])) > 1
        name = f"{conv.input[1].removesuffix('.weight')}{f'.{conv.output[0]}' if shared else ''}.folded"
        conv.input[1] = graph.store(f"{name}.weight", weights.astype(np.float32))
        bias_name = graph.store(f"{name}.bias", ((bias - mean) * gain + shift).astype(np.float32))
        conv.input[2:] = [bias_name]
        conv.output[0] = norm.output[0]
        graph.graph.node.remove(norm)


def drop_double_rectifiers(graph: Graph) -> None:
    """Relu, Relu -> Relu."""
    for relu in [node for node in graph.graph.node if node.op_type == "Relu"]:
        first = graph.producer.get(relu.input[0])
        if first is None or first.op_type != "Relu" or relu.output[0] in graph.outputs:
            continue
        for user in graph.users(relu.output[0]):
            user.input[:] = [relu.input[0] if name == relu.output[0] else name for name in user.input]
        graph.graph.node.remove(relu)
