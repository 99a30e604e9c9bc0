#!/usr/bin/env bash
# onnx's ReferenceEvaluator ignores the sequence_lens input of LSTM and GRU.
# Expected: a row of length 2 in a batch padded to 4 stops after two steps: its outputs are 0 from
# there on and Y_h is the state after step 2, as ONNX Runtime computes it.
# Seen: the row runs on through its padding; nothing is raised, so a 'reference' comparison of a
# recogniser with padded lines blames the runtime that is right.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv --without-pip venv
python3 -m pip --python venv/bin/python install --quiet --no-compile onnx==1.23.2 numpy==2.4.6

venv/bin/python - <<'PY'
import sys

import numpy as np
import onnx
from onnx import TensorProto, checker, helper, numpy_helper
from onnx.reference import ReferenceEvaluator

print("onnx", onnx.__version__, "numpy", np.__version__)
STEPS, HIDDEN = 4, 2
rng = np.random.default_rng(0)
x = rng.standard_normal((STEPS, 2, 3)).astype(np.float32)  # (time, batch, features)
lengths = np.array([4, 2], np.int32)
ran_on = {}
for op_type, gates in (("LSTM", 4), ("GRU", 3)):
    weights = {
        "W": rng.standard_normal((1, gates * HIDDEN, 3)).astype(np.float32),
        "R": rng.standard_normal((1, gates * HIDDEN, HIDDEN)).astype(np.float32),
        "B": np.zeros((1, 2 * gates * HIDDEN), np.float32),
        "lengths": lengths,
    }
    node = helper.make_node(op_type, ["x", *weights], ["y", "y_h"], hidden_size=HIDDEN)
    graph = helper.make_graph(
        [node],
        op_type,
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [STEPS, 2, 3])],
        [
            helper.make_tensor_value_info("y", TensorProto.FLOAT, [STEPS, 1, 2, HIDDEN]),
            helper.make_tensor_value_info("y_h", TensorProto.FLOAT, [1, 2, HIDDEN]),
        ],
        [numpy_helper.from_array(value, name) for name, value in weights.items()],
    )
    opsets = [helper.make_opsetid("", 18)]
    model = helper.make_model(graph, opset_imports=opsets, ir_version=9)
    checker.check_model(model, full_check=True)
    y, y_h = (a.astype(float) for a in ReferenceEvaluator(model).run(None, {"x": x}))
    short = y[:, 0, 1]
    print(f"{op_type}: outputs of the row of length 2, step by step: {short.round(3).tolist()}")
    print(f"  y_h {y_h[0, 1].round(3).tolist()}, state after step 2 {short[1].round(3).tolist()}")
    ran_on[op_type] = bool(np.all(short[2:] != 0) and np.array_equal(y_h[0, 1], short[3]))

print("expected: zeros in steps 3 and 4, y_h equal to the state after step 2")
if ran_on != {"LSTM": True, "GRU": True}:
    sys.exit(f"changed: sequence_lens is no longer ignored everywhere: {ran_on}")
print("seen: both operators run through the padding")
PY
