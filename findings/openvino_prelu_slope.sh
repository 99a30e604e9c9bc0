#!/usr/bin/env bash
# OpenVINO and OpenCV lay the slope of an ONNX PRelu along another axis than ONNX does.
# Expected: a slope of shape (2,) meets the last axis, as in all of ONNX's broadcasting; for channels
# the slope is (2, 1, 1). ONNX Runtime and onnx's reference do so.
# Seen: both put the slope (2,) on the channels, without a warning; OpenCV a slope (1, 2) as well.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv --without-pip venv
python3 -m pip --python venv/bin/python install --quiet --no-compile \
    openvino==2026.4.1 opencv-python-headless==5.0.0.93 onnx==1.23.2 onnxruntime==1.32.0 numpy==2.4.6

venv/bin/python - <<'PY'
import sys

import cv2
import numpy as np
import onnx
import onnxruntime
import openvino
from onnx import TensorProto, checker, helper, numpy_helper
from onnx.reference import ReferenceEvaluator

print("openvino", openvino.__version__, "opencv", cv2.__version__)
print("onnx", onnx.__version__, "onnxruntime", onnxruntime.__version__)
x = np.full((1, 2, 2, 2), -1, np.float32)  # batch, channels, height, width


def model_of(slope):
    graph = helper.make_graph(
        [helper.make_node("PRelu", ["x", "slope"], ["y"])],
        "prelu",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, x.shape)],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, x.shape)],
        [numpy_helper.from_array(slope, "slope")],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=8)
    checker.check_model(model, full_check=True)
    return model


def run_all(model):
    data = model.SerializeToString()
    session = onnxruntime.InferenceSession(data, providers=["CPUExecutionProvider"])
    core = openvino.Core()
    options = {"INFERENCE_PRECISION_HINT": "f32", "INFERENCE_NUM_THREADS": 1}
    net = cv2.dnn.readNetFromONNX(np.frombuffer(data, np.uint8))
    net.setInput(x)
    return {
        "reference": ReferenceEvaluator(model).run(None, {"x": x})[0],
        "ONNX Runtime": session.run(None, {"x": x})[0],
        "OpenVINO": core.compile_model(core.read_model(data), "CPU", options)(x)[0],
        "OpenCV": net.forward(),
    }


ten = np.array([1, 10], np.float32)
slopes = {"(2,)": ten, "(1, 2)": ten.reshape(1, 2), "(2, 1, 1)": ten.reshape(2, 1, 1)}
wrong = {}
for shape, slope in slopes.items():
    expected = x * slope
    print(f"slope {shape}: expected {expected.ravel().tolist()}")
    outputs = run_all(model_of(slope))
    for name, y in outputs.items():
        print(f"    {name:12} {y.ravel().tolist()}")
    wrong[shape] = [n for n, y in outputs.items() if not np.allclose(y, expected)]
    for name in wrong[shape]:
        if not np.allclose(outputs[name], x * ten.reshape(2, 1, 1)):
            sys.exit(f"changed: {name} gives values that are right for neither axis")
print("seen, wrong by the slope's shape:", wrong)
wanted = {"(2,)": ["OpenVINO", "OpenCV"], "(1, 2)": ["OpenCV"], "(2, 1, 1)": []}
if wrong != wanted:
    sys.exit(f"changed: expected {wanted}")
PY
