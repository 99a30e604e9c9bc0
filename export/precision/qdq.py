"""An int8 graph: chosen convolutions between QuantizeLinear and DequantizeLinear (QDQ), all else as it was.

Activations are uint8 with one scale a tensor, weights int8 with one scale an output channel. Weights use
seven of their eight bits: AVX2 adds two products of uint8 and int8 in 16 bits, which saturate at
255 · 127 · 2 but not at 255 · 64 · 2, so that the file gives the same numbers with and without VNNI.

Resizing is float32 between two codes: on uint8, ONNX Runtime (1.32) cuts off instead of rounding, and is slower.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from .folding import Graph, layer_name, written_anew

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    import onnx

Range = tuple[float, float]
"""Smallest and largest value of a tensor."""

WEIGHT_LIMIT = 64
"""Largest magnitude of a weight: seven bits."""

INPUT_PACK, OUTPUT_PACK = 4, 16
"""ONNX Runtime's fast int8 kernels on x86 take input and output channels in multiples of these; with other
counts a convolution of these networks is slower in int8 than in float32 (measured on AVX2)."""


@dataclass(frozen=True)
class Layer:
    """A convolution, with the rectifier behind it if there is one."""

    name: str
    """Of the node, as reports say it: the stored name of its weights."""
    source: str
    """Tensor that it takes."""
    result: str
    """Tensor that it gives, after its rectifier."""


def layers(graph: Graph) -> list[Layer]:
    """The convolutions that int8 kernels speed up, in the graph's order."""
    return [layer_of(graph, node) for node in graph.graph.node if node.op_type == "Conv" and is_fast(graph, node)]


def is_fast(graph: Graph, conv: onnx.NodeProto) -> bool:
    """Whether a convolution has the channels that int8 kernels are made for, and fixed weights."""
    if not is_plain(graph, conv):
        return False
    outputs, inputs = graph.initializers[conv.input[1]].dims[:2]
    return bool(inputs % INPUT_PACK == 0 and outputs % OUTPUT_PACK == 0)


def is_plain(graph: Graph, conv: onnx.NodeProto) -> bool:
    """Whether a convolution has one group and fixed weights, and its result is not the graph's."""
    group = next((item.i for item in conv.attribute if item.name == "group"), 1)
    stored = all(name in graph.initializers for name in conv.input[1:])
    return group == 1 and stored and conv.output[0] not in graph.outputs


def layer_of(graph: Graph, conv: onnx.NodeProto) -> Layer:
    """A convolution and its rectifier."""
    after = graph.only_user(conv.output[0])
    rectified = after is not None and after.op_type == "Relu" and after.output[0] not in graph.outputs
    result = after.output[0] if after is not None and rectified else conv.output[0]
    return Layer(layer_name(conv.input[1]), conv.input[0], result)


def convolution_of(graph: Graph, result: str) -> str:
    """Output of the convolution of a layer."""
    node = graph.producer[result]
    return str(node.input[0]) if node.op_type == "Relu" else result


def tensors(found: Collection[Layer]) -> list[str]:
    """Tensors whose ranges are needed to quantise these layers."""
    return sorted({name for layer in found for name in (layer.source, layer.result)})


def quantize(model: onnx.ModelProto, chosen: Collection[Layer], ranges: Mapping[str, Range]) -> onnx.ModelProto:
    """A copy of a folded graph in which the layers `chosen` are int8.

    `ranges` holds the smallest and largest value of each of their `tensors`.
    """
    return written_anew(model, lambda graph: Writer(graph, {layer.result: layer for layer in chosen}, ranges))


@dataclass
class Coded:
    """A tensor as bytes."""

    name: str
    """The uint8 tensor."""
    scale: str
    """Stored float32 number."""
    zero: str
    """Stored uint8 number."""


