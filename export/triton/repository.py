"""A bundle -> a model repository of Triton: two networks, and a reader that asks them.

Each model is whole by itself, as some servers fetch one at a time: its configuration, a program, and what it needs of
the bundle. They are of Triton's Python backend and open the runtime's own sessions, so that what these check
(checksums, engines' passports, the canary) is checked there too, on every backend.
"""

from __future__ import annotations

import json
from bisect import bisect_left
from collections.abc import Iterable, Mapping
from math import prod
from pathlib import Path
from typing import Any

import msgspec

from ...runtime.bundles.bundle import MANIFEST_NAME, Bundle, Checked
from ...runtime.bundles.manifest import CANVAS_SIDES_PX, KINDS, Canary, Kind, Passport, ShapeRange
from ...runtime.errors import BundleError, ExportError
from ...runtime.sessions.canary import crop_of, decoded
from ...runtime.sessions.opening import open_unproven
from ...runtime.sessions.profiles import default_profile
from ...runtime.sessions.triton.contract import DTYPES, IMAGES, OUTPUTS, PARAMETER, Fleet, Served, identity_of
from ..staging import entries, flush, models_of, place, staged, writing

Dims = Mapping[str, list[int]]
PROGRAM = '''"""Written by `edgereader export triton`; the Python that Triton starts needs edgereader."""

from edgereader.runtime.sessions.triton.server import {program} as TritonPythonModel

__all__ = ["TritonPythonModel"]
'''
CONFIGURATION = """backend: "python"
max_batch_size: {rows}
input [ {inputs} ]
output [ {outputs} ]
dynamic_batching {{ max_queue_delay_microseconds: {delay_us} }}
instance_group [ {{ kind: KIND_CPU count: {instances} }} ]
parameters {{ key: "{parameter}" value {{ string_value: {told} }} }}
"""
WARM_UP = 'model_warmup [ {{ name: "canary" batch_size: 1 {inputs} }} ]\n'
DELAY_US = 500
"""A network waits so long for pictures that it can run together."""
READERS, PHOTOS = 2, 16
"""Copies of the reader, and photos that each reads at once."""


def write_repository(
    bundle: Bundle,
    root: Path,
    backend: str = "cpu",
    precision: str | None = None,
    *,
    instances: int = 1,
    threads: int | None = None,
    long_side_px: int | None = None,
    canvases: int = 1,
    options: Mapping[str, Any] | None = None,
) -> dict[Kind, Served]:
    """Write a model repository, all of it or nothing; return what it says of the networks.

    Args:
        bundle: one with both networks and a canary.
        root: the repository's folder, new or empty.
        backend: what the networks run on, on the server.
        precision: "fp32", ...; None = what the bundle prefers on the backend.
        instances: copies of each network.
        threads: how many each computes with on the CPU; None = one for each core.
        long_side_px: longest side of canvases; None = as the bundle says.
        canvases: so many are run at once.
        options: arguments of `Reader` for the reader.

    Raises:
        BundleError: a network, its precision, an engine or the canary is missing, or a file is damaged.
        ExportError: the folder is not empty, or cannot be written.
        BackendError, BackendUnavailable: ONNX Runtime cannot open a graph, to see its shapes.
    """
    canary, root = bundle.manifest.canary, root.absolute()
    if models_of(bundle.manifest) != KINDS or canary is None:
        fix = "`edgereader export` adds them"
        raise BundleError(f"{bundle.root}: expected a detector, a recognizer and a canary, got less; {fix}")
    side_px = CANVAS_SIDES_PX[bisect_left(CANVAS_SIDES_PX, long_side_px or bundle.detector.long_side_px)]
    profile = default_profile(bundle, "detector", ((side_px, side_px),), canvases)
    profile |= default_profile(bundle, "recognizer")
    networks = {kind: _served(bundle, kind, backend, precision, threads, profile[IMAGES[kind]]) for kind in KINDS}
    with staged(root.parent) as folder, writing(root):
        if root.exists() and next(root.iterdir(), None) is not None:
            raise ExportError(f"{root}: expected a new folder, got one that is not empty; name another, or empty it")
        repository = folder / "repository"
        for kind, served in networks.items():
            _write_network(bundle, kind, served, repository / kind, instances, canary)
        fleet = Fleet(networks=networks, options=dict(options or {}))
        _write_model(bundle, repository / "reader", "ReaderModel", [])
        _configure(repository / "reader", fleet, {"photo": [-1]}, {"readings": [-1]}, PHOTOS, READERS)
        for path in filter(Path.is_file, repository.rglob("*")):
            flush(path)
        root.parent.mkdir(parents=True, exist_ok=True)
        repository.replace(root)
    return networks


