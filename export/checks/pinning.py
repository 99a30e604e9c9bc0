"""Layers that depart on a backend are kept in fp32: quantise again without them, check again, until it passes."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import replace

from ...runtime.bundles.bundle import Bundle
from ...runtime.errors import ExportError
from ..onnx_graph import Graph
from ..pipeline import Say
from ..precision import half, int8
from ..precision.folding import folded
from ..precision.pictures import Pictures
from ..precision.quantization import quantize_model
from ..search import Departure, ancestors
from .backend import Examined, examine
from .comparison import Trial, open_trial
from .files import Check

MOST_ROUNDS = 8
"""Each keeps one more layer; a model that needs more is better left in fp32."""


def pin(trial: Trial, examined: Examined, pictures: Pictures, say: Say = print) -> Iterator[Examined]:
    """Keep the layer that departs in fp32, again and again, until all checks pass; yield what each round finds.

    With TensorRT there is one round, whose only check says how to build the engine of what is in the bundle now.

    Raises:
        ExportError: there is nothing to keep in fp32, or what is left does not pass the gate of `quantize`.
    """
    root, kind, precision, backend = trial.bundle.root, trial.kind, trial.precision, trial.backend
    if precision == "fp32":
        raise ExportError(f"expected a model in fewer bits, got fp32, which {backend} computes wrongly; use another")
    quantized = getattr(trial.bundle.manifest, kind).quantized.get(precision)
    kept = quantized.kept_fp32 if quantized else []
    for _ in range(MOST_ROUNDS):
        kept = [*kept, layer_to_keep(trial, examined.departure, kept)]
        say(f"{kind} {precision}: keeping {kept[-1]} in fp32")
        outcome = quantize_model(Bundle.open(root), kind, pictures, precision=precision, keep=kept, say=say)
        if outcome.path is None:
            raise ExportError(f"expected to pass the gate of quantize with {kept[-1]} in fp32, got {outcome.verdict}")
        if backend in {"tensorrt", "tensorrt-rtx"}:
            build = f"{engine_command(trial, backend)}, then verify again"
            yield Examined((noted(trial, kept, build, passed=False),), (), None)
            return
        trial = open_trial(Bundle.open(root), kind, backend, precision, trial.pictures)
        examined = examine(trial, say)
        yield replace(examined, checks=(noted(trial, kept, *stale_engines(trial)), *examined.checks))
        if examined.passed:
            return


def noted(trial: Trial, kept: Sequence[str], *commands: str, passed: bool = True) -> Check:
    """Return a check that says what is in fp32 now, and what is to be done."""
    return Check(f"{trial.kind} {trial.precision}", "kept in fp32", passed, "; ".join((", ".join(kept), *commands)))


def layer_to_keep(trial: Trial, departure: Departure | None, kept: Collection[str]) -> str:
    """Return the layer that departs, or the nearest one before it that has fewer bits.

    Raises:
        ExportError: there is none.
    """
    if departure is None:
        raise ExportError("expected a layer that departs, got none by itself; leave the model in fp32")
    graph = Graph(folded(trial.bundle.file(trial.kind)))
    free = {layer.name for layer in int8.cpu_layers(graph)} if trial.precision == "int8" else None
    owners = {
        tensor: part.name
        for part in half.parts(graph)
        if part.name not in kept and (part.name in free if free is not None else not part.fixed)
        for tensor in part.nodes
    }
    until = departure.steps[: departure.steps.index(departure.first) + 1]
    tensor = next((step.tensor for step in reversed(until) if step.tensor in graph.producer), "")  # not an int8 code
    before = {tensor, *ancestors(graph, tensor)}
    found = [owners[name] for node in graph.graph.node for name in node.output if name in before & owners.keys()]
    if not found:
        raise ExportError(f"expected a layer in {trial.precision} at {departure.first.layer}, got none")
    return found[-1]


def stale_engines(trial: Trial) -> list[str]:
    """Return the commands that build those engines again that are of an older file of the model."""
    model = trial.kind, trial.precision
    engines = trial.bundle.manifest.engines
    built = {engine.flavour for engine in engines if (engine.kind, engine.precision) == model}
    return [engine_command(trial, flavour) for flavour in sorted(built)]


def engine_command(trial: Trial, flavour: str) -> str:
    """Return the command that builds a model's engine."""
    precision = trial.precision.removesuffix("-trt")
    return f"`edgereader engine {trial.bundle.root} --flavour {flavour} --precision {precision} --only {trial.kind}`"