class Writer:
    """Writes the nodes of a graph anew, one by one in their order, with those around chosen layers in int8."""

    def __init__(self, graph: Graph, chosen: Mapping[str, Layer], ranges: Mapping[str, Range]) -> None:
        self.graph, self.chosen, self.ranges = graph, chosen, ranges
        self.sources = {layer.source for layer in chosen.values()}
        self.convolutions = {convolution_of(graph, name) for name in chosen}
        self.nodes: list[onnx.NodeProto] = []
        self.coded: dict[str, Coded] = {}
        self.bytes_only: set[str] = set()

    def take(self, node: onnx.NodeProto) -> None:
        """Write one node of the old graph, and what it needs in the new one."""
        inputs, output = list(node.input), node.output[0]
        if output in self.convolutions:
            self.encode(inputs[0])
            inputs = [self.decoded(inputs[0]), *self.constants(node)]
        elif node.op_type == "Shape" and inputs[0] in self.bytes_only:
            inputs = [self.coded[inputs[0]].name]
        elif node.op_type == "MaxPool" and inputs[0] in self.bytes_only and output not in self.graph.outputs:
            before = self.coded[inputs[0]]
            self.coded[output] = Coded(f"{output}.bytes", before.scale, before.zero)
            self.bytes_only.add(output)
            inputs[0], output = before.name, f"{output}.bytes"
        else:
            inputs = [self.decoded(name) if name in self.bytes_only else name for name in inputs]
        self.copy(node, inputs, output)
        joined = node.op_type == "Concat" and output in self.sources and self.bytes_only.issuperset(node.input)
        if output in self.chosen or joined:
            self.encode(output)
            self.bytes_only.add(output)
        elif node.op_type == "Resize" and (joining := self.joining(output)):
            self.encode(output, joining)
            self.bytes_only.add(output)

    def joining(self, tensor: str) -> str | None:
        """What a tensor is joined to for a chosen layer, if that is all it is for."""
        user = self.graph.only_user(tensor)
        joined = user.output[0] if user is not None and user.op_type == "Concat" else None
        return joined if joined in self.sources else None

    def copy(self, node: onnx.NodeProto, inputs: list[str], output: str) -> None:
        """The node with other inputs and another first output."""
        import onnx

        fresh = onnx.NodeProto()
        fresh.CopyFrom(node)
        fresh.input[:] = inputs
        fresh.output[0] = output
        self.nodes.append(fresh)

    def encode(self, tensor: str, ranged: str | None = None) -> None:
        """Make the uint8 twin of a tensor, once; `ranged`: the tensor whose range it has, if not its own."""
        if tensor in self.coded:
            return
        scale, zero = byte_code(*self.ranges[ranged or tensor])
        coded = Coded(
            f"{tensor}.bytes",
            self.graph.store(f"{tensor}.scale", np.array(scale, np.float32)),
            self.graph.store(f"{tensor}.zero", np.array(zero, np.uint8)),
        )
        self.coded[tensor] = coded
        self.add("QuantizeLinear", [tensor, coded.scale, coded.zero], coded.name)

    def decoded(self, tensor: str) -> str:
        """A tensor's numbers from its bytes, for one node alone."""
        coded = self.coded[tensor]
        return self.add("DequantizeLinear", [coded.name, coded.scale, coded.zero], f"{tensor}.{len(self.nodes)}")

    def constants(self, conv: onnx.NodeProto) -> list[str]:
        """Weights as int8 and bias as int32, decoded: one scale an output channel."""
        weights = self.graph.array(conv.input[1]).astype(np.float64)
        bias = self.graph.array(conv.input[2]).astype(np.float64) if len(conv.input) > 2 else np.zeros(len(weights))
        step = float(self.graph.array(self.coded[conv.input[0]].scale))
        scales = weight_scales(weights, bias, step)
        whole = np.rint(weights / scales[:, None, None, None]).astype(np.int8)
        shifts = np.rint(bias / (scales.astype(np.float64) * step)).astype(np.int32)
        name = conv.output[0]
        return [
            self.decoded_constant(f"{name}.int8", whole, scales),
            self.decoded_constant(f"{name}.int32", shifts, scales * np.float32(step)),
        ]

    def decoded_constant(self, name: str, codes: NDArray[Any], scales: NDArray[np.float32]) -> str:
        """Stored whole numbers, decoded: one scale an output channel, zero point 0."""
        zeros = self.graph.store(f"{name}.zero", np.zeros(len(codes), codes.dtype))
        inputs = [self.graph.store(name, codes), self.graph.store(f"{name}.scale", scales), zeros]
        return self.add("DequantizeLinear", inputs, f"{name}.numbers", axis=0)

    def add(self, operator: str, inputs: list[str], output: str, **attributes: Any) -> str:
        """Write a new node; returns its output."""
        from onnx import helper

        self.nodes.append(helper.make_node(operator, inputs, [output], name=f"{operator}.{output}", **attributes))
        return output


def byte_code(smallest: float, largest: float) -> tuple[float, int]:
    """Scale and zero point under which a range that is widened to hold 0 fills the 256 values of a byte."""
    low, high = min(smallest, 0.0), max(largest, 0.0)
    scale = max((high - low) / 255, 1e-8)
    return scale, round(-low / scale)


def weight_scales(weights: NDArray[np.float64], bias: NDArray[np.float64], step: float) -> NDArray[np.float32]:
    """Scale of each output channel: its largest weight becomes `WEIGHT_LIMIT`, and its bias fits 32 bits."""
    largest = np.abs(weights).reshape(len(weights), -1).max(axis=1)
    scales: NDArray[np.float32] = np.maximum(largest / WEIGHT_LIMIT, np.abs(bias) / (step * 2**30)).astype(np.float32)
    return np.maximum(scales, np.float32(1e-12))
