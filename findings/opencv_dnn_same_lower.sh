#!/usr/bin/env bash
# OpenCV's dnn treats auto_pad SAME_LOWER of an ONNX Conv and AveragePool as SAME_UPPER.
# Expected: SAME_LOWER puts the odd row of padding at the top and left, or the import fails.
# Seen: the odd padding goes to the bottom and right; the shape is right, every value is wrong.
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
x = np.arange(25, dtype=np.float32).reshape(1, 1, 5, 5)
kernel = np.array([[1, 2], [3, 4]], np.float32).reshape(1, 1, 2, 2)


def model_of(op_type, auto_pad):
    """Return a model of one 2x2 window of stride 2 over (1, 1, 5, 5): one padding row is needed."""
    attributes = {"kernel_shape": [2, 2], "strides": [2, 2], "auto_pad": auto_pad}
    inputs = ["x", "w"] if op_type == "Conv" else ["x"]
    graph = helper.make_graph(
        [helper.make_node(op_type, inputs, ["y"], **attributes)],
        op_type,
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, 1, 5, 5])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [1, 1, 3, 3])],
        [numpy_helper.from_array(kernel, "w")] if op_type == "Conv" else [],
    )
    opsets = [helper.make_opsetid("", 18)]
    model = helper.make_model(graph, opset_imports=opsets, ir_version=8)
    checker.check_model(model, full_check=True)
    return model


for op_type in ("Conv", "AveragePool"):
    expected, got = {}, {}
    for auto_pad in ("SAME_LOWER", "SAME_UPPER"):
        model = model_of(op_type, auto_pad)
        expected[auto_pad] = ReferenceEvaluator(model).run(None, {"x": x})[0]
        net = cv2.dnn.readNetFromONNX(np.frombuffer(model.SerializeToString(), np.uint8))
        net.setInput(x)
        got[auto_pad] = net.forward()
        print(f"{op_type} {auto_pad}: expected {expected[auto_pad].ravel().tolist()}")
        print(f"{' ' * len(op_type + auto_pad)}   OpenCV   {got[auto_pad].ravel().tolist()}")
    if not np.allclose(got["SAME_UPPER"], expected["SAME_UPPER"]):
        sys.exit(f"changed: SAME_UPPER of {op_type} is wrong now")
    if not np.allclose(got["SAME_LOWER"], expected["SAME_UPPER"]):
        sys.exit(f"changed: SAME_LOWER of {op_type} is no longer computed as SAME_UPPER")
print("seen: OpenCV gives one answer for both; the one for SAME_LOWER is that of SAME_UPPER")
PY
