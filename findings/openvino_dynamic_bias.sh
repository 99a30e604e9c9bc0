#!/usr/bin/env bash
# With open height and width, OpenVINO adds the first channel's bias of a Conv to all channels.
# It takes a Conv whose output is quantised, and whose height and width, taken by two Shape nodes, are those
# that another tensor is resized to, as in a U-Net that is exported with open sizes and quantised.
# Expected: the maps of ONNX Runtime, and of OpenVINO itself once the same model has fixed sizes.
# Seen: the biases 2, 1 and 0 are all taken for 2, without an error.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv --without-pip venv
python3 -m pip --python venv/bin/python install --quiet --no-compile \
    openvino==2026.4.1 onnx==1.23.2 onnxruntime==1.32.0 numpy==2.4.6

venv/bin/python - <<'PY'
import sys

sys.modules["openvino_telemetry"] = None  # it would report the import
import numpy as np
import onnx
import onnxruntime
import openvino
from onnx import TensorProto, checker, helper, numpy_helper

print("openvino", openvino.__version__, "onnxruntime", onnxruntime.__version__, "onnx", onnx.__version__)
constants = {
    "weights": np.eye(3, dtype=np.float32).reshape(3, 3, 1, 1),
    "bias": np.array([2, 1, 0], np.float32),
    "scale": np.float32(1 / 32),
    "zero": np.uint8(0),
}
nodes = [
    helper.make_node("Conv", ["large", "weights", "bias"], ["conv"], kernel_shape=[1, 1]),
    helper.make_node("QuantizeLinear", ["conv", "scale", "zero"], ["bytes"]),
    helper.make_node("DequantizeLinear", ["bytes", "scale", "zero"], ["skip"]),
    helper.make_node("Shape", ["small"], ["batch_channels"], start=0, end=2),
    helper.make_node("Shape", ["bytes"], ["height"], start=2, end=3),
    helper.make_node("Shape", ["bytes"], ["width"], start=3, end=4),
    helper.make_node("Concat", ["batch_channels", "height", "width"], ["sizes"], axis=0),
    helper.make_node("Resize", ["small", "", "", "sizes"], ["resized"], mode="nearest"),
    helper.make_node("Concat", ["resized", "skip"], ["y"], axis=1),
]
graph = helper.make_graph(
    nodes,
    "skip",
    [
        helper.make_tensor_value_info("large", TensorProto.FLOAT, ["N", 3, "H", "W"]),
        helper.make_tensor_value_info("small", TensorProto.FLOAT, ["N", 1, "h", "w"]),
    ],
    [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["N", 4, "H", "W"])],
    [numpy_helper.from_array(np.asarray(value), name) for name, value in constants.items()],
)
model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)
checker.check_model(model, full_check=True)
data = model.SerializeToString()
feed = {"large": np.ones((1, 3, 8, 12), np.float32), "small": np.zeros((1, 1, 4, 6), np.float32)}
core = openvino.Core()


def computed(*, fixed):
    """Return the four channels' means in OpenVINO."""
    loaded = core.read_model(data)
    if fixed:
        loaded.reshape({name: list(array.shape) for name, array in feed.items()})
    compiled = core.compile_model(loaded, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    return compiled(feed)[0].mean(axis=(0, 2, 3)).round(2).tolist()


session = onnxruntime.InferenceSession(data, providers=["CPUExecutionProvider"])
expected = session.run(None, feed)[0].mean(axis=(0, 2, 3)).round(2).tolist()
fixed, opened = computed(fixed=True), computed(fixed=False)
print("means of the channels: the small map of zeros, then ones with a bias of 2, 1 and 0")
print("  ONNX Runtime:               ", expected)
print("  OpenVINO with fixed sizes:  ", fixed)
print("  OpenVINO with open sizes:   ", opened)
if expected != [0, 3, 2, 1] or fixed != expected or opened != [0, 3, 3, 3]:
    sys.exit("changed: expected [0, 3, 2, 1] twice, and [0, 3, 3, 3] with open sizes")
print("seen: with open sizes the first channel's bias is added to all")
PY
