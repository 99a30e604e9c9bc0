"""How much arithmetic a graph asks for: no machine is faster than that over its peak."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from math import prod
from pathlib import Path
from typing import TYPE_CHECKING

from ..runtime.bundles.bundle import Bundle
from ..runtime.bundles.manifest import Kind
from ..runtime.detector import Detector
from ..runtime.geometry.crops import plan_cut
from ..runtime.geometry.images import Frame

if TYPE_CHECKING:
    import onnx

Shapes = Mapping[str, tuple[int, ...]]
LOOKED_AT = 9
"""Frames, evenly taken, that tell how many windows and crops one has; reading all would take its time."""


def gflop(path: Path, inputs: Mapping[str, Sequence[int]]) -> float:
    """Return billions of multiplications and additions of an ONNX file: convolutions, matrix products and LSTMs.

    The graph is one without control flow, and every input has its shape.

    Raises:
        ValueError: the shape of one of them does not follow from the inputs.
    """
    import onnx

    model = onnx.load(str(path))
    for value in model.graph.input:
        for axis, size in zip(value.type.tensor_type.shape.dim, inputs[value.name], strict=True):
            axis.dim_value = size
    del model.graph.value_info[:]
    for value in model.graph.output:
        value.type.tensor_type.ClearField("shape")
    graph = onnx.shape_inference.infer_shapes(model, strict_mode=True, data_prop=True).graph
    shapes = {value.name: tuple(value.dims) for value in graph.initializer} | {
        value.name: tuple(axis.dim_value for axis in value.type.tensor_type.shape.dim)
        for value in (*graph.input, *graph.value_info, *graph.output)
    }
    return sum(COUNTS[node.op_type](node, shapes) for node in graph.node if node.op_type in COUNTS) / 1e9


def gflop_of(bundle: Bundle, kind: Kind, shape: tuple[int, int, int, int]) -> float:
    """Return billions of floating-point operations for an input of this shape (N, H, W, C)."""
    if kind == "detector":
        return gflop(bundle.file(kind), {"image": shape})
    spec = bundle.recognizer
    return gflop(bundle.file(kind), {"crops": shape, "allowed": (spec.classes,)})


def gflop_of_frames(bundle: Bundle, detector: Detector, frames: Sequence[Frame]) -> dict[Kind, float]:
    """Return each network's billions of operations a frame, with the frames' canvases, and crops of their widths.

    Of the frames, one or more, (H, W, 3) uint8 BGR, every so manyth is searched for its windows and its crops.
    """
    canvases = Counter(plan.canvas_hw for frame in frames for plan in detector.plans(*frame.shape[:2]))
    windows: Counter[tuple[int, int]] = Counter()
    crops: Counter[tuple[int, int]] = Counter()
    looked, spec = frames[:: -(-len(frames) // LOOKED_AT)], bundle.recognizer
    for frame in looked:
        looking = detector.start(frame)
        for region in detector.finish(looking):
            crops[spec.image_hw[0], plan_cut(spec, frame, region.quad, spec.margin).width] += 1
        windows.update(window.plan.canvas_hw for window in looking.windows)

    def total(kind: Kind, sizes: Mapping[tuple[int, int], int], channels: int) -> float:
        return sum(count * gflop_of(bundle, kind, (1, *hw, channels)) for hw, count in sizes.items())

    return {
        "detector": total("detector", canvases, 3) / len(frames) + total("detector", windows, 3) / len(looked),
        "recognizer": total("recognizer", crops, spec.channels) / len(looked),
    }


def _convolution(node: onnx.NodeProto, shapes: Shapes) -> int:
    """Every output is a sum over one filter, whose shape is (outputs, inputs / groups, height, width)."""
    return 2 * _size(node.output[0], shapes) * prod(shapes[node.input[1]][1:])


def _product(node: onnx.NodeProto, shapes: Shapes) -> int:
    """Every output is a sum over the axis that both factors share: the first one's last (Gemm may turn it)."""
    turned = any(attribute.name == "transA" and attribute.i for attribute in node.attribute)
    return 2 * _size(node.output[0], shapes) * _known(node.input[0], shapes)[-2 if turned else -1]


def _lstm(node: onnx.NodeProto, shapes: Shapes) -> int:
    """Every step multiplies with W (ways, 4 hidden, inputs) and R (ways, 4 hidden, hidden)."""
    steps, batch, _ = _known(node.input[0], shapes)
    return 2 * steps * batch * sum(_size(name, shapes) for name in node.input[1:3])


def _size(name: str, shapes: Shapes) -> int:
    return prod(_known(name, shapes))


def _known(name: str, shapes: Shapes) -> tuple[int, ...]:
    shape = shapes.get(name)
    if shape is None or 0 in shape:
        raise ValueError(f"{name}: expected a shape that follows from the inputs, got {shape}; simplify the graph")
    return shape


COUNTS: dict[str, Callable[[onnx.NodeProto, Shapes], int]] = {
    "Conv": _convolution,
    "Gemm": _product,
    "MatMul": _product,
    "LSTM": _lstm,
}
