#!/usr/bin/env bash
# MNN's converter misreads operators as opset 18 writes them, without a warning.
# Expected: ReduceL2 with the input axes=[1] gives one value a row, as with the attribute of opset 13;
# Split of 3 columns into two parts (num_outputs=2) gives 2 columns and 1.
# Seen: ReduceL1, L2, SumSquare, LogSum and LogSumExp leave out the axes and reduce everything to one
# number (ReduceMean and ReduceMax are right); Split drops the last column for good.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv --without-pip venv
python3 -m pip --python venv/bin/python install --quiet --no-compile \
    MNN==3.6.1 onnx==1.23.2 numpy==2.4.6

mkdir stand-in # the converter calls pip by itself: mnn_import_runs_pip.sh
printf '#!/bin/sh\nexit 1\n' > stand-in/pip
chmod +x stand-in/pip
PATH="$work/stand-in:$PATH" venv/bin/python - <<'PY'
import subprocess
import sys

import MNN.expr
import MNN.nn
import numpy as np
import onnx
from onnx import TensorProto, checker, helper, numpy_helper, shape_inference
from onnx.reference import ReferenceEvaluator

print("MNN", MNN.version(), "onnx", onnx.__version__)
x = np.arange(1, 7, dtype=np.float32).reshape(2, 3)
axes = numpy_helper.from_array(np.array([1], np.int64), "axes")


def run(nodes, opset, constants=()):
    """Return what onnx's reference and MNN make of x."""
    graph = helper.make_graph(
        nodes,
        "graph",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, x.shape)],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, None)],
        constants,
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=8)
    model = shape_inference.infer_shapes(model)
    checker.check_model(model, full_check=True)
    onnx.save(model, "model.onnx")
    command = ["venv/bin/mnnconvert", "-f", "ONNX", "--bizCode", "findings"]
    command += ["--modelFile", "model.onnx", "--MNNModel", "model.mnn"]
    subprocess.run(command, check=True, capture_output=True)
    network = MNN.nn.load_module_from_file("model.mnn", ["x"], ["y"])
    y = network.forward(MNN.expr.const(x, list(x.shape), MNN.expr.NCHW, MNN.expr.float))
    return ReferenceEvaluator(model).run(None, {"x": x})[0], np.array(y.read())


def reduction(name, opset):
    if opset < 18:
        return run([helper.make_node(name, ["x"], ["y"], axes=[1], keepdims=0)], opset)
    return run([helper.make_node(name, ["x", "axes"], ["y"], keepdims=0)], opset, [axes])


def split():
    parts = helper.make_node("Split", ["x"], ["left", "right"], axis=1, num_outputs=2)
    return run([parts, helper.make_node("Concat", ["left", "right"], ["y"], axis=1)], 18)


cases = {"ReduceL2 of opset 13": reduction("ReduceL2", 13)}
for name in ("L1", "L2", "SumSquare", "LogSum", "LogSumExp", "Mean", "Max"):
    cases[f"Reduce{name} of opset 18"] = reduction(f"Reduce{name}", 18)
cases["Split and Concat of opset 18"] = split()
wrong = []
for name, (expected, got) in cases.items():
    rounded = [np.float64(y).round(3).tolist() for y in (expected, got)]
    print(f"{name}: expected {rounded[0]}, MNN {rounded[1]}")
    if expected.shape != got.shape or not np.allclose(expected, got, rtol=1e-3):
        wrong.append(name)
names = ("L1", "L2", "SumSquare", "LogSum", "LogSumExp")
wanted = [f"Reduce{name} of opset 18" for name in names] + ["Split and Concat of opset 18"]
if wrong != wanted:
    sys.exit(f"changed: expected to be wrong {wanted}, are {wrong}")
if cases["Split and Concat of opset 18"][1].tolist() != [[1, 2], [4, 5]]:
    sys.exit("changed: Split no longer drops the last column")
print("seen, wrong:", ", ".join(wrong))
PY
