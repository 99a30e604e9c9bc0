"""int8 graphs: chosen convolutions between QuantizeLinear and DequantizeLinear (QDQ), all else as it was.

For CPUs, activations are uint8 with one scale a tensor, weights int8 with one scale an output channel. Weights use
seven of their eight bits: AVX2 adds two products of uint8 and int8 in 16 bits, which saturate at
255 · 127 · 2 but not at 255 · 64 · 2, so that the file gives the same numbers with and without VNNI.
Resizing is float32 between two codes: on uint8, ONNX Runtime (1.32) cuts off instead of rounding, and is slower.

For TensorRT, codes are int8 around 0, weights have all eight bits, and biases stay numbers. A pair stands before each
chosen convolution and behind its rectifier; TensorRT moves the pairs along the graph and merges them into its kernels
itself (TensorRT developer guide, "Explicit quantization"), so that poolings and joins need none of their own.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ..onnx_graph import Graph, Writer, copied, layer_name, written_anew

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping

    import onnx

Range = tuple[float, float]
"""Smallest and largest value of a tensor."""

WEIGHT_LIMIT = 64
"""Largest magnitude of a weight for CPUs: seven bits."""
INPUT_PACK, OUTPUT_PACK = 4, 16
"""ONNX Runtime's fast int8 kernels on x86 take input and output channels in multiples of these; with other
counts a convolution of these networks is slower in int8 than in float32 (measured on AVX2)."""

SYMMETRIC_LIMIT = 127
"""Largest magnitude of a code for TensorRT."""
FEWEST_CHANNELS = 5
"""Convolutions of fewer in or out are the first and the last ones: little work, and the most harm in int8."""
SMALLEST_SCALE = 2.0**-14
"""Smallest number that float16 holds with all its digits: scales for TensorRT are float16 where the graph is."""


@dataclass(frozen=True)
class Layer:
    """A convolution, with the rectifier behind it if there is one."""

    name: str
    """Of the node, as reports say it: the stored name of its weights."""
    source: str
    """Tensor that it takes."""
    result: str
    """Tensor that it gives, after its rectifier."""


def cpu_layers(graph: Graph) -> list[Layer]:
    """Return the convolutions that CPU kernels speed up in int8, in the graph's order."""
    return layers(graph, lambda weights: weights.shape[1] % INPUT_PACK == 0 and len(weights) % OUTPUT_PACK == 0)


def tensorrt_layers(graph: Graph) -> list[Layer]:
    """Return the convolutions with enough channels, and weights whose scales float16 holds, in the graph's order."""

    def fits(weights: NDArray[Any]) -> bool:
        largest = largest_weights(weights)
        held = largest[largest > 0] >= SYMMETRIC_LIMIT * SMALLEST_SCALE
        return min(weights.shape[:2]) >= FEWEST_CHANNELS and bool(held.all())

    return layers(graph, fits)


def layers(graph: Graph, suits: Callable[[NDArray[Any]], bool]) -> list[Layer]:
    """Return the convolutions of one group whose fixed weights suit, and whose result is not the graph's."""
    return [
        layer_of(graph, node)
        for node in graph.graph.node
        if node.op_type == "Conv" and is_plain(graph, node) and suits(graph.array(node.input[1]))
    ]


def is_plain(graph: Graph, conv: onnx.NodeProto) -> bool:
    """Return whether a convolution has one group and fixed weights, and its result is not the graph's."""
    group = next((item.i for item in conv.attribute if item.name == "group"), 1)
    stored = all(name in graph.initializers for name in conv.input[1:])
    return group == 1 and stored and conv.output[0] not in graph.outputs


def layer_of(graph: Graph, conv: onnx.NodeProto) -> Layer:
    """Return a convolution and its rectifier."""
    after = graph.only_user(conv.output[0])
    rectified = after is not None and after.op_type == "Relu" and after.output[0] not in graph.outputs
    result = after.output[0] if after is not None and rectified else conv.output[0]
    return Layer(layer_name(conv.input[1]), conv.input[0], result)


