#!/usr/bin/env bash
# OpenCV's dnn runs a reverse ONNX GRU forwards, and takes a reverse LSTM's last state at the wrong end.
# Expected: direction=reverse equals the forward layer on the reversed sequence, its output turned back;
# the last state is the one after the first step, which a reverse layer reads last.
# Seen: GRU ignores the direction; LSTM's sequence is right, but its Y_h is the state at the last step.
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
steps, batch, size, hidden = 4, 1, 3, 2
x = np.random.default_rng(0).standard_normal((steps, batch, size)).astype(np.float32)


def run(op_type, gates, direction, x):
    """Return (sequence, last state) of the reference and of OpenCV, with the same weights each time."""
    rng = np.random.default_rng(1)
    shapes = {"w": (1, gates * hidden, size), "r": (1, gates * hidden, hidden)}
    shapes["b"] = (1, 2 * gates * hidden)
    weights = [
        numpy_helper.from_array(rng.standard_normal(shape).astype(np.float32), name)
        for name, shape in shapes.items()
    ]
    attributes = {"hidden_size": hidden, "direction": direction}
    graph = helper.make_graph(
        [helper.make_node(op_type, ["x", "w", "r", "b"], ["y", "y_h"], **attributes)],
        op_type,
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, x.shape)],
        [
            helper.make_tensor_value_info("y", TensorProto.FLOAT, [steps, 1, batch, hidden]),
            helper.make_tensor_value_info("y_h", TensorProto.FLOAT, [1, batch, hidden]),
        ],
        weights,
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=8)
    checker.check_model(model, full_check=True)
    net = cv2.dnn.readNetFromONNX(np.frombuffer(model.SerializeToString(), np.uint8))
    net.setInput(x)
    return ReferenceEvaluator(model).run(None, {"x": x}), list(net.forward(["y", "y_h"]))


def close(one, other):
    return np.allclose(np.ravel(one), np.ravel(other), atol=1e-4)


seen = {}
for op_type, gates in (("GRU", 3), ("LSTM", 4)):
    forward, forward_cv = run(op_type, gates, "forward", x)
    turned, _ = run(op_type, gates, "forward", x[::-1].copy())
    reverse, reverse_cv = run(op_type, gates, "reverse", x)
    if not (close(reverse[0], turned[0][::-1]) and close(reverse[1], turned[1])):
        sys.exit("changed: the reference's reverse is not the forward of the reversed sequence")
    if not all(map(close, forward, forward_cv)):
        sys.exit(f"changed: OpenCV's forward {op_type} is wrong now")
    expected, got = (np.float64(y[1]).ravel().round(4).tolist() for y in (reverse, reverse_cv))
    print(f"{op_type} reverse, last state: expected {expected}, OpenCV {got}")
    seen[op_type] = {
        "sequence right": close(reverse_cv[0], reverse[0]),
        "last state right": close(reverse_cv[1], reverse[1]),
        "all as forward": all(map(close, reverse_cv, forward)),
        "last state is y[-1]": close(reverse_cv[1], reverse[0][-1]),
    }
    print("   ", seen[op_type])
wanted = {
    "GRU": dict(zip(seen["GRU"], (False, False, True, False))),
    "LSTM": dict(zip(seen["LSTM"], (True, False, False, True))),
}
if seen != wanted:
    sys.exit(f"changed: expected {wanted}")
print("seen: GRU's direction is ignored; LSTM's last state is taken at the end that it read first")
PY
