#!/usr/bin/env bash
# onnx.version_converter changes what a Resize computes when it lifts a model from opset 10.
# Expected: the converted model computes the same values; only its spelling changes.
# Seen: opset 10 means x / scale; the converter leaves out coordinate_transformation_mode, so the
# new node means half_pixel and a linear picture shifts by a quarter of a pixel, without a warning.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv --without-pip venv
python3 -m pip --python venv/bin/python install --quiet --no-compile \
    onnx==1.23.2 onnxruntime==1.32.0 numpy==2.4.6

venv/bin/python - <<'PY'
import sys

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, checker, helper, numpy_helper, version_converter

print("onnx", onnx.__version__, "onnxruntime", onnxruntime.__version__)
FLOAT = TensorProto.FLOAT
scales = numpy_helper.from_array(np.array([1, 1, 1, 2], np.float32), "scales")


def model_of(opset, op_type):
    node = helper.make_node(op_type, ["x", "scales"], ["y"], mode="linear")
    graph = helper.make_graph(
        [node],
        "upscale",
        [helper.make_tensor_value_info("x", FLOAT, [1, 1, 1, 4])],
        [helper.make_tensor_value_info("y", FLOAT, [1, 1, 1, 8])],
        [scales],
    )
    opsets = [helper.make_opsetid("", opset)]
    return helper.make_model(graph, opset_imports=opsets, ir_version=8)


def run(model):
    checker.check_model(model, full_check=True)
    session = onnxruntime.InferenceSession(
        model.SerializeToString(), providers=["CPUExecutionProvider"]
    )
    x = np.array([0, 10, 20, 30], np.float32).reshape(1, 1, 1, 4)
    return session.run(None, {"x": x})[0].ravel().tolist()


before = [0, 5, 10, 15, 20, 25, 30, 30]
after = [0, 2.5, 7.5, 12.5, 17.5, 22.5, 27.5, 30]
for opset, op_type in ((10, "Resize"), (9, "Upsample")):
    old = model_of(opset, op_type)
    new = version_converter.convert_version(old, 18)
    attributes = sorted(a.name for n in new.graph.node if n.op_type == "Resize" for a in n.attribute)
    got = run(old), run(new)
    print(f"{op_type} of opset {opset}:   {got[0]}")
    print(f"converted to opset 18:  {got[1]}  Resize attributes: {attributes}")
    if got != (before, after):
        sys.exit(f"changed: expected {before} and {after}, got {got}")
print("expected: two equal rows; seen: the converted model samples at other places")
PY
