#!/usr/bin/env bash
# onnxruntime's quantize_dynamic(per_channel=True) does so for a plain MatMul only.
# Expected: a scale for each output channel of Conv and for each column of a MatMul, so that channels
# of small weights survive; quantize_static does it for Conv.
# Seen: Conv silently gets one scale for all channels, and small channels become zeros; a MatMul with
# weights for each item of the batch becomes a model that loads but fails at every run.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv --without-pip venv
python3 -m pip --python venv/bin/python install --quiet --no-compile \
    onnxruntime==1.32.0 onnx==1.23.2 numpy==2.4.6

venv/bin/python - <<'PY'
import logging
import sys

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, checker, helper, numpy_helper
from onnxruntime.quantization import quantize_dynamic

logging.disable(logging.WARNING)
onnxruntime.set_default_logger_severity(4)
print("onnxruntime", onnxruntime.__version__, "onnx", onnx.__version__)
rng = np.random.default_rng(0)
small_to_large = np.array([0.001, 0.1, 1, 100], np.float32)  # the size of each channel's weights


def run(path, x):
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    try:
        return session.run(None, {"x": x})[0]
    except onnxruntime.capi.onnxruntime_pybind11_state.Fail:
        return None


def quantize(op_type, x_shape, w_shape, channel_axis):
    """Return the shape of the weights' scale, and which of the four channels become (nearly) zero."""
    sizes = small_to_large.reshape([4 if a == channel_axis else 1 for a in range(len(w_shape))])
    x = rng.standard_normal(x_shape).astype(np.float32)
    w = (rng.standard_normal(w_shape) * sizes).astype(np.float32)
    graph = helper.make_graph(
        [helper.make_node(op_type, ["x", "w"], ["y"], name="node")],
        op_type,
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, x_shape)],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [None] * len(x_shape))],
        [numpy_helper.from_array(w, "w")],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=8)
    checker.check_model(model, full_check=True)
    onnx.save(model, "float.onnx")
    # reduce_range: no sum of two products may pass 16 bits on a processor without VNNI
    quantize_dynamic("float.onnx", "int8.onnx", per_channel=True, reduce_range=True)
    quantized = onnx.load("int8.onnx")
    checker.check_model(quantized)
    scale = next(list(t.dims) for t in quantized.graph.initializer if t.name == "w_scale")
    before, after = run("float.onnx", x), run("int8.onnx", x)
    if after is None:
        return scale, "fails at run"
    others = tuple(a for a in range(before.ndim) if a != (1 if op_type == "Conv" else before.ndim - 1))
    left = np.square(after).sum(others) / np.square(before).sum(others)
    return scale, [channel for channel in range(4) if left[channel] < 0.1]


cases = {
    "MatMul, one matrix": quantize("MatMul", [8, 6], [6, 4], 1),
    "Conv": quantize("Conv", [1, 3, 8, 8], [4, 3, 3, 3], 0),
    "MatMul, a matrix for each item": quantize("MatMul", [2, 8, 6], [2, 6, 4], 2),
}
for name, (scale, lost) in cases.items():
    print(f"{name}: shape of the weights' scale {scale}, lost channels: {lost}")
print("expected: four scales and no lost channel, or an error when quantizing")
wanted = {
    "MatMul, one matrix": ([4], []),
    "Conv": ([], [0, 1]),
    "MatMul, a matrix for each item": ([4], "fails at run"),
}
if cases != wanted:
    sys.exit(f"changed: expected {wanted}")
PY