def _served(
    bundle: Bundle, kind: Kind, backend: str, precision: str | None, threads: int | None, limits: ShapeRange
) -> Served:
    """What the server will say of a network, which takes shapes within these limits or those of its engines."""
    precision = precision or bundle.precision(kind, backend)
    if backend in {"tensorrt", "tensorrt-rtx"}:
        ranges = [one.profile[IMAGES[kind]] for one in _engines(bundle, kind, backend, precision)]
        limits = min(ranges, key=lambda shapes: prod(shapes.max))
    graph = open_unproven(bundle, kind, "cpu", bundle.precision(kind, "cpu"))
    return Served(
        identity=identity_of(bundle, kind),
        backend=backend,
        precision=precision,
        threads=threads,
        limits=limits,
        outputs={name: graph.output_shape(name) for name in OUTPUTS[kind]},
    )


def _engines(bundle: Bundle, kind: Kind, backend: str, precision: str) -> list[Passport]:
    """Those of a network, for all GPUs."""
    asked = kind, backend, precision
    found = [one for one in bundle.manifest.engines if (one.kind, one.flavour, one.precision) == asked]
    if not found and backend in {"tensorrt", "tensorrt-rtx"}:
        fix = f"`edgereader engine --flavour {backend}` builds one"
        raise BundleError(f"{bundle.root}: expected an engine of the {kind} in {precision}, got none; {fix}")
    return found


def _write_network(bundle: Bundle, kind: Kind, served: Served, folder: Path, instances: int, canary: Canary) -> None:
    engines = _engines(bundle, kind, served.backend, served.precision)
    _write_model(bundle, folder, "NetworkModel", [bundle.read(kind, served.precision), *map(bundle.engine, engines)])
    name, picture = IMAGES[kind], decoded(bundle, canary.image)
    if kind == "recognizer":
        picture = crop_of(bundle.recognizer, picture, canary.crop_xywh)
    height, channels = (-1 if kind == "detector" else picture.shape[0]), picture.shape[2]
    inputs, first = {name: [height, -1, channels]}, {name: f'input_data_file: "{name}" dims: {list(picture.shape)}'}
    if kind == "recognizer":
        inputs["allowed"] = [bundle.recognizer.classes]
        first["allowed"] = f"zero_data: true dims: {inputs['allowed']}"
    outputs = {name: [size or -1 for size in shape[1:]] for name, shape in served.outputs.items()}
    rows = served.limits.max[0]
    _configure(folder, served, inputs, outputs, rows, instances)
    (folder / "warmup").mkdir()
    (folder / "warmup" / name).write_bytes(picture.tobytes())
    given = [f'{{ key: "{name}" value {{ data_type: TYPE_{DTYPES[name]} {data} }} }}' for name, data in first.items()]
    with (folder / "config.pbtxt").open("a") as file:
        file.write(WARM_UP.format(inputs=" ".join(f"inputs {one}" for one in given)))


def _write_model(bundle: Bundle, folder: Path, program: str, files: Iterable[Checked]) -> None:
    """Write a model's program, with the bundle's manifest, its canary, and these files of it."""
    inside = folder / "1" / "bundle"
    inside.mkdir(parents=True)
    (inside / MANIFEST_NAME).write_bytes((bundle.root / MANIFEST_NAME).read_bytes())
    canary = entries(bundle.manifest.canary) if bundle.manifest.canary else ()
    for file in (*files, *map(bundle.canary_file, canary)):
        target = place(inside, file.path.name)
        target.parent.mkdir(exist_ok=True)
        target.write_bytes(file.contents)
    (folder / "1" / "model.py").write_text(PROGRAM.format(program=program))


def _configure(folder: Path, told: Served | Fleet, inputs: Dims, outputs: Dims, rows: int, instances: int) -> None:
    """Write a model's configuration."""

    def listed(tensors: Dims, more: str = "") -> str:
        types = {name: DTYPES.get(name, "UINT8") for name in tensors}
        return ", ".join(
            f'{{ name: "{name}" data_type: TYPE_{types[name]} dims: {dims}{more} }}' for name, dims in tensors.items()
        )

    text = CONFIGURATION.format(
        rows=rows,
        inputs=listed(inputs, " allow_ragged_batch: true"),
        outputs=listed(outputs),
        delay_us=DELAY_US,
        instances=instances,
        parameter=PARAMETER,
        told=json.dumps(msgspec.json.encode(told).decode()),
    )
    (folder / "config.pbtxt").write_text(text)
