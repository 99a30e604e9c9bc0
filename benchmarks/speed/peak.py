"""How many operations a second this machine reaches at best: the largest kernels that ONNX Runtime has, timed."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np

from ...runtime.errors import BackendUnavailable
from ...runtime.extras import pip_install

SIDE = 512
"""Rows and columns of the matrices."""
SECONDS = 1.0
"""Each kernel is run again and again for so long; its fastest run counts."""
LEAST_RUNS = 3
KERNELS = {
    "fp32": (("MatMul", "float32", "float32"),),
    "int8": (("MatMulInteger", "uint8", "int8"), ("MatMulInteger", "int8", "int8")),
}
"""Precision → operator, and the types of its two factors."""


@cache
def peak_gops(precision: str, threads: int = 0, seconds: float = SECONDS) -> float:
    """Billions of multiplications and additions a second in a product of two matrices; measured once in a process.

    Args:
        precision: "fp32", or "int8": bytes by signed bytes, signed or not, whichever is faster here.
        threads: 0 = as many as there are cores.
        seconds: for each kernel.

    Raises:
        BackendUnavailable: onnx or ONNX Runtime is not installed.
        ValueError: no kernel of this precision.
    """
    if precision not in KERNELS:
        raise ValueError(f"precision {precision!r}: expected {' or '.join(KERNELS)}")
    try:
        best_s = min(fastest_s(runner(*kernel, threads), seconds) for kernel in KERNELS[precision])
    except ImportError as exc:
        raise BackendUnavailable(f"the peak of a machine needs {exc.name}: {pip_install('bench')}") from exc
    return 2 * SIDE**3 / 1e9 / best_s


def fastest_s(run: Callable[[], object], seconds: float) -> float:
    """The shortest of many runs; a busy machine only ever makes one longer."""
    times: list[float] = []
    end = time.perf_counter() + seconds
    while len(times) < LEAST_RUNS or time.perf_counter() < end:
        start = time.perf_counter()
        run()
        times.append(time.perf_counter() - start)
    return min(times)


def runner(operator: str, left: str, right: str, threads: int) -> Callable[[], object]:
    """A product of random matrices, the right one fixed, as a network's weights are."""
    import onnxruntime as ort
    from onnx import TensorProto, helper, numpy_helper

    rng = np.random.default_rng(0)
    numbers, weights = (rng.integers(0, 64, (SIDE, SIDE)).astype(kind) for kind in (left, right))
    kind = helper.np_dtype_to_tensor_dtype(numbers.dtype)
    result = TensorProto.FLOAT if left == "float32" else TensorProto.INT32
    graph = helper.make_graph(
        [helper.make_node(operator, ["numbers", "weights"], ["product"])], "peak",
        [helper.make_tensor_value_info("numbers", kind, (SIDE, SIDE))],
        [helper.make_tensor_value_info("product", result, (SIDE, SIDE))],
        [numpy_helper.from_array(weights, "weights")],
    )  # fmt: skip
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)
    options = ort.SessionOptions()
    options.intra_op_num_threads = threads
    session = ort.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
    bound: Any = session.io_binding()
    bound.bind_ortvalue_input("numbers", ort.OrtValue.ortvalue_from_numpy(numbers))
    product = np.zeros((SIDE, SIDE), np.float32 if left == "float32" else np.int32)
    bound.bind_ortvalue_output("product", ort.OrtValue.ortvalue_from_numpy(product))
    return lambda: session.run_with_iobinding(bound)
