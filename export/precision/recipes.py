"""How a network becomes one of fewer bits, precision by precision: its layers, and the graph with some of them."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ...runtime.errors import ExportError
from ..onnx_file import Arrays, session_of
from ..onnx_graph import Graph, copied
from . import half, int8

if TYPE_CHECKING:
    import onnx

Make = Callable[[Collection[str]], "onnx.ModelProto"]


@dataclass(frozen=True)
class Recipe:
    """One folded graph and one precision."""

    layers: Sequence[str]
    """Names of the layers that may have fewer bits, in the graph's order."""
    pinned: Sequence[str]
    """Names of those that stay float32 whatever the gate says: asked for, or float16 cannot hold their numbers."""
    make: Make
    """The graph in which these layers, and only these, have fewer bits."""
    rehearse: Callable[[onnx.ModelProto], onnx.ModelProto]
    """A float32 graph that gives on a CPU what the graph gives where it is meant for."""


def recipe(precision: str, model: onnx.ModelProto, inputs: Iterable[Arrays], keep: Collection[str] = ()) -> Recipe:
    """Return what to do to a folded float32 graph, after its activations were measured on `inputs`.

    `precision`: "int8" for CPUs, "fp16" for GPUs, "int8-trt" for TensorRT; `keep`: layers that stay float32.

    Raises:
        ExportError: no such precision or layer, nothing to quantise, or an activation is not finite.
    """
    ways = {"int8": for_cpus, "fp16": in_half, "int8-trt": for_tensorrt}
    if precision not in ways:
        raise ExportError(f"expected a precision of {', '.join(ways)}, got {precision!r}")
    known = [part.name for part in half.parts(Graph(model))]
    if unknown := sorted(set(keep).difference(known)):
        raise ExportError(f"expected layers to keep, got {', '.join(unknown)}; the network has {', '.join(known)}")
    found = ways[precision](model, inputs, keep)
    if not found.layers:
        raise ExportError(f"expected layers that can be {precision}, got none; leave it in fp32")
    return found


def for_cpus(model: onnx.ModelProto, inputs: Iterable[Arrays], keep: Collection[str]) -> Recipe:
    """Put convolutions that CPU kernels are fast with in int8."""
    found = {layer.name: layer for layer in int8.cpu_layers(Graph(model)) if layer.name not in keep}
    ranges = measure_ranges(model, int8.tensors(found.values()), inputs) if found else {}

    def make(chosen: Collection[str]) -> onnx.ModelProto:
        return int8.quantize(model, [found[name] for name in found if name in chosen], ranges, int8.CpuWriter)

    return Recipe(list(found), sorted(keep), make, lambda made: made)


def in_half(model: onnx.ModelProto, inputs: Iterable[Arrays], keep: Collection[str]) -> Recipe:
    """Put all in float16 but what `half` says."""
    graph = Graph(model)
    ranges = measure_ranges(model, half.activations(graph), inputs)
    pinned, single, found = split_parts(graph, ranges, keep)

    def make(chosen: Collection[str]) -> onnx.ModelProto:
        return half.halve(model, single.union(*(part.nodes for part in found if part.name not in chosen)))

    return Recipe([part.name for part in found], pinned, make, half.rehearsal)


def for_tensorrt(model: onnx.ModelProto, inputs: Iterable[Arrays], keep: Collection[str]) -> Recipe:
    """Put convolutions in int8 around 0, the others in float16."""
    graph = Graph(model)
    ranges = measure_ranges(model, half.activations(graph), inputs)
    pinned, single, parts = split_parts(graph, ranges, keep)
    found = {layer.name: layer for layer in int8.tensorrt_layers(graph) if layer.name not in pinned}

    def make(chosen: Collection[str]) -> onnx.ModelProto:
        coded = int8.quantize(model, [found[name] for name in found if name in chosen], ranges, int8.TensorRTWriter)
        left = [part.nodes for part in parts if part.name in found and part.name not in chosen]
        return half.halve(coded, single.union(*left))

    return Recipe(list(found), pinned, make, half.rehearsal)


def split_parts(
    graph: Graph, ranges: dict[str, int8.Range], keep: Collection[str]
) -> tuple[list[str], set[str], list[half.Part]]:
    """Return the names of the layers that must be float32, all nodes that must, and the layers that may be float16."""
    single = half.touching(graph, half.too_wide(graph, ranges))
    free, pinned = [], []
    for part in half.parts(graph):
        if part.name in keep or part.nodes & single:
            pinned.append(part)
        elif not part.fixed:
            free.append(part)
    return [part.name for part in pinned], single.union(*(part.nodes for part in pinned)), free


def measure_ranges(model: onnx.ModelProto, names: Sequence[str], inputs: Iterable[Arrays]) -> dict[str, int8.Range]:
    """Return the smallest and the largest value of each tensor in `names` over all `inputs` of the graph.

    The graph itself finds the two, so that no activation is ever kept: memory does not grow with `inputs`.

    Raises:
        ExportError: an activation is not finite, or there are no inputs.
    """
    run = session_of(with_extremes(model, names))
    rows = [np.array([*run(arrays).values()], np.float64).reshape(len(names), 2) for arrays in inputs]
    if not rows:
        raise ExportError("expected something to calibrate on, got no input; give other pictures")
    seen = np.stack(rows)
    broken = ~np.isfinite(seen).all(axis=(0, 2))
    if broken.any():
        raise ExportError(f"expected finite activations, got others in {names[int(broken.argmax())]}; export again")
    return {
        name: (float(low), float(high))
        for name, low, high in zip(names, seen[..., 0].min(axis=0), seen[..., 1].max(axis=0), strict=True)
    }


def with_extremes(model: onnx.ModelProto, names: Sequence[str]) -> onnx.ModelProto:
    """Return a copy of a graph whose outputs are the smallest and the largest value of each tensor, in turn."""
    from onnx import TensorProto, helper

    copy = copied(model)
    del copy.graph.output[:]
    for name in names:
        for operator in ("ReduceMin", "ReduceMax"):
            result = f"{name}.{operator}"
            copy.graph.node.append(helper.make_node(operator, [name], [result], keepdims=0))
            copy.graph.output.append(helper.make_tensor_value_info(result, TensorProto.FLOAT, []))
    return copy
