#!/usr/bin/env bash
# OpenVINO reads an ONNX Resize and drops its attributes antialias and keep_aspect_ratio_policy.
# Expected: it honours them, or refuses the model as it does with other modes that it lacks.
# Seen: without a word the picture is sampled without the low-pass filter, and 'not_larger' gives the
# full target size, so the output even has another shape than onnx's shape inference promises.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv --without-pip venv
python3 -m pip --python venv/bin/python install --quiet --no-compile \
    openvino==2026.4.1 onnx==1.23.2 numpy==2.4.6

venv/bin/python - <<'PY'
import sys

import numpy as np
import onnx
import openvino
from onnx import TensorProto, checker, helper, numpy_helper, shape_inference
from onnx.reference import ReferenceEvaluator

print("openvino", openvino.__version__, "onnx", onnx.__version__)
core = openvino.Core()


def both(x, sizes, **attributes):
    """Return the reference's output and OpenVINO's for one linear Resize of height and width."""
    node = helper.make_node(
        "Resize", ["x", "", "", "sizes"], ["y"], mode="linear", axes=[2, 3], **attributes
    )
    graph = helper.make_graph(
        [node],
        "resize",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, list(x.shape))],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [1, 1, "h", "w"])],
        [numpy_helper.from_array(np.array(sizes, np.int64), "sizes")],
    )
    opsets = [helper.make_opsetid("", 18)]
    model = helper.make_model(graph, opset_imports=opsets, ir_version=8)
    checker.check_model(model, full_check=True)
    promised = shape_inference.infer_shapes(model, data_prop=True).graph.output[0].type.tensor_type
    print("  onnx promises", [d.dim_value or d.dim_param for d in promised.shape.dim])
    reference = ReferenceEvaluator(model).run(None, {"x": x})[0]
    loaded = core.read_model(model.SerializeToString())
    compiled = core.compile_model(loaded, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    return reference, compiled(x)[0]


stripes = np.tile(np.array([0, 0, 0, 100], np.float32), 4).reshape(1, 1, 1, 16)
print("antialias=1, stripes of one bright column in four, shrunk to a quarter of the width")
reference, got = both(stripes, [1, 4], antialias=1)
print("  expected about 25 inside:", reference.ravel().astype(float).round(1).tolist())
print("  OpenVINO:                ", got.ravel().round(1).tolist())
plain_reference, plain = both(stripes, [1, 4])
filtered = not np.allclose(got, plain_reference, atol=1e-3)

print("keep_aspect_ratio_policy='not_larger', 4x8 into 6x6")
picture = np.arange(32, dtype=np.float32).reshape(1, 1, 4, 8)
reference, got = both(picture, [6, 6], keep_aspect_ratio_policy="not_larger")
print("  expected shape", reference.shape, "OpenVINO", got.shape)
if filtered or reference.shape != (1, 1, 3, 6) or got.shape != (1, 1, 6, 6):
    sys.exit("changed: OpenVINO no longer ignores one of the two attributes")
print("seen: both attributes are ignored without an error")
PY
