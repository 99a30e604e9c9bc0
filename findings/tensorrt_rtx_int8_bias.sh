#!/usr/bin/env bash
# TensorRT for RTX does not parse what onnxruntime's quantize_static writes by default.
# Expected: the QDQ format is made for this exchange and valid ONNX, so the int8 file parses.
# Seen: quantize_static stores the bias as int32 behind a DequantizeLinear, and the parser refuses an
# int32 DequantizeLinear; without the quantised bias (QuantizeBias=False) the same file parses.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv --without-pip venv
python3 -m pip --python venv/bin/python install --quiet --no-compile \
    tensorrt-rtx==1.7.1.116 onnxruntime==1.32.0 onnx==1.23.2 numpy==2.4.6

venv/bin/python - <<'PY'
import logging
import sys

import numpy as np
import onnx
import onnxruntime
import tensorrt_rtx
from onnx import TensorProto, checker, helper, numpy_helper
from onnxruntime.quantization import CalibrationDataReader, quantize_static

logging.disable(logging.WARNING)
print("tensorrt_rtx", tensorrt_rtx.__version__, "onnxruntime", onnxruntime.__version__)
rng = np.random.default_rng(0)
weights = {
    "w": rng.standard_normal((4, 1, 3, 3)).astype(np.float32),
    "b": rng.standard_normal(4).astype(np.float32),
}
graph = helper.make_graph(
    [helper.make_node("Conv", ["x", "w", "b"], ["y"], name="conv", pads=[1, 1, 1, 1])],
    "conv",
    [helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, 1, 8, 8])],
    [helper.make_tensor_value_info("y", TensorProto.FLOAT, [1, 4, 8, 8])],
    [numpy_helper.from_array(value, name) for name, value in weights.items()],
)
opsets = [helper.make_opsetid("", 18)]
onnx.save(helper.make_model(graph, opset_imports=opsets, ir_version=8), "float.onnx")


class Pictures(CalibrationDataReader):
    def __init__(self):
        self.left = [{"x": rng.standard_normal((1, 1, 8, 8)).astype(np.float32)} for _ in range(4)]

    def get_next(self):
        return self.left.pop() if self.left else None


def parse(path):
    """Return True and no message, or False and the parser's first message."""
    logger = tensorrt_rtx.Logger(tensorrt_rtx.Logger.INTERNAL_ERROR)
    builder = tensorrt_rtx.Builder(logger)
    typed = 1 << int(tensorrt_rtx.NetworkDefinitionCreationFlag.STRONGLY_TYPED)
    network = builder.create_network(typed)  # the parser does not keep it alive
    parser = tensorrt_rtx.OnnxParser(network, logger)
    ok = parser.parse_from_file(path)
    return ok, "" if ok else " ".join(parser.get_error(0).desc().split())[:200]


SYMMETRIC = {"ActivationSymmetric": True}
options = {
    "default": {},
    "symmetric": SYMMETRIC,
    "symmetric, bias in float": SYMMETRIC | {"QuantizeBias": False},
}
parsed = {"float": parse("float.onnx")[0]}
for name, extra in options.items():
    quantize_static("float.onnx", "int8.onnx", Pictures(), extra_options=extra)
    checker.check_model("int8.onnx", full_check=True)
    onnxruntime.InferenceSession("int8.onnx", providers=["CPUExecutionProvider"])
    parsed[name], message = parse("int8.onnx")
    print(f"{name}: onnx and ONNX Runtime accept it, TensorRT for RTX: {parsed[name]} {message}")
print("expected: True for all; seen:", parsed)
wanted = {"float": True, "default": False, "symmetric": False, "symmetric, bias in float": True}
if parsed != wanted:
    sys.exit(f"changed: expected {wanted}")
PY
