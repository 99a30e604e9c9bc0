"""A bundle's TensorRT engines: built from its graphs, checked, and entered with their passports."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from hashlib import sha256
from pathlib import Path

import msgspec

from ...runtime.bundles.bundle import ENGINES_FOLDER, Bundle
from ...runtime.bundles.manifest import FileEntry, Kind, Passport
from ...runtime.errors import BundleError, ExportError
from ...runtime.sessions.profiles import default_profile
from ..staging import commit, staged, writing
from .build_log import Progress
from .plan import BuiltPlan, build_plan
from .tensorrt_library import DEFAULTS, Flavour, Options, expect_known, load_library, resolve_targets

LONGEST_SIDE_PX = 8192


def build_engine(
    bundle: Bundle,
    kind: Kind,
    flavour: Flavour,
    precision: str | None = None,
    *,
    targets: Sequence[str] = (),
    canvases_hw: Sequence[tuple[int, int]] = (),
    max_batch: int | None = None,
    options: Options = DEFAULTS,
    log: Path | None = None,
    progress: Progress = lambda _done, _phase: None,
    say: Callable[[str], None] = print,
) -> Passport:
    """Add a model's engine to a bundle, in place of an older one of the same name; all or nothing.

    Args:
        precision: "fp32", "fp16" or "int8"; None = fp16 where the bundle has it, else fp32.
        targets: GPUs that it is for, "sm86", ...; () = this machine's.
        canvases_hw: what a detector's engine takes, see `default_profile`; sides are multiples of 32.
        max_batch: most images or crops at once, see `default_profile`.
        options: the builder's choices; without a timing cache, `tensorrt` takes the one in the bundle.
        log: file for TensorRT's messages; None = beside the engine, as NAME.log.
        progress, say: told how far the build is, and what came of it.

    Raises:
        BundleError: no such model or precision, or an altered file.
        BackendUnavailable, ExportError: see `build_plan`; or the bundle cannot be written. It is as it was.
    """
    precision = graph_precision(bundle, kind, precision)
    spec = bundle.detector if kind == "detector" else bundle.recognizer
    graph, version = bundle.file(kind, precision), load_library(flavour).__version__
    targets = resolve_targets(load_library(flavour), flavour, targets)
    expect_known(flavour, options)
    expect_canvases(canvases_hw)
    profile = default_profile(bundle, kind, canvases_hw, max_batch)
    name = f"{kind}.{precision}.{flavour}-{version}.{'-'.join(targets)}"
    say(f"{kind}: {precision}, {flavour} {version}, for {', '.join(targets)}")
    engines = bundle.root / ENGINES_FOLDER
    with writing(engines):
        engines.mkdir(exist_ok=True)
    with staged(engines) as folder:
        if flavour == "tensorrt" and options.timing_cache is None:
            options = replace(options, timing_cache=engines / f"{flavour}-{version}.timing.cache")
        log = log or engines / f"{name}.log"
        built = build_plan(graph, profile, flavour, targets, options, progress=progress, log=log)
        plan = folder / f"{name}.engine"
        with writing(plan):
            plan.write_bytes(built.contents)
        passport = Passport(
            file=FileEntry(path=plan.name, sha256=sha256(built.contents).hexdigest(), bytes=len(built.contents)),
            kind=kind,
            precision=precision,
            flavour=flavour,
            version=version,
            targets=list(targets),
            onnx_sha256=spec.files[precision].sha256,
            profile=profile,
            flags=options.flags,
        )
        manifest = Bundle.open(bundle.root.absolute()).manifest  # a build takes minutes: it may be another by now
        others = [other for other in manifest.engines if other.file.path != plan.name]
        commit(bundle.root, msgspec.structs.replace(manifest, engines=[*others, passport]), [plan])
    for line in report(built, precision, log):
        say(f"{kind}: {line}")
    return passport


def graph_precision(bundle: Bundle, kind: Kind, wanted: str | None) -> str:
    """Return the precision of the graph to build from, as the bundle names it: for int8, TensorRT's own file.

    Raises:
        BundleError: the bundle does not have it.
    """
    files = (bundle.detector if kind == "detector" else bundle.recognizer).files
    if wanted is None:
        return "fp16" if "fp16" in files else "fp32"
    precision = "int8-trt" if wanted == "int8" else wanted
    if precision not in files:
        known = ", ".join(sorted(files)) or "none"
        make = f"edgereader quantize {bundle.root} --precision {precision} --calibration FOLDER --only {kind}"
        why = " (int8 is for CPUs)" if precision == "int8-trt" and "int8" in files else ""
        raise BundleError(
            f"{bundle.root}: expected a {kind} in {precision}, got: {known}{why}; make it with `{make}`, "
            "or give `edgereader engine` that --calibration FOLDER"
        )
    return precision


def expect_canvases(canvases_hw: Sequence[tuple[int, int]]) -> None:
    """Refuse canvases that the detector does not take."""
    for height, width in canvases_hw:
        if any(side % 32 or not 32 <= side <= LONGEST_SIDE_PX for side in (height, width)):
            limits = f"multiples of 32 up to {LONGEST_SIDE_PX}"
            raise ExportError(f"canvas {height}x{width}: expected {limits}; round its sides")


def report(built: BuiltPlan, precision: str, log: Path) -> Iterator[str]:
    """Yield what a person should know of a build."""
    yield f"{len(built.contents) / 1e6:.1f} MB in {built.seconds:.1f} s; all messages: {log}"
    if precision != "fp32":
        names = ", ".join(built.fp32_layers) or "none"
        yield f"in fp32 {len(built.fp32_layers)} of {built.layers} nodes that calculate: {names}"
    if built.read_back:
        yield "loaded again: inputs, outputs and profile are those of the contract"
    else:
        yield "not loaded here, which takes a GPU that it was built for; its network and profile are the contract's"
    for warning in built.warnings:
        yield f"warning: {warning}"
