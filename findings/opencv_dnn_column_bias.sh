#!/usr/bin/env bash
# OpenCV's dnn adds a column to the rows: MatMul followed by Add of a (rows, 1) constant.
# Expected: Add broadcasts (2, 1) over (2, 2) so that row 0 gets 1 and row 1 gets 2, as NumPy does.
# Seen: joined with the MatMul in front of it, the column is used as one bias for each column; without
# the MatMul, the same Add is right. The shape is right, so nothing tells.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv --without-pip venv
python3 -m pip --python venv/bin/python install --quiet --no-compile \
    opencv-python-headless==5.0.0.93 onnx==1.23.2 numpy==2.4.6

venv/bin/python - <<'PY'
import sys

import cv2
import numpy as np
import onnx
from onnx import TensorProto, checker, helper, numpy_helper
from onnx.reference import ReferenceEvaluator

print("opencv", cv2.__version__, "onnx", onnx.__version__)
x = np.array([[10, 20], [30, 40]], np.float32)
constants = {"w": np.eye(2, dtype=np.float32), "b": np.array([[1], [2]], np.float32)}


def run(*nodes):
    """Return what the reference and OpenCV make of x."""
    used = {name for node in nodes for name in node.input}
    graph = helper.make_graph(
        nodes,
        "column",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [2, 2])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [2, 2])],
        [numpy_helper.from_array(value, name) for name, value in constants.items() if name in used],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=8)
    checker.check_model(model, full_check=True)
    net = cv2.dnn.readNetFromONNX(np.frombuffer(model.SerializeToString(), np.uint8))
    net.setInput(x)
    return ReferenceEvaluator(model).run(None, {"x": x})[0].tolist(), net.forward().tolist()


add_alone = run(helper.make_node("Add", ["x", "b"], ["y"]))
joined = run(
    helper.make_node("MatMul", ["x", "w"], ["t"]),  # w is the unit matrix: t equals x
    helper.make_node("Add", ["t", "b"], ["y"]),
)
print("Add alone:       expected", add_alone[0], "OpenCV", add_alone[1])
print("MatMul and Add:  expected", joined[0], "OpenCV", joined[1])
right, seen = [[11, 21], [32, 42]], [[11, 22], [31, 42]]
if add_alone != (right, right) or joined != (right, seen):
    sys.exit(f"changed: expected {right} three times and {seen} from MatMul and Add")
print("seen: the column's two values went to the two columns")
PY
