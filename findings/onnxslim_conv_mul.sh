#!/usr/bin/env bash
# onnxslim folds a Mul over the columns of a picture into the channels of the Conv before it.
# Expected: a simplified model computes what the model computed; a constant of shape (3,) after a Conv
# multiplies the three columns (last axis), and only (3, 1, 1) may go into the Conv's weights.
# Seen: with 3 channels both are taken for channels: wrong values, no warning; an Add is told apart.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv --without-pip venv
python3 -m pip --python venv/bin/python install --quiet --no-compile \
    onnxslim==0.1.98 onnx==1.23.2 onnxruntime==1.32.0 numpy==2.4.6

venv/bin/python - <<'PY'
import sys

import numpy as np
import onnx
import onnxruntime
import onnxslim
from onnx import TensorProto, checker, helper, numpy_helper

print("onnxslim", onnxslim.__version__, "onnx", onnx.__version__)
x = np.ones((1, 1, 2, 3), np.float32)
kernels = np.array([1, 2, 3], np.float32).reshape(3, 1, 1, 1)  # channel c of the Conv is c + 1


def run(model):
    session = onnxruntime.InferenceSession(
        model.SerializeToString(), providers=["CPUExecutionProvider"]
    )
    return session.run(None, {"x": x})[0]


def both(op_type, constant):
    """Return the output before and after onnxslim, and the operators that are left."""
    graph = helper.make_graph(
        [
            helper.make_node("Conv", ["x", "kernels"], ["t"]),
            helper.make_node(op_type, ["t", "constant"], ["y"]),
        ],
        "conv",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, x.shape)],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [1, 3, 2, 3])],
        [numpy_helper.from_array(kernels, "kernels"), numpy_helper.from_array(constant, "constant")],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=8)
    checker.check_model(model, full_check=True)
    slim = onnxslim.slim(model)
    return run(model), run(slim), [node.op_type for node in slim.graph.node]


ten = np.array([1, 10, 100], np.float32)
same = {}
for op_type, shape in (("Mul", (3,)), ("Mul", (3, 1, 1)), ("Add", (3,)), ("Add", (3, 1, 1))):
    before, after, operators = both(op_type, ten.reshape(shape))
    name = f"{op_type} {shape}"
    same[name] = np.allclose(before, after)
    print(f"{name}: left {operators}, first row of each channel")
    print("    before:", before[0, :, 0].tolist())
    print("    after: ", after[0, :, 0].tolist())
print("expected: True for all; seen:", same)
wanted = {"Mul (3,)": False, "Mul (3, 1, 1)": True, "Add (3,)": True, "Add (3, 1, 1)": True}
if same != wanted:
    sys.exit(f"changed: expected {wanted}")
PY
