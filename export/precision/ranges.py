"""Between which values do activations lie? Measured on pictures, one at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ...runtime.errors import ExportError
from .qdq import Range

if TYPE_CHECKING:
    import onnx

Arrays = dict[str, NDArray[Any]]


def measure_ranges(model: onnx.ModelProto, names: Sequence[str], inputs: Iterable[Arrays]) -> dict[str, Range]:
    """The smallest and the largest value of each tensor in `names` over all `inputs` of the graph.

    The graph itself finds the two, so that no activation is ever kept: memory does not grow with `inputs`.

    Raises:
        ExportError: an activation is not finite, or there are no inputs.
    """
    run = session_of(with_extremes(model, names))
    rows = [np.array(run(each), np.float64).reshape(len(names), 2) for each in inputs]
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
    """A copy of a graph whose outputs are the smallest and the largest value of each tensor in `names`, in turn."""
    import onnx
    from onnx import TensorProto, helper

    copy = onnx.ModelProto()
    copy.CopyFrom(model)
    del copy.graph.output[:]
    for name in names:
        for operator in ("ReduceMin", "ReduceMax"):
            result = f"{name}.{operator}"
            copy.graph.node.append(helper.make_node(operator, [name], [result], keepdims=0))
            copy.graph.output.append(helper.make_tensor_value_info(result, TensorProto.FLOAT, []))
    return copy


def session_of(model: onnx.ModelProto) -> Callable[[Arrays], list[NDArray[Any]]]:
    """A graph in memory as a function from its inputs by name to its outputs in order."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    contents = model.SerializeToString()
    session = onnxruntime.InferenceSession(contents, options, providers=["CPUExecutionProvider"])

    def run(inputs: Arrays) -> list[NDArray[Any]]:
        outputs: list[NDArray[Any]] = session.run(None, inputs)
        return outputs

    return run
