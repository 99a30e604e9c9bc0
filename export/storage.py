"""Weights of LSTMs in half the bytes: float16 in the file, cast when it is loaded, where that is exact.

No backend computes LSTMs in fewer bits, so that their weights would be most of a small recogniser's file. Averaged
weights of the trainer are kept in float16, so that nothing is lost.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import onnx

HALF = ".half"
"""Behind the name of a stored tensor whose values are cast to the tensor of that name."""


def store_in_half(model: onnx.ModelProto) -> None:
    """Store the float32 weights that LSTMs take in float16, in place, if all their values are float16's."""
    from onnx import TensorProto, helper, numpy_helper

    taken = {name for node in model.graph.node if node.op_type == "LSTM" for name in node.input[1:3]}
    for tensor in model.graph.initializer:
        if tensor.name not in taken or tensor.data_type != TensorProto.FLOAT:
            continue
        values = numpy_helper.to_array(tensor)
        with np.errstate(over="ignore"):
            half = values.astype(np.float16)
        if np.array_equal(half.astype(np.float32), values):
            cast = helper.make_node("Cast", [tensor.name + HALF], [tensor.name], to=TensorProto.FLOAT)
            model.graph.node.insert(0, cast)
            tensor.CopyFrom(numpy_helper.from_array(half, tensor.name + HALF))


def restore_from_half(model: onnx.ModelProto) -> None:
    """Undo `store_in_half`, in place."""
    from onnx import numpy_helper

    stored = {tensor.name: tensor for tensor in model.graph.initializer if tensor.name.endswith(HALF)}
    for node in [node for node in model.graph.node if node.op_type == "Cast" and node.input[0] in stored]:
        values = numpy_helper.to_array(stored[node.input[0]]).astype(np.float32)
        stored[node.input[0]].CopyFrom(numpy_helper.from_array(values, node.output[0]))
        model.graph.node.remove(node)
