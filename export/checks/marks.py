"""Where a model departs on a backend: its graph with inner tensors marked as outputs, there and on the CPU."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from msgspec.structs import replace

from ...runtime.bundles.bundle import Bundle, write_bundle
from ...runtime.sessions.opening import open_unproven
from ..onnx_file import Arrays, session_of
from ..onnx_graph import Graph, copied
from ..parity import apart
from ..precision.folding import folded
from ..search import Departure, Errors, find_departure
from ..staging import entry_of
from .comparison import INPUTS, Comparison, Trial, bind, images_of, in_turn, sizes_of

if TYPE_CHECKING:
    import onnx

LIMITS = {"fp32": 1e-3, "fp16": 0.02}
"""Precision -> how far outputs and layers may be `apart` from fp32."""
INT8_LIMIT = 0.2
"""The same for int8; in the shipped bundle no layer and no output is further off than 0.06."""
SAME_GRAPH = 0.05
"""How far one graph may be `apart` on two devices, or in two batches: some int8 codes are rounded the other way."""
MARK = ".marked"
"""What the name of a marked tensor's output ends with."""


def limit_of(precision: str) -> float:
    """Return how far apart from fp32 a precision may be."""
    return LIMITS.get(precision, INT8_LIMIT)


def look_for_departure(trial: Trial, found: Comparison | None) -> tuple[Departure, str] | None:
    """Return the first layer that departs, and whether that is the backend's doing or the precision's.

    First the same graph as it is written, on the CPU, and on the backend; then fp32 on the CPU, and the backend.

    `found`: the batch to look at; None = one of the smallest size.

    Raises:
        EdgeReaderError: a graph with more outputs cannot be built or run there.
    """
    import onnx

    inputs, limit = inputs_of_batch(trial, found), limit_of(trial.precision)
    model = onnx.load(str(trial.bundle.file(trial.kind, trial.precision)))
    single = folded(trial.bundle.file(trial.kind))
    names, same = Graph(single), min(limit, SAME_GRAPH)
    produced = {name for node in model.graph.node for name in node.output}
    errors = errors_between(trial, model, model, inputs)
    if where := find_departure(Graph(model), produced, errors, (same / 4, same), names):
        return where, f"{trial.backend} computes it otherwise than the graph says"
    errors = errors_between(trial, single, model, inputs)
    where = find_departure(names, produced, errors, (LIMITS["fp32"] / 10, limit), names)
    return (where, f"in {trial.precision} it is not what it is in fp32") if where else None


def inputs_of_batch(trial: Trial, found: Comparison | None) -> Arrays:
    """Return the graph's inputs for a batch that was compared."""
    (height, width), (*_, batch) = next(iter(sizes_of(trial).items()))
    if found is not None:
        batch, height, width, _ = found.shape
    images = in_turn(images_of(trial, (height, width)), batch)
    if trial.kind == "detector":
        return {"image": images}
    spec = trial.bundle.recognizer
    return {"crops": images, "allowed": np.zeros(spec.classes, np.float32)}


def errors_between(trial: Trial, expected: onnx.ModelProto, model: onnx.ModelProto, inputs: Arrays) -> Errors:
    """Return what tells how far a graph's tensors on the trial's backend are apart from another's on the CPU."""

    def errors(names: Sequence[str]) -> dict[str, float]:
        outputs = session_of(marked(expected, names), as_written=True)(inputs)
        right = {name: outputs[name + MARK] for name in names}
        got = run_on_backend(trial, marked(model, names), inputs, right)
        return {name: apart(got[name], right[name]) for name in names}

    return errors


def marked(model: onnx.ModelProto, names: Sequence[str]) -> onnx.ModelProto:
    """Return a copy of a graph that gives these tensors too, as float32, each under its name with `MARK`."""
    from onnx import TensorProto, helper

    copy = copied(model)
    for name in names:
        copy.graph.node.append(helper.make_node("Cast", [name], [name + MARK], name=name + MARK, to=TensorProto.FLOAT))
        copy.graph.output.append(helper.make_tensor_value_info(name + MARK, TensorProto.FLOAT, None))
    return copy


def run_on_backend(trial: Trial, model: onnx.ModelProto, inputs: Arrays, like: Arrays) -> Arrays:
    """Return marked tensors by name on the trial's backend, in the shapes of those in `like`.

    TensorRT builds an engine for each run.

    Raises:
        BackendError, BackendUnavailable, ExportError: it cannot be built or run.
    """
    images = inputs[INPUTS[trial.kind]]
    with tempfile.TemporaryDirectory() as folder:
        write_marked(trial, model, Path(folder))
        session = open_unproven(Bundle.open(Path(folder)), trial.kind, trial.backend, trial.precision)
        binding = bind(session, trial, images.shape, {name + MARK: array for name, array in like.items()})
        binding.inputs[INPUTS[trial.kind]][:] = images
        binding.run(len(images))
        return {name: binding.outputs[name + MARK].copy() for name in like}


def write_marked(trial: Trial, model: onnx.ModelProto, folder: Path) -> None:
    """Write a bundle of one graph, with an engine of the trial's shapes where the backend runs engines."""
    import onnx

    manifest = trial.bundle.manifest
    path = folder / f"{trial.kind}.{trial.precision}.onnx"
    onnx.save(model, str(path))
    spec = replace(getattr(manifest, trial.kind), files={trial.precision: entry_of(path)}, preferred={})
    parts: dict[str, Any] = {"detector": None, "recognizer": None, trial.kind: spec}
    write_bundle(folder, replace(manifest, canary=None, engines=[], **parts))
    limits = trial.session.limits(INPUTS[trial.kind])
    if trial.backend in ("tensorrt", "tensorrt-rtx") and limits is not None:
        from ..engines.engine import build_engine

        build_engine(
            Bundle.open(folder),
            trial.kind,
            trial.backend,  # type: ignore[arg-type]
            trial.precision,
            canvases_hw=[(shape[1], shape[2]) for shape in (limits.opt, limits.max) if trial.kind == "detector"],
            max_batch=limits.max[0],
            say=lambda _: None,
        )
