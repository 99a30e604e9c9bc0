"""An ONNX graph with the look-ups that searching and rewriting it need."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    import onnx

Message = TypeVar("Message")


class Graph:
    """An ONNX graph with its look-ups; made anew after nodes were added or removed."""

    def __init__(self, model: onnx.ModelProto) -> None:
        self.model, self.graph = model, model.graph
        self.initializers = {item.name: item for item in self.graph.initializer}
        self.outputs = {item.name for item in self.graph.output}
        self.producer = {name: node for node in self.graph.node for name in node.output}

    def users(self, tensor: str) -> list[onnx.NodeProto]:
        """Return the nodes that take `tensor`."""
        return [node for node in self.graph.node if tensor in node.input]

    def only_user(self, tensor: str) -> onnx.NodeProto | None:
        """Return the node that takes `tensor`, if nothing else does."""
        users = self.users(tensor)
        return users[0] if len(users) == 1 and tensor not in self.outputs else None

    def array(self, name: str) -> NDArray[Any]:
        """Return a stored tensor."""
        from onnx import numpy_helper

        return numpy_helper.to_array(self.initializers[name])

    def store(self, name: str, values: NDArray[Any]) -> str:
        """Add or replace a stored tensor; return its name."""
        from onnx import numpy_helper

        tensor = numpy_helper.from_array(np.asarray(values, order="C"), name)
        if name in self.initializers:
            self.initializers[name].CopyFrom(tensor)
        else:
            self.graph.initializer.append(tensor)
            self.initializers[name] = self.graph.initializer[-1]
        return name

    def drop_unused(self) -> None:
        """Remove the stored tensors that no node takes."""
        used = {name for node in self.graph.node for name in node.input}
        for item in [item for item in self.graph.initializer if item.name not in used]:
            self.graph.initializer.remove(item)


class Writer(ABC):
    """Writes the nodes of a graph anew, one by one in their order."""

    def __init__(self, graph: Graph) -> None:
        """Take the new graph, which has the old nodes at first."""
        self.graph = graph
        self.nodes: list[onnx.NodeProto] = []

    @abstractmethod
    def take(self, node: onnx.NodeProto) -> None:
        """Write one node of the old graph, and what it needs."""

    def add(self, operator: str, inputs: list[str], output: str, **attributes: Any) -> str:
        """Write a new node; return its output."""
        from onnx import helper

        self.nodes.append(helper.make_node(operator, inputs, [output], name=f"{operator}.{output}", **attributes))
        return output


def written_anew(model: onnx.ModelProto, writer_of: Callable[[Graph], Writer]) -> onnx.ModelProto:
    """Return a copy of a graph, with the nodes that a writer makes of the old ones in their order."""
    copy = copied(model)
    writer = writer_of(Graph(copy))
    for node in model.graph.node:
        writer.take(node)
    del copy.graph.node[:]
    copy.graph.node.extend(writer.nodes)
    writer.graph.drop_unused()
    return copy


def copied(message: Message) -> Message:
    """Return a copy of a model or a node."""
    copy = type(message)()
    copy.CopyFrom(message)  # type: ignore[attr-defined]
    return copy


def layer_name(weights: str) -> str:
    """Return a layer's name for reports: the stored name of its weights, without what exporting put behind it."""
    for ending in (".weight", ".weights", ".folded"):
        weights = weights.removesuffix(ending)
    return weights