def tensors(found: Collection[Layer]) -> list[str]:
    """Return the tensors whose ranges are needed to quantise these layers."""
    return sorted({name for layer in found for name in (layer.source, layer.result)})


def quantize(
    model: onnx.ModelProto, chosen: Collection[Layer], ranges: Mapping[str, Range], writer: type[CodeWriter]
) -> onnx.ModelProto:
    """Return a copy of a folded graph in which the layers `chosen` are int8, as a writer for their device says.

    `ranges` holds the smallest and largest value of each of their `tensors`.
    """
    return written_anew(model, lambda graph: writer(graph, chosen, ranges))


class CodeWriter(Writer):
    """Writes the nodes around chosen layers in int8."""

    def __init__(self, graph: Graph, chosen: Collection[Layer], ranges: Mapping[str, Range]) -> None:
        super().__init__(graph)
        self.ranges = ranges
        self.sources, self.results = {layer.source for layer in chosen}, {layer.result for layer in chosen}
        self.convolutions = {convolution_of(graph, result) for result in self.results}

    def copy(self, node: onnx.NodeProto, inputs: list[str], output: str) -> None:
        """Write a node with other inputs and another first output."""
        fresh = copied(node)
        fresh.input[:] = inputs
        fresh.output[0] = output
        self.nodes.append(fresh)

    def decoded_constant(self, name: str, output: str, codes: NDArray[Any], scales: NDArray[np.float32]) -> str:
        """Store whole numbers and decode them, with one scale an output channel and zero point 0; return the output."""
        zeros = self.graph.store(f"{name}.zero", np.zeros(len(codes), codes.dtype))
        inputs = [self.graph.store(name, codes), self.graph.store(f"{name}.scale", scales), zeros]
        return self.add("DequantizeLinear", inputs, output, axis=0)


@dataclass
class Coded:
    """A tensor as bytes."""

    name: str
    """The uint8 tensor."""
    scale: str
    """Stored float32 number."""
    zero: str
    """Stored uint8 number."""


class CpuWriter(CodeWriter):
    """Layers take and give bytes, and so do the poolings, joins and resizings between two of them."""

    def __init__(self, graph: Graph, chosen: Collection[Layer], ranges: Mapping[str, Range]) -> None:
        super().__init__(graph, chosen, ranges)
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
        if output in self.results or joined:
            self.encode(output)
            self.bytes_only.add(output)
        elif node.op_type == "Resize" and (joining := self.joining(output)):
            self.encode(output, joining)
            self.bytes_only.add(output)

    def joining(self, tensor: str) -> str | None:
        """Return what a tensor is joined to for a chosen layer, if that is all it is for."""
        user = self.graph.only_user(tensor)
        joined = user.output[0] if user is not None and user.op_type == "Concat" else None
        return joined if joined in self.sources else None

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
        """Decode a tensor's numbers from its bytes, for one node alone."""
        coded = self.coded[tensor]
        return self.add("DequantizeLinear", [coded.name, coded.scale, coded.zero], f"{tensor}.{len(self.nodes)}")

    def constants(self, conv: onnx.NodeProto) -> list[str]:
        """Store weights as int8 and bias as int32, with one scale an output channel; return them decoded."""
        weights = self.graph.array(conv.input[1]).astype(np.float64)
        bias = self.graph.array(conv.input[2]).astype(np.float64) if len(conv.input) > 2 else np.zeros(len(weights))
        step = float(self.graph.array(self.coded[conv.input[0]].scale))
        scales = weight_scales(weights, bias, step)
        whole = np.rint(weights / scales[:, None, None, None]).astype(np.int8)
        shifts = np.rint(bias / (scales.astype(np.float64) * step)).astype(np.int32)
        name = conv.output[0]
        return [
            self.decoded_constant(f"{name}.int8", f"{name}.int8.numbers", whole, scales),
            self.decoded_constant(f"{name}.int32", f"{name}.int32.numbers", shifts, scales * np.float32(step)),
        ]


