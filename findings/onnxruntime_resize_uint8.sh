#!/usr/bin/env bash
# ONNX Runtime's linear Resize of uint8 and int8 tensors cuts the fraction off instead of rounding.
# Expected: the nearest integer of the float result, as QuantizeLinear, OpenCV and Pillow round.
# Seen: always towards zero: a uint8 map gets half a step darker on average at each upscaling, an int8
# map shrinks towards 0.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv --without-pip venv
python3 -m pip --python venv/bin/python install --quiet --no-compile \
    onnxruntime==1.32.0 onnx==1.23.2 numpy==2.4.6

venv/bin/python - <<'PY'
import sys

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, checker, helper, numpy_helper

print("onnxruntime", onnxruntime.__version__, "onnx", onnx.__version__)
scales = numpy_helper.from_array(np.array([1, 1, 1, 4], np.float32), "scales")


def upscale(x, tensor_type):
    """Return x (1, 1, 1, W) four times as wide, by linear interpolation."""
    width = x.shape[3]
    node = helper.make_node("Resize", ["x", "", "scales"], ["y"], mode="linear")
    graph = helper.make_graph(
        [node],
        "upscale",
        [helper.make_tensor_value_info("x", tensor_type, [1, 1, 1, width])],
        [helper.make_tensor_value_info("y", tensor_type, [1, 1, 1, 4 * width])],
        [scales],
    )
    opsets = [helper.make_opsetid("", 18)]
    model = helper.make_model(graph, opset_imports=opsets, ir_version=8)
    checker.check_model(model, full_check=True)
    session = onnxruntime.InferenceSession(
        model.SerializeToString(), providers=["CPUExecutionProvider"]
    )
    return session.run(None, {"x": x})[0]


rng = np.random.default_rng(0)
kinds = ((np.uint8, TensorProto.UINT8, 0, 256), (np.int8, TensorProto.INT8, -128, 128))
for dtype, tensor_type, low, high in kinds:
    x = rng.integers(low, high, (1, 1, 1, 500)).astype(dtype)
    exact = upscale(x.astype(np.float32), TensorProto.FLOAT)
    got = upscale(x, tensor_type).astype(np.float32)
    shift = float((np.abs(got) - np.abs(exact)).mean())
    print(f"{dtype.__name__}: float    {exact.ravel()[2:10].tolist()}")
    print(f"{dtype.__name__}: expected {np.rint(exact).ravel()[2:10].tolist()}")
    print(f"{dtype.__name__}: got      {got.ravel()[2:10].tolist()}, |y| off by {shift:+.3f} on average")
    if np.array_equal(got, np.rint(exact)):
        sys.exit(f"changed: {dtype.__name__} is rounded now")
    if np.mean(got == np.trunc(exact)) < 0.99:
        sys.exit(f"changed: {dtype.__name__} is neither rounded nor cut off")
print("seen: fractions are cut off towards zero")
PY
