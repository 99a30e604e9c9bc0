"""ONNX files: one written from a traced graph, the check that a file keeps its contract, and what a graph computes.

Weights of LSTMs take half the bytes where that is exact: float16 in the file, cast when it is loaded. No backend
computes LSTMs in fewer bits, so that their weights would be most of a small recognizer's file. Averaged weights of the
trainer are kept in float16, so that nothing is lost.
"""

from __future__ import annotations

import contextlib
import io
import logging
import warnings
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ..runtime.errors import ExportError
from .staging import writing

if TYPE_CHECKING:
    import onnx
    from torch import Tensor, nn

Arrays = dict[str, NDArray[Any]]
"""Input or output -> its numbers."""

OPSET = 18
"""TensorRT samples wrongly (nearest) from opset 20's GridSample; torch exports 18 at the lowest."""
OPSETS = (OPSET, 19)
"""19, the first whose QuantizeLinear takes float16, for int8 graphs for TensorRT."""


HALF = ".half"
"""Behind the name of a stored tensor whose values are cast to the tensor of that name."""


@dataclass(frozen=True)
class Contract:
    """Names, element types and ranks that a graph has towards the runtime."""

    inputs: Mapping[str, tuple[str, int]]
    """Name -> element type, number of axes."""
    outputs: Mapping[str, tuple[str, int]]
    """Name -> element type, number of axes."""


AXES = {
    "image": ("batch", "height", "width", "channels"),
    "region": ("batch", "map_height", "map_width"),
    "affinity": ("batch", "map_height", "map_width"),
    "crops": ("batch", "height", "width", "channels"),
    "symbols": ("batch", "steps"),
    "log_probs": ("batch", "steps", "classes"),
}
"""Input or output -> names of its axes; those of no fixed size carry them in the graph."""

CONTRACTS = {
    "detector": Contract({"image": ("UINT8", 4)}, {"region": ("FLOAT", 3), "affinity": ("FLOAT", 3)}),
    "recognizer": Contract(
        {"crops": ("UINT8", 4), "allowed": ("FLOAT", 1)}, {"symbols": ("INT64", 2), "log_probs": ("FLOAT", 3)}
    ),
}
"""Kind of graph -> its contract (DESIGN, "Graphs")."""


def write_onnx(
    kind: str, graph: nn.Module, examples: tuple[Tensor, ...], dynamic: tuple[dict[int, Any], ...] | None, path: Path
) -> None:
    """Trace `graph` (graphs.py), of the contract `kind`, and write it to `path`.

    `examples`: one input of each kind, with a batch of 2; `dynamic`: per input, axis -> its `torch.export.Dim`. None:
    the graph computes nothing from its input's size, so that it is traced at that of the examples, which takes a
    quarter of the time, and named for all sizes; the comparison with the network at other sizes holds it to that.
    torch traces twice: here, and to decompose its operators, which no public option of `torch.onnx.export` leaves out.

    Raises:
        ExportError: torch could not trace the graph or convert it.
    """
    import onnxslim
    import torch

    contract = CONTRACTS[kind]
    names: dict[str, Any] = {"input_names": list(contract.inputs), "output_names": list(contract.outputs)}
    with quiet(), torch.no_grad():
        try:
            traced = torch.export.export(graph, examples, dynamic_shapes=dynamic)
            program: Any = torch.onnx.export(traced, opset_version=OPSET, external_data=False, verbose=False, **names)
        except (RuntimeError, torch.onnx.OnnxExporterError) as exc:
            raise ExportError(f"torch {torch.__version__} could not export the graph: {exc}") from exc
        model = program.model_proto
        if dynamic is None:
            free(model)
        model = onnxslim.slim(model)
    describe(model)
    save(model, path)


def save(model: onnx.ModelProto, path: Path) -> None:
    """Write a graph as one file; see `store_in_half`, in place. Raise ExportError if the file cannot be written."""
    import onnx

    store_in_half(model)
    with writing(path):
        onnx.save(model, str(path))


def load(path: Path) -> onnx.ModelProto:
    """Return the graph in a file, all its weights in the type that they are computed with."""
    import onnx

    model = onnx.load(str(path))
    restore_from_half(model)
    return model


def store_in_half(model: onnx.ModelProto) -> None:
    """Store the float32 weights that LSTMs take in float16, in place, if all their values are float16's."""
    from onnx import TensorProto, helper, numpy_helper

    taken = {name for node in model.graph.node if node.op_type == "LSTM" for name in node.input[1:3]}
    for tensor in model.graph.initializer:
        if tensor.name not in taken or tensor.data_type != TensorProto.FLOAT:
            continue
        values = numpy_helper.to_array(tensor)
        with np.errstate(over="ignore"):
            half = values.astype(np.float16)
        if np.array_equal(half.astype(np.float32), values):
            cast = helper.make_node("Cast", [tensor.name + HALF], [tensor.name], to=TensorProto.FLOAT)
            model.graph.node.insert(0, cast)
            tensor.CopyFrom(numpy_helper.from_array(half, tensor.name + HALF))


