#!/usr/bin/env bash
# OpenVINO's CPU saturates Add, Sub and Mul on uint8, where NumPy, onnx and ONNX Runtime wrap round.
# Expected: one ONNX graph on one input gives one answer: 200 + 100 = 44 in uint8.
# Seen: OpenVINO answers 255. A frame difference or a checksum in the graph depends on the runtime.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv --without-pip venv
python3 -m pip --python venv/bin/python install --quiet --no-compile \
    openvino==2026.4.1 onnx==1.23.2 onnxruntime==1.32.0 numpy==2.4.6

venv/bin/python - <<'PY'
import sys

import numpy as np
import onnx
import onnxruntime
import openvino
from onnx import TensorProto, checker, helper
from onnx.reference import ReferenceEvaluator

print("openvino", openvino.__version__, "onnxruntime", onnxruntime.__version__, "onnx", onnx.__version__)
a = np.array([200, 10, 30], np.uint8)
b = np.array([100, 20, 20], np.uint8)
core = openvino.Core()
clipped = {"Add": [255, 30, 50], "Sub": [100, 0, 10], "Mul": [255, 200, 255]}
seen = {}
for op_type, ufunc in (("Add", np.add), ("Sub", np.subtract), ("Mul", np.multiply)):
    info = [helper.make_tensor_value_info(n, TensorProto.UINT8, [3]) for n in "aby"]
    node = helper.make_node(op_type, ["a", "b"], ["y"])
    graph = helper.make_graph([node], op_type, info[:2], info[2:])
    opsets = [helper.make_opsetid("", 18)]
    model = helper.make_model(graph, opset_imports=opsets, ir_version=8)
    checker.check_model(model, full_check=True)
    data, feed = model.SerializeToString(), {"a": a, "b": b}
    session = onnxruntime.InferenceSession(data, providers=["CPUExecutionProvider"])
    wrapped = ufunc(a, b).tolist()
    answers = {
        "onnx": ReferenceEvaluator(model).run(None, feed)[0].tolist(),
        "onnxruntime": session.run(None, feed)[0].tolist(),
        "openvino": core.compile_model(core.read_model(data), "CPU")(feed)[0].tolist(),
    }
    print(f"{op_type} of {a.tolist()} and {b.tolist()}: expected {wrapped}, got {answers}")
    if answers["onnx"] != wrapped or answers["onnxruntime"] != wrapped:
        sys.exit(f"changed: onnx or ONNX Runtime no longer wraps round in {op_type}")
    seen[op_type] = answers["openvino"]
if seen != clipped:
    sys.exit(f"changed: expected OpenVINO to clip to {clipped}, got {seen}")
print("seen: OpenVINO clips at 0 and 255, the other two wrap round")
PY
