#!/usr/bin/env bash
# OpenVINO drops the peepholes of an ONNX LSTM without a word.
# Expected: the eighth input P of LSTM is used, or the model is refused.
# Seen: the model is read and runs, with exactly the values of the same LSTM without P; ONNX Runtime,
# onnx's reference and the written-out formula agree with each other on other values.
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
from onnx import TensorProto, checker, helper, numpy_helper
from onnx.reference import ReferenceEvaluator

print("openvino", openvino.__version__, "onnxruntime", onnxruntime.__version__)
print("onnx", onnx.__version__)
rng = np.random.default_rng(0)
steps, batch, size, hidden = 4, 2, 3, 2
x = rng.standard_normal((steps, batch, size)).astype(np.float32)
weights = {
    "w": rng.standard_normal((1, 4 * hidden, size)).astype(np.float32),
    "r": rng.standard_normal((1, 4 * hidden, hidden)).astype(np.float32),
    "b": rng.standard_normal((1, 8 * hidden)).astype(np.float32),
    "p": np.array([[1, -1, 2, 1, -2, 1]], np.float32),  # input, output and forget gate
}


def model_of(*peepholes):
    inputs = ["x", "w", "r", "b", *peepholes]
    graph = helper.make_graph(
        [helper.make_node("LSTM", inputs, ["y"], hidden_size=hidden)],
        "lstm",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, x.shape)],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [steps, 1, batch, hidden])],
        [numpy_helper.from_array(value, name) for name, value in weights.items() if name in inputs],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=8)
    checker.check_model(model, full_check=True)
    return model


def sigmoid(value):
    return 1 / (1 + np.exp(-value))


def formula(peep_input, peep_output, peep_forget):
    """Return the outputs (steps, 1, batch, hidden) as the operator's definition writes them."""
    bias = weights["b"][0, : 4 * hidden] + weights["b"][0, 4 * hidden :]
    state = cell = np.zeros((batch, hidden))
    outputs = []
    for step in x:
        gates = step @ weights["w"][0].T + state @ weights["r"][0].T + bias
        i, o, f, c = np.split(gates, 4, axis=1)
        new = sigmoid(f + peep_forget * cell) * cell + sigmoid(i + peep_input * cell) * np.tanh(c)
        cell = new
        state = sigmoid(o + peep_output * cell) * np.tanh(cell)
        outputs.append(state[None])
    return np.array(outputs)


def open_vino(model):
    core = openvino.Core()
    options = {"INFERENCE_PRECISION_HINT": "f32", "INFERENCE_NUM_THREADS": 1}
    return core.compile_model(core.read_model(model.SerializeToString()), "CPU", options)(x)[0]


model = model_of("", "", "", "p")
session = onnxruntime.InferenceSession(
    model.SerializeToString(), providers=["CPUExecutionProvider"]
)
with_p, without_p = formula(*np.split(weights["p"][0], 3)), formula(0, 0, 0)
outputs = {
    "reference": ReferenceEvaluator(model).run(None, {"x": x})[0],
    "ONNX Runtime": session.run(None, {"x": x})[0],
    "OpenVINO": open_vino(model),
    "OpenVINO, no P": open_vino(model_of()),
}
print(f"{'last step, expected':20} {with_p[-1].round(4).ravel().tolist()}")
far = []
for name, y in outputs.items():
    print(f"{name:20} {np.float64(y[-1]).round(4).ravel().tolist()}")
    if not np.allclose(y, with_p, atol=1e-3):
        far.append(name)
if far != ["OpenVINO", "OpenVINO, no P"]:
    sys.exit(f"changed: away from the definition are {far}")
if not np.allclose(outputs["OpenVINO"], without_p, atol=1e-3):
    sys.exit("changed: OpenVINO does something else than to leave P out")
print("seen: with P and without P, OpenVINO gives the same")
PY
