#!/usr/bin/env bash
# Softmax of an opset before 13 is computed with the rule of opset 13 by three programs out of four.
# Expected: Softmax-11 of a (2, 2, 2) tensor with axis=1 makes one row of all that follows the axis, so
# that each item of the batch sums to 1: its definition says so, and ONNX Runtime does it.
# Seen: onnx's own ReferenceEvaluator, OpenVINO and OpenCV normalise along the axis alone, silently;
# OpenVINO does Softmax-9 and LogSoftmax-11 right.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv --without-pip venv
python3 -m pip --python venv/bin/python install --quiet --no-compile \
    onnx==1.23.2 onnxruntime==1.32.0 openvino==2026.4.1 opencv-python-headless==5.0.0.93 numpy==2.4.6

venv/bin/python - <<'PY'
import sys

import cv2
import numpy as np
import onnx
import onnxruntime
import openvino
from onnx import TensorProto, checker, helper
from onnx.reference import ReferenceEvaluator

print("onnx", onnx.__version__, "onnxruntime", onnxruntime.__version__)
print("openvino", openvino.__version__, "opencv", cv2.__version__)
x = np.log(np.array([[[1, 2], [3, 4]], [[1, 1], [1, 5]]], np.float32))  # softmax gives n / sum


def model_of(op_type, opset):
    graph = helper.make_graph(
        [helper.make_node(op_type, ["x"], ["y"], axis=1)],
        op_type,
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [2, 2, 2])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [2, 2, 2])],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=7)
    checker.check_model(model, full_check=True)
    return model


def onnx_runtime(model):
    providers = ["CPUExecutionProvider"]
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=providers)
    return session.run(None, {"x": x})[0]


def reference(model):
    return ReferenceEvaluator(model).run(None, {"x": x})[0]


def open_vino(model):
    core = openvino.Core()
    options = {"INFERENCE_PRECISION_HINT": "f32", "INFERENCE_NUM_THREADS": 1}
    return core.compile_model(core.read_model(model.SerializeToString()), "CPU", options)(x)[0]


def open_cv(model):
    net = cv2.dnn.readNetFromONNX(np.frombuffer(model.SerializeToString(), np.uint8))
    net.setInput(x)
    return net.forward()


weights = np.exp(x)
old_rule = weights / weights.sum(axis=(1, 2), keepdims=True)
new_rule = weights / weights.sum(axis=1, keepdims=True)
seen = {}
for op_type, opset in (("Softmax", 9), ("Softmax", 11), ("LogSoftmax", 11), ("Softmax", 13)):
    model = model_of(op_type, opset)
    for run in (onnx_runtime, reference, open_vino, open_cv):
        y = run(model)
        y = np.exp(y) if op_type == "LogSoftmax" else y
        rules = [r for r, v in (("old", old_rule), ("new", new_rule)) if np.allclose(y, v, atol=1e-4)]
        seen.setdefault(f"{op_type}-{opset}", []).append("".join(rules) or "neither")
for name, values in (("old", old_rule), ("new", new_rule)):
    print(f"first item by the {name} rule: {np.float64(values[0]).round(3).tolist()}")
print("rule of ONNX Runtime, onnx's reference, OpenVINO, OpenCV:")
for name, rules in seen.items():
    print(f"{name:13}", *rules)
wanted = {
    "Softmax-9": ["old", "new", "old", "new"],
    "Softmax-11": ["old", "new", "new", "new"],
    "LogSoftmax-11": ["old", "new", "old", "new"],
    "Softmax-13": ["new", "new", "new", "new"],
}
print("expected: old in the first three rows, new in the last")
if seen != wanted:
    sys.exit(f"changed: expected {wanted}")
PY