class TensorRTWriter(CodeWriter):
    """A pair of its own stands before each node that takes a layer's input or result."""

    def __init__(self, graph: Graph, chosen: Collection[Layer], ranges: Mapping[str, Range]) -> None:
        super().__init__(graph, chosen, ranges)
        self.coded: dict[str, str] = {}

    def take(self, node: onnx.NodeProto) -> None:
        """Write one node of the old graph, and the pairs that it needs."""
        inputs = list(node.input)
        if node.output[0] in self.convolutions:
            inputs[:2] = [self.pair(inputs[0]), self.weights(inputs[1])]
        elif node.op_type not in ("Add", "Shape"):  # TensorRT adds inside the convolution, before it rounds
            inputs = [self.pair(name) if name in self.results else name for name in inputs]
        self.copy(node, inputs, node.output[0])

    def pair(self, tensor: str) -> str:
        """Write the tensor as its int8 codes say it, for one node alone."""
        if tensor not in self.coded:
            before = self.graph.producer.get(tensor)
            low, high = self.ranges[before.input[0] if self.pooled(before) and before else tensor]
            scale = half_scale(np.array(max(-low, high) / SYMMETRIC_LIMIT))
            self.graph.store(f"{tensor}.scale", scale)
            self.graph.store(f"{tensor}.zero", np.array(0, np.int8))
            self.coded[tensor] = f"{tensor}.codes"
            self.add("QuantizeLinear", [tensor, f"{tensor}.scale", f"{tensor}.zero"], self.coded[tensor])
        codes = [self.coded[tensor], f"{tensor}.scale", f"{tensor}.zero"]
        return self.add("DequantizeLinear", codes, f"{tensor}.{len(self.nodes)}")

    def pooled(self, node: onnx.NodeProto | None) -> bool:
        """Return whether a node pools a tensor that has codes: those of the maxima are the same then."""
        return node is not None and node.op_type == "MaxPool" and node.input[0] in self.results

    def weights(self, name: str) -> str:
        """Write stored weights as their int8 codes say them."""
        numbers = self.graph.array(name).astype(np.float64)
        scales = half_scale(largest_weights(numbers) / SYMMETRIC_LIMIT)
        codes = np.rint(numbers / scales.reshape(-1, *[1] * (numbers.ndim - 1))).astype(np.int8)
        return self.decoded_constant(f"{name}.int8", f"{name}.{len(self.nodes)}", codes, scales)


def convolution_of(graph: Graph, result: str) -> str:
    """Return the output of the convolution of a layer."""
    node = graph.producer[result]
    return str(node.input[0]) if node.op_type == "Relu" else result


def byte_code(smallest: float, largest: float) -> tuple[float, int]:
    """Return scale and zero point under which a range, widened to hold 0, fills the 256 values of a byte."""
    low, high = min(smallest, 0.0), max(largest, 0.0)
    scale = max((high - low) / 255, 1e-8)
    return scale, round(-low / scale)


def largest_weights(weights: NDArray[Any]) -> NDArray[Any]:
    """Return the largest magnitude of each output channel."""
    largest: NDArray[Any] = np.abs(weights).reshape(len(weights), -1).max(axis=1)
    return largest


def weight_scales(weights: NDArray[np.float64], bias: NDArray[np.float64], step: float) -> NDArray[np.float32]:
    """Return the scale of each output channel: its largest weight is `WEIGHT_LIMIT`, and its bias fits 32 bits."""
    scales = np.maximum(largest_weights(weights) / WEIGHT_LIMIT, np.abs(bias) / (step * 2**30)).astype(np.float32)
    return np.maximum(scales, np.float32(1e-12))


def half_scale(scales: NDArray[np.float64]) -> NDArray[np.float32]:
    """Return the next larger scales that float16 holds exactly, so that a code means the same in both precisions."""
    wanted = np.maximum(scales, SMALLEST_SCALE)
    near = wanted.astype(np.float16)
    up = np.where(near < wanted, np.nextafter(near, np.float16(np.inf)), near)
    return up.astype(np.float32)
