"""An int8 graph for TensorRT: chosen convolutions take and give int8 codes around 0, all else as it was.

A pair of QuantizeLinear and DequantizeLinear (QDQ) stands before each chosen convolution and behind its rectifier,
weights are stored in int8 with one scale an output channel and all eight bits, biases stay numbers. TensorRT
moves the pairs along the graph and merges them into its kernels itself (TensorRT developer guide, "Explicit
quantization"), so that poolings and joins need none of their own.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from .folding import Graph, written_anew
from .qdq import Layer, convolution_of, is_plain, layer_of

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    import onnx

    from .qdq import Range

LIMIT = 127
"""Largest magnitude of a code."""

FEWEST_CHANNELS = 5
"""Convolutions of fewer in or out are the first and the last ones: little work, and the most harm in int8."""

SMALLEST_SCALE = 2.0**-14
"""Smallest number that float16 holds with all its digits: scales are float16 where the graph is."""


def layers(graph: Graph) -> list[Layer]:
    """The convolutions that may be int8, in the graph's order."""
    return [layer_of(graph, node) for node in graph.graph.node if node.op_type == "Conv" and may_be_int8(graph, node)]


def may_be_int8(graph: Graph, conv: onnx.NodeProto) -> bool:
    """Whether a convolution has fixed weights, enough channels, and weights whose scales float16 holds."""
    if not is_plain(graph, conv):
        return False
    weights = graph.array(conv.input[1])
    largest = np.abs(weights).reshape(len(weights), -1).max(axis=1)
    return min(weights.shape[:2]) >= FEWEST_CHANNELS and bool((largest[largest > 0] >= LIMIT * SMALLEST_SCALE).all())


def quantize(model: onnx.ModelProto, chosen: Collection[Layer], ranges: Mapping[str, Range]) -> onnx.ModelProto:
    """A copy of a folded graph in which the layers `chosen` are int8.

    `ranges` holds the smallest and largest value of each of their `tensors`.
    """
    return written_anew(model, lambda graph: Writer(graph, chosen, ranges))


class Writer:
    """Writes the nodes of a graph anew, in their order, with QDQ pairs around chosen layers."""

    def __init__(self, graph: Graph, chosen: Collection[Layer], ranges: Mapping[str, Range]) -> None:
        self.graph, self.ranges = graph, ranges
        self.convolutions = {convolution_of(graph, layer.result) for layer in chosen}
        self.results = {layer.result for layer in chosen}
        self.nodes: list[onnx.NodeProto] = []
        self.coded: dict[str, str] = {}

    def take(self, node: onnx.NodeProto) -> None:
        """Write one node of the old graph, and the pairs that it needs."""
        import onnx

        fresh = onnx.NodeProto()
        fresh.CopyFrom(node)
        if node.output[0] in self.convolutions:
            fresh.input[0] = self.pair(node.input[0])
            fresh.input[1] = self.weights(node.input[1])
        elif node.op_type not in ("Add", "Shape"):  # TensorRT adds inside the convolution, before it rounds
            fresh.input[:] = [self.pair(name) if name in self.results else name for name in node.input]
        self.nodes.append(fresh)

    def pair(self, tensor: str) -> str:
        """The tensor as its int8 codes say it, for one node alone."""
        if tensor not in self.coded:
            before = self.graph.producer.get(tensor)
            low, high = self.ranges[before.input[0] if self.pooled(before) and before else tensor]
            scale = half_scale(np.array(max(-low, high) / LIMIT))
            self.graph.store(f"{tensor}.scale", scale)
            self.graph.store(f"{tensor}.zero", np.array(0, np.int8))
            self.coded[tensor] = f"{tensor}.codes"
            self.add("QuantizeLinear", [tensor, f"{tensor}.scale", f"{tensor}.zero"], self.coded[tensor])
        inputs = [self.coded[tensor], f"{tensor}.scale", f"{tensor}.zero"]
        return self.add("DequantizeLinear", inputs, f"{tensor}.{len(self.nodes)}")

    def pooled(self, node: onnx.NodeProto | None) -> bool:
        """Whether a node pools a tensor that has codes: those of the maxima are the same then."""
        return node is not None and node.op_type == "MaxPool" and node.input[0] in self.results

    def weights(self, name: str) -> str:
        """Stored weights as their int8 codes say them."""
        numbers = self.graph.array(name).astype(np.float64)
        scales = half_scale(np.abs(numbers).reshape(len(numbers), -1).max(axis=1) / LIMIT)
        codes = np.rint(numbers / scales.reshape(-1, *[1] * (numbers.ndim - 1))).astype(np.int8)
        inputs = [
            self.graph.store(f"{name}.int8", codes),
            self.graph.store(f"{name}.scale", scales),
            self.graph.store(f"{name}.zero", np.zeros(len(codes), np.int8)),
        ]
        return self.add("DequantizeLinear", inputs, f"{name}.{len(self.nodes)}", axis=0)

    def add(self, operator: str, inputs: list[str], output: str, **attributes: Any) -> str:
        """Write a new node; returns its output."""
        from onnx import helper

        self.nodes.append(helper.make_node(operator, inputs, [output], name=f"{operator}.{output}", **attributes))
        return output


def half_scale(scales: NDArray[np.float64]) -> NDArray[np.float32]:
    """The next larger scales that float16 holds exactly, so that a code means the same in both precisions."""
    wanted = np.maximum(scales, SMALLEST_SCALE)
    near = wanted.astype(np.float16)
    up = np.where(near < wanted, np.nextafter(near, np.float16(np.inf)), near)
    return up.astype(np.float32)
