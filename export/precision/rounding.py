"""What a GPU makes of a float16 graph, rehearsed on the CPU: every number is rounded to float16, node by node.

ONNX Runtime on a CPU has few float16 kernels. It casts round float32 ones and leaves out the casts between two
of them, with optimisations off too, so that what overflows float16 between two layers goes unseen. Here the
casts are written into a float32 graph, and a cast that loses digits is never left out (both: see the test).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ..onnx_graph import Graph, copied

if TYPE_CHECKING:
    import onnx

UNCHANGED = ("MaxPool", "Concat", "Transpose", "Reshape", "Split", "Slice", "Squeeze", "Unsqueeze", "Gather", "Expand")
"""Operators that give only numbers that they were given, which are rounded already."""


def rehearsal(model: onnx.ModelProto) -> onnx.ModelProto:
    """Return a float32 graph that gives what a mixed one would give on a device with float16 arithmetic.

    Sums inside one node are float32, as tensor cores add; what a node gives is rounded, and beyond 65504 infinite.
    """
    copy = copied(model)
    graph, halves = Graph(copy), half_tensors(model)
    nodes: list[onnx.NodeProto] = []
    for node in model.graph.node:
        nodes += as_single(graph, node, halves)
    del copy.graph.node[:], copy.graph.value_info[:]
    copy.graph.node.extend(nodes)
    for name in halves & graph.initializers.keys():
        graph.store(name, graph.array(name).astype(np.float32))
    return copy


def half_tensors(model: onnx.ModelProto) -> set[str]:
    """Return the names of all float16 tensors."""
    import onnx

    known = onnx.shape_inference.infer_shapes(model).graph
    half = onnx.TensorProto.FLOAT16
    values = {item.name for item in known.value_info if item.type.tensor_type.elem_type == half}
    return values | {item.name for item in known.initializer if item.data_type == half}


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
