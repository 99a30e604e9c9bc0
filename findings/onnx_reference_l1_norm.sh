#!/usr/bin/env bash
# onnx's ReferenceEvaluator computes LpNormalization with p=1 without absolute values.
# Expected: L1 normalisation divides by the sum of |x|, so the absolute values of a row sum to 1.
# Seen: it divides by the plain sum; a row with mixed signs is blown up and may change its sign.
# (ReduceL1 of the same package takes absolute values.)
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv --without-pip venv
python3 -m pip --python venv/bin/python install --quiet --no-compile onnx==1.23.2 numpy==2.4.6

venv/bin/python - <<'PY'
import sys

import numpy as np
import onnx
from onnx import TensorProto, checker, helper
from onnx.reference import ReferenceEvaluator

print("onnx", onnx.__version__, "numpy", np.__version__)


def run(op_type, x, **attributes):
    node = helper.make_node(op_type, ["x"], ["y"], **attributes)
    graph = helper.make_graph(
        [node],
        op_type,
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, list(x.shape))],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [None] * x.ndim)],
    )
    opsets = [helper.make_opsetid("", 17)]
    model = helper.make_model(graph, opset_imports=opsets, ir_version=8)
    checker.check_model(model)
    return ReferenceEvaluator(model).run(None, {"x": x})[0]


x = np.array([[1, 2, 5], [1, -4, 1]], np.float32)
l1 = run("ReduceL1", x, axes=[1])
expected = (x / l1).astype(float)
got = run("LpNormalization", x, axis=1, p=1)
l2 = run("LpNormalization", x, axis=1, p=2)
print("input          ", x.tolist())
print("ReduceL1       ", l1.ravel().tolist())
print("expected       ", expected.round(4).tolist())
print("LpNormalization", got.round(4).tolist())
if not np.allclose(l2, x / np.linalg.norm(x, axis=1, keepdims=True)):
    sys.exit("changed: p=2 is now wrong as well")
if not np.allclose(got, [[0.125, 0.25, 0.625], [-0.5, 2.0, -0.5]]):
    sys.exit("changed: p=1 no longer divides by the signed sum")
print("seen: the row with mixed signs is divided by -2 instead of 6; p=2 is right")
PY
