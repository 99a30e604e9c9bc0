"""From an ONNX file to one of TensorRT's plans: one way for TensorRT 10.3 to 11 and for TensorRT for RTX.

Precision is in the graph: the network is strongly typed, which is all that TensorRT 11 knows.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ...runtime.bundles.manifest import Profile
from ...runtime.errors import BackendError, ExportError
from ...runtime.sessions.tensorrt.engines import Engine, logger_of
from . import timing_cache
from .build_log import BuildLog, Phases, Progress, monitor_of, recording
from .plan_contract import check_engine, check_network, check_profile, single_layers
from .tensorrt_library import (
    DEFAULTS,
    Flavour,
    Options,
    configure,
    expect_known,
    load_library,
    resolve_targets,
    runs_here,
    strongly_typed,
)

LOOK_S = 0.1
"""How often a build is asked how far it is, and may be interrupted."""


@dataclass(frozen=True)
class BuiltPlan:
    """A serialised engine."""

    contents: bytes
    """The plan."""
    version: str
    """Version of the library that built it, and that runs it."""
    targets: tuple[str, ...]
    """GPUs that it was built for: "sm86", ..."""
    fp32_layers: tuple[str, ...]
    """ONNX nodes that calculate in float32."""
    layers: int
    """ONNX nodes that calculate in floating point, those included."""
    warnings: tuple[str, ...]
    """What TensorRT warned of."""
    read_back: bool
    """Whether the plan was loaded again and compared; it can only be on a GPU that it was built for."""
    seconds: float
    """Time to build it."""


def build_plan(
    onnx_path: Path,
    profile: Profile,
    flavour: Flavour,
    targets: Sequence[str] = (),
    options: Options = DEFAULTS,
    *,
    progress: Progress = lambda _done, _phase: None,
    log: Path | None = None,
) -> BuiltPlan:
    """Build a plan. Ctrl-C ends it at TensorRT's next step; so does any error that `progress` raises.

    Args:
        onnx_path: a graph of one of the contracts (DESIGN, "Graphs"), which may have more outputs.
        profile: the shapes that it must take, for each input whose shape is open.
        flavour, targets, options: see `build_engine`.
        progress: told how far the build is, some times a second.
        log: file for all of TensorRT's messages.

    Raises:
        BackendUnavailable: the library, or for `tensorrt` the GPU, is not there.
        ExportError: a target or option that the library does not know, a graph that it cannot parse, a graph or
            profile that is none of a contract, or a build that failed; with the last messages and the log's path.
    """
    trt = load_library(flavour)
    targets = resolve_targets(trt, flavour, targets)
    expect_known(flavour, options)
    with recording(trt, log) as messages:
        try:
            builder = trt.Builder(logger_of(trt))
            network = builder.create_network(strongly_typed(trt))
            parser = trt.OnnxParser(network, logger_of(trt))  # holds the weights until the plan is built
            parse(parser, onnx_path)
            kind, found = check_network(network)
            config = configure(trt, builder, flavour, targets, options)
            check_profile(add_profile(builder, config, profile), found, profile)
            names, layers = single_layers(network)
            single = labelled(onnx_path, names)
            messages.write(f"in float32: {', '.join(single) or 'nothing'}")
            start = time.monotonic()
            contents = run(trt, builder, network, config, options, messages, progress)
            seconds = time.monotonic() - start
            if read_back := runs_here(targets):
                engine = Engine(trt, contents, onnx_path.name, host_code=options.version_compatible)
                check_engine(engine, kind, found, profile)
        except (BackendError, ExportError) as exc:
            raise ExportError(f"{onnx_path}: {exc}" + (f"; all messages: {log}" if log else "")) from exc
    warnings = tuple(messages.warnings)
    return BuiltPlan(contents, trt.__version__, targets, single, layers, warnings, read_back, seconds)


def parse(parser: Any, path: Path) -> None:
    """Read a graph into the parser's network."""
    if not parser.parse_from_file(str(path)):
        errors = [parser.get_error(index) for index in range(parser.num_errors)]
        told = "; ".join(f"{error.node_operator()} {error.node_name()}: {error.desc()}".strip(": ") for error in errors)
        raise ExportError(f"expected a graph that TensorRT parses, got: {told}; export the model again")


def labelled(path: Path, names: Sequence[str]) -> tuple[str, ...]:
    """Return nodes by weights, as `edgereader quantize` names layers, and operator; as they are without onnx."""
    try:
        import onnx
    except ImportError:
        return tuple(names)
    labels = {}
    for node in onnx.load(str(path), load_external_data=False).graph.node:
        owner = next((name.partition(".weight")[0] for name in node.input if ".weight" in name), node.name)
        labels[node.name] = f"{owner} ({node.op_type})"
    return tuple(labels.get(name, name) for name in names)


def add_profile(builder: Any, config: Any, profile: Profile) -> Any:
    """Give the configuration the shapes that the engine must take; return them as TensorRT holds them."""
    shapes = builder.create_optimization_profile()
    for name, sizes in profile.items():
        shapes.set_shape(name, sizes.min, sizes.opt, sizes.max)
    if config.add_optimization_profile(shapes) != 0:
        raise ExportError(f"expected a profile that TensorRT takes, got {profile}; give other shapes")
    return shapes


def run(
    trt: Any, builder: Any, network: Any, config: Any, options: Options, messages: BuildLog, progress: Progress
) -> bytes:
    """Build and serialise the engine, in a thread of its own so that this one can be interrupted."""
    phases = Phases()
    config.progress_monitor = monitor_of(trt, phases)
    if options.timing_cache is not None:
        messages.warn(timing_cache.start_from(config, options.timing_cache))
    with ThreadPoolExecutor(1) as pool:
        building = pool.submit(builder.build_serialized_network, network, config)
        try:
            while wait([building], LOOK_S).not_done:
                progress(*phases.now())
        except BaseException:
            phases.stop = True
            raise
    contents = building.result()
    if contents is None:
        raise ExportError(f"expected an engine from {trt.__name__} {trt.__version__}, got: {messages.quoted()}")
    if options.timing_cache is not None:
        messages.warn(timing_cache.keep(config, options.timing_cache))
    progress(1.0, "")
    return bytes(contents)
