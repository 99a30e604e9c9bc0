"""What stays float32 in a mixed graph whatever the gate says; see `half` for why."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .folding import Graph

if TYPE_CHECKING:
    import onnx

WEIGHTED = ("Conv", "ConvTranspose", "Gemm", "MatMul", "LSTM")
"""Operators with weights: layers."""

MASK = "allowed"
"""The recogniser's input that is added to the logits (DESIGN, "Graphs")."""


def always_single(graph: Graph) -> set[str]:
    """First outputs of the nodes that are float32 whatever the gate says."""
    lstms = {node.output[0] for node in graph.graph.node if node.op_type == "LSTM"}
    return before_weights(graph) | after_mask(graph) | grids(graph) | lstms


def before_weights(graph: Graph) -> set[str]:
    """Nodes between the inputs and the first weights."""
    raw, weighed = {item.name for item in graph.graph.input}, set[str]()
    for node in graph.graph.node:
        if node.op_type in WEIGHTED or weighed.intersection(node.input):
            weighed.update(node.output)
        elif raw.intersection(node.input):
            raw.update(node.output)
    return {node.output[0] for node in graph.graph.node if node.output[0] in raw}


def after_mask(graph: Graph) -> set[str]:
    """Nodes that take the mask of symbols or numbers that it was added to."""
    masked = {MASK}
    found = set()
    for node in graph.graph.node:
        if masked.intersection(node.input):
            found.add(node.output[0])
            if node.op_type != "ArgMax":  # a symbol is no logit: what is looked up by it may be float16
                masked.update(node.output)
    return found


def grids(graph: Graph) -> set[str]:
    """GridSample, and all from the last convolution of its localisation network on."""
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
    """Whether a node is a convolution, its rectifier, or what decodes the two from int8."""
    before = graph.producer.get(node.input[0])
    rectifies = node.op_type == "Relu" and before is not None and before.op_type == "Conv"
    return rectifies or node.op_type in ("Conv", "DequantizeLinear")
