#!/usr/bin/env bash
# onnxruntime's convert_float_to_float16(keep_io_types=True) returns a graph that onnx refuses.
# Expected: a valid ONNX model goes in, a valid ONNX model comes out.
# Seen: the two new Cast nodes are appended at the end, after the nodes that read them; onnx.checker
# says that the graph is not sorted. ONNX Runtime loads it, so the fault shows up elsewhere.
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
from onnx import TensorProto, checker, helper
from onnxruntime.transformers.float16 import convert_float_to_float16

print("onnxruntime", onnxruntime.__version__, "onnx", onnx.__version__)
graph = helper.make_graph(
    [helper.make_node("Relu", ["x"], ["a"]), helper.make_node("Sigmoid", ["a"], ["y"])],
    "two nodes",
    [helper.make_tensor_value_info("x", TensorProto.FLOAT, [2])],
    [helper.make_tensor_value_info("y", TensorProto.FLOAT, [2])],
)
opsets = [helper.make_opsetid("", 18)]
model = helper.make_model(graph, opset_imports=opsets, ir_version=8)
checker.check_model(model, full_check=True)
print("before:", [(n.op_type, list(n.input), list(n.output)) for n in model.graph.node], "valid")


def verdict(candidate):
    try:
        checker.check_model(candidate, full_check=True)
    except checker.ValidationError as error:
        return " ".join(str(error).split())[:120]
    return "valid"


half = convert_float_to_float16(model, keep_io_types=True)
order = [n.op_type for n in half.graph.node]
print("after: ", [(n.op_type, list(n.input), list(n.output)) for n in half.graph.node])
print("expected: ['Cast', 'Relu', 'Sigmoid', 'Cast'] checker: valid")
print("seen:    ", order, "checker:", verdict(half))
session = onnxruntime.InferenceSession(
    half.SerializeToString(), providers=["CPUExecutionProvider"]
)
print("ONNX Runtime runs it:", session.run(None, {"x": np.zeros(2, np.float32)})[0].tolist())
if order != ["Relu", "Sigmoid", "Cast", "Cast"] or "topologically sorted" not in verdict(half):
    sys.exit("changed: the converted graph is sorted now")
PY
