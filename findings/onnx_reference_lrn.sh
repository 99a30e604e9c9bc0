#!/usr/bin/env bash
# onnx's ReferenceEvaluator normalises only as many channels in LRN as the batch has pictures.
# Expected: LRN divides every channel by its neighbours' squares; the batch has no part in it.
# Seen: with a batch of 1 only channel 0 is normalised, the other channels come back as they went in;
# with a batch as large as the number of channels the same picture is right. ONNX Runtime is right.
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
from onnx import TensorProto, checker, helper
from onnx.reference import ReferenceEvaluator

print("onnx", onnx.__version__, "onnxruntime", onnxruntime.__version__)
channels = 4
picture = np.arange(1, channels + 1, dtype=np.float32).reshape(1, channels, 1, 1)


def run(batch):
    """Return the first picture's channels by definition, by the reference and by ONNX Runtime."""
    x = np.repeat(picture, batch, axis=0)
    attributes = {"size": 3, "alpha": 3.0, "beta": 1.0, "bias": 1.0}
    graph = helper.make_graph(
        [helper.make_node("LRN", ["x"], ["y"], **attributes)],
        "lrn",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, x.shape)],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, x.shape)],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=8)
    checker.check_model(model, full_check=True)
    session = onnxruntime.InferenceSession(
        model.SerializeToString(), providers=["CPUExecutionProvider"]
    )
    squares = np.convolve(picture.ravel() ** 2, np.ones(3), "same")
    return (
        picture.ravel() / (1 + squares),
        ReferenceEvaluator(model).run(None, {"x": x})[0][0].ravel(),
        session.run(None, {"x": x})[0][0].ravel(),
    )


for batch in (1, 2, channels):
    expected, reference, runtime = run(batch)
    print(f"batch of {batch}: expected {expected.round(4).tolist()}")
    print(f"    reference    {np.float64(reference).round(4).tolist()}")
    print(f"    ONNX Runtime {np.float64(runtime).round(4).tolist()}")
    done = min(batch, channels)
    if not np.allclose(runtime, expected, rtol=1e-4):
        sys.exit("changed: ONNX Runtime is not right")
    if not np.allclose(reference[:done], expected[:done], rtol=1e-4):
        sys.exit("changed: the first channels are not right")
    if not np.array_equal(reference[done:], picture.ravel()[done:]):
        sys.exit("changed: channels beyond the batch are no longer left as they were")
print("seen: the number of normalised channels is the size of the batch")
PY
