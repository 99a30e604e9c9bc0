"""Before quantisation: a graph of convolutions in which nothing stands between one and its rectifier.

Batch norms go into the convolution before them, a rectifier behind a rectifier goes, and where only the
shape of a tensor is asked for, the question moves behind the rectifier. The numbers stay what they were.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ..onnx_file import load
from ..onnx_graph import Graph, copied

if TYPE_CHECKING:
    import onnx

KEEP_SHAPE = ("BatchNormalization", "Relu")
"""Operators whose output has the shape of their first input."""


def folded(path: Path) -> onnx.ModelProto:
    """Return the graph in a file, ready to be quantised."""
    model = load(path)
    fold(model)
    return model


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
        while later := [
            user
            for user in graph.users(shape.input[0])
            if user.op_type in KEEP_SHAPE and user.input[0] == shape.input[0]
        ]:
            last = later[0]
            shape.input[0] = last.output[0]
        if last is not None:
            moved = copied(shape)
            nodes.remove(shape)
            nodes.insert(list(nodes).index(last) + 1, moved)


def fold_batch_norms(graph: Graph) -> None:
    """Turn Conv, BatchNormalization into Conv."""
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
    """Turn Relu, Relu into Relu."""
    for relu in [node for node in graph.graph.node if node.op_type == "Relu"]:
        first = graph.producer.get(relu.input[0])
        if first is None or first.op_type != "Relu" or relu.output[0] in graph.outputs:
            continue
        for user in graph.users(relu.output[0]):
            user.input[:] = [relu.input[0] if name == relu.output[0] else name for name in user.input]
        graph.graph.node.remove(relu)