def restore_from_half(model: onnx.ModelProto) -> None:
    """Undo `store_in_half`, in place."""
    from onnx import numpy_helper

    stored = {tensor.name: tensor for tensor in model.graph.initializer if tensor.name.endswith(HALF)}
    for node in [node for node in model.graph.node if node.op_type == "Cast" and node.input[0] in stored]:
        values = numpy_helper.to_array(stored[node.input[0]]).astype(np.float32)
        stored[node.input[0]].CopyFrom(numpy_helper.from_array(values, node.output[0]))
        model.graph.node.remove(node)


def session_of(model: onnx.ModelProto | Path, *, as_written: bool = False) -> Callable[[Arrays], Arrays]:
    """Return a graph, in memory or in a file, as a function from its inputs to its outputs, both by name.

    ONNX Runtime computes it on the CPU; with `as_written` int8 layers with decoded numbers, as the graph says, and
    not with int8 kernels.
    """
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    if as_written:
        options.add_session_config_entry("session.disable_quant_qdq", "1")
    contents = str(model) if isinstance(model, Path) else model.SerializeToString()
    session = onnxruntime.InferenceSession(contents, options, providers=["CPUExecutionProvider"])
    names = [item.name for item in session.get_outputs()]
    return lambda inputs: dict(zip(names, session.run(names, inputs), strict=True))


def free(model: onnx.ModelProto) -> None:
    """Let every axis have any size, but an image's channels, in place."""
    del model.graph.value_info[:]
    for value in (*model.graph.input, *model.graph.output):
        for axis, size in zip(AXES[value.name], value.type.tensor_type.shape.dim, strict=True):
            if axis != "channels":
                size.dim_param = axis


def describe(model: onnx.ModelProto) -> None:
    """Name the producer and the axes, and drop what torch notes about its source lines."""
    model.producer_name = "edgereader"
    model.ClearField("doc_string")
    for item in (model, model.graph, *model.graph.node, *model.graph.input, *model.graph.output):
        item.ClearField("metadata_props")
    for node in model.graph.node:
        node.ClearField("doc_string")
    for value in (*model.graph.input, *model.graph.output):
        for axis, size in zip(AXES.get(value.name, ()), value.type.tensor_type.shape.dim, strict=False):
            if size.dim_param:
                size.dim_param = axis


def check_contract(path: Path, kind: str) -> int:
    """Check that `path` is one self-contained graph of the contract `kind`; return its opset.

    Raises:
        ExportError: it is not; the message says in what.
    """
    import onnx

    try:
        model = onnx.load(str(path), load_external_data=False)
    except Exception as exc:
        raise ExportError(f"{path}: expected an ONNX file, got: {exc}; export the model again") from exc
    outside = [item.name for item in all_tensors(model.graph) if item.data_location == onnx.TensorProto.EXTERNAL]
    if outside:
        raise ExportError(f"{path}: expected one self-contained file, got external data for {outside[0]}")
    opsets = {item.domain or "ai.onnx": item.version for item in model.opset_import}
    used = {node.domain or "ai.onnx" for node in model.graph.node}
    if opsets.get("ai.onnx") not in OPSETS or used != {"ai.onnx"}:
        allowed = " or ".join(map(str, OPSETS))
        raise ExportError(f"{path}: expected operators of ONNX opset {allowed} only, got {opsets} and {sorted(used)}")
    contract = CONTRACTS[kind]
    check_values(path, "inputs", model.graph.input, contract.inputs)
    check_values(path, "outputs", model.graph.output, contract.outputs)
    try:
        onnx.checker.check_model(model)
    except onnx.checker.ValidationError as exc:
        raise ExportError(f"{path}: not a valid ONNX graph: {exc}; export the model again") from exc
    return int(opsets["ai.onnx"])


def check_values(path: Path, what: str, values: Any, expected: Mapping[str, tuple[str, int]]) -> None:
    """Compare names, element types and ranks."""
    import onnx

    got = {
        value.name: (
            onnx.TensorProto.DataType.Name(value.type.tensor_type.elem_type),
            len(value.type.tensor_type.shape.dim),
        )
        for value in values
    }
    if list(got.items()) != list(expected.items()):
        raise ExportError(f"{path}: expected {what} {dict(expected)}, got {got}; export the model again")


def all_tensors(graph: onnx.GraphProto) -> Iterator[onnx.TensorProto]:
    """Yield every stored tensor, those of nodes and of their inner graphs included."""
    yield from graph.initializer
    for sparse in graph.sparse_initializer:
        yield sparse.values
        yield sparse.indices
    for node in graph.node:
        for attribute in node.attribute:
            yield attribute.t
            yield from attribute.tensors
            for inner in (attribute.g, *attribute.graphs):
                if inner.node or inner.initializer:
                    yield from all_tensors(inner)


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Hold back what torch's exporter prints, warns and logs about itself."""
    level = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(level)
