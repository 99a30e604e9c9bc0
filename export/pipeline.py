"""The whole export: checkpoint -> network -> ONNX -> parity -> bundle, and its canary; all or nothing."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from ..models.checkpoints.training_options import TrainingOptions
from ..runtime.bundles.bundle import MANIFEST_NAME, Bundle, file_sha256
from ..runtime.bundles.manifest import (
    SCHEMA,
    STRIDE_PX,
    DetectorSpec,
    FileEntry,
    Kind,
    Manifest,
    Parity,
    RecognizerSpec,
    Thresholds,
    expect_sides,
)
from ..runtime.errors import ExportError
from .canary import draw_canary
from .card import renew_card, today
from .networks import expect_charset, load_craft, load_refiner, named_charset, open_recognizer
from .onnx_file import check_contract, write_onnx
from .parity import check_parity, detector_cases, recognizer_cases
from .staging import commit, entries, entry_of, models_of, staged

if TYPE_CHECKING:
    from ..models.craft import CRAFT
    from ..models.link_refiner import LinkRefiner
    from ..models.recognizer import Recognizer

AnyPath = str | os.PathLike[str]

Say = Callable[[str], None]
"""Takes one line of progress."""

LICENCE = "not stated; see the source of the checkpoint"
"""Licence of a bundle when none is given."""

EASYOCR_MARGIN = 0.1
"""Share of their lesser side that EasyOCR cuts around texts."""

WIDEST_CROP_PX = 32 * 256


@dataclass(frozen=True)
class Target:
    """Where an export goes."""

    bundle: Path
    """Folder of the bundle, an existing one or a new one."""
    name: str | None = None
    """Name of the bundle; None keeps the old name, or takes the folder's."""
    licence: str | None = None
    """Licence of the weights; None keeps the old one, or says that none is stated."""


@dataclass(frozen=True)
class Exported:
    """One model that was written into a bundle."""

    path: Path
    """The ONNX file."""
    parity: Parity
    """How closely it follows its network."""


def export_detector(
    checkpoint: AnyPath,
    target: Target | AnyPath,
    *,
    refiner: AnyPath | None = None,
    thresholds: Thresholds | None = None,
    long_side_px: int = 1280,
    coarse_side_px: int | None = None,
    zoom: float | None = None,
    as_easyocr: bool = False,
    say: Say = print,
) -> Exported:
    """Export a CRAFT checkpoint into a bundle, a folder that is new or has one.

    `refiner`: a link refiner's checkpoint, which becomes part of the graph.
    `thresholds`, `long_side_px`, `coarse_side_px`, `zoom` and `as_easyocr` are stored in the bundle: `DetectorSpec`.

    Raises:
        CheckpointError, BundleError, ExportError, ParityError: nothing was written.
    """
    checkpoint, target = Path(checkpoint), as_target(target)
    expect_sides(long_side_px, coarse_side_px)
    expect_extendable(target.bundle)
    say(f"reading {checkpoint}")
    craft = load_craft(checkpoint)
    links = load_refiner(Path(refiner)) if refiner else None

    def spec(files: dict[str, FileEntry], parity: dict[str, Parity]) -> DetectorSpec:
        return DetectorSpec(
            architecture="CRAFT+LinkRefiner" if links else "CRAFT",
            width=craft.width,
            strided=craft.strided,
            thresholds=thresholds or Thresholds(),
            long_side_px=long_side_px,
            coarse_side_px=coarse_side_px,
            zoom=zoom,
            as_easyocr=as_easyocr,
            files=files,
            parity=parity,
        )

    with staged(target.bundle) as folder:
        path = folder / "detector.onnx"
        say("tracing the detector")
        trace_detector(craft, links, path)
        exported = finish(path, "detector", spec, detector_cases(craft, links), target, say)
    renew_card(target.bundle, {"detector": origin(checkpoint)})
    return exported


def export_recognizer(
    checkpoint: AnyPath,
    target: Target | AnyPath,
    *,
    charset: str | None = None,
    image_hw: tuple[int, int] | None = None,
    widths: tuple[int, ...] | None = None,
    max_length: int | None = None,
    keep_ratio: bool | None = None,
    stretch: float | None = None,
    margin: float | None = None,
    even_contrast: bool | None = None,
    options: AnyPath | None = None,
    say: Say = print,
) -> Exported:
    """Export a recognizer's checkpoint into a bundle, a folder that is new or has one.

    `charset`: see `named_charset`; `image_hw`, `widths`, `max_length`, `keep_ratio`, `stretch`, `even_contrast`: see
    `TrainingOptions`; what is None comes from the checkpoint or from the file `options` (see `read_options`), or else
    is assumed as published, and said. `margin`: share of their height to cut around texts; None = none, but with
    EasyOCR's networks as EasyOCR does.

    Raises:
        CheckpointError, BundleError, ExportError, ParityError: nothing was written.
    """
    checkpoint, target = Path(checkpoint), as_target(target)
    expect_extendable(target.bundle)
    say(f"reading {checkpoint}")
    characters = None if charset is None else named_charset(charset)
    given = TrainingOptions(characters, image_hw, widths, max_length, keep_ratio, stretch, even_contrast)
    trained = open_recognizer(
        checkpoint, given, options=Path(options) if options else None, easyocr=(charset or "").startswith("easyocr-")
    )
    network, told, config = trained.network, trained.told, trained.network.config
    characters = expect_charset(told.charset, config.num_classes, config.stages.split("-")[3])
    widths = told.widths or ()
    for line in trained.assumed:
        say(f"assumed: {line}")

    try:
        spec = RecognizerSpec(
            stages=config.stages,
            charset=characters,
            image_hw=config.image_hw,
            widths=widths,
            channels=3 if config.channels == 3 else 1,
            width=config.width,
            max_length=config.max_length,
            keep_ratio=bool(told.keep_ratio),
            stretch=told.stretch or 1.0,
            margin=(EASYOCR_MARGIN if trained.as_easyocr else 0.0) if margin is None else margin,
            even_contrast=config.even_contrast,
            as_easyocr=trained.as_easyocr,
            files={},
            parity={},
        )
    except ValueError as exc:
        raise ExportError(
            f"{checkpoint}: {exc}; change --widths, --size or --keep-ratio, or leave --widths out"
        ) from exc
    exported = write_recognizer(network, spec, target, say)
    renew_card(target.bundle, {"recognizer": origin(checkpoint)})
    return exported


def write_recognizer(network: Recognizer, spec: RecognizerSpec, target: Target, say: Say) -> Exported:
    """Write a network's graph into a bundle, with all that `spec` says but its files.

    Raises:
        BundleError, ExportError, ParityError: nothing was written.
    """

    def written(files: dict[str, FileEntry], parity: dict[str, Parity]) -> RecognizerSpec:
        return replace(spec, files=files, parity=parity, quantized={}, preferred={})

    with staged(target.bundle) as folder:
        path = folder / "recognizer.onnx"
        say(f"tracing {spec.stages} (up to a minute)")
        trace_recognizer(network, path, spec.widths)
        return finish(path, "recognizer", written, recognizer_cases(network, spec.widths), target, say)


def as_target(target: Target | AnyPath) -> Target:
    """Return where an export goes, of a path too."""
    return target if isinstance(target, Target) else Target(Path(target))


def origin(checkpoint: Path) -> str:
    """Return a line for the card: from which file a network comes, and since when."""
    return f"exported from `{checkpoint.name}` (SHA-256 {file_sha256(checkpoint)}) on {today()}"


def trace_detector(craft: CRAFT, refiner: LinkRefiner | None, path: Path) -> None:
    """Write the detector's graph: batch, height and width dynamic, the latter two multiples of 32."""
    import torch

    from .graphs import DetectorGraph

    image = torch.zeros(2, 64, 96, 3, dtype=torch.uint8)
    write_onnx("detector", DetectorGraph(craft, refiner).eval(), (image,), None, path)


def trace_recognizer(network: Recognizer, path: Path, widths: tuple[int, ...] = ()) -> None:
    """Write the recognizer's graph: batch dynamic; with `widths` the width too, a multiple of 4."""
    import torch
    from torch.export import Dim

    from .graphs import RecognizerGraph

    config = network.config
    crops = torch.zeros(2, *config.image_hw, config.channels, dtype=torch.uint8)
    allowed = torch.zeros(config.num_classes)
    dynamic = {0: Dim("batch")}
    if widths:
        dynamic[2] = STRIDE_PX * Dim("columns", min=2, max=WIDEST_CROP_PX // STRIDE_PX)
    write_onnx("recognizer", RecognizerGraph(network).eval(), (crops, allowed), (dynamic, {}), path)


def finish(
    path: Path, kind: Kind, spec: Callable[..., Any], cases: Iterator[Any], target: Target, say: Say
) -> Exported:
    """Check the staged graph and see what it makes of a canary, and only then put it into the bundle."""
    check_contract(path, kind)
    done = iter(range(1, 1000))
    parity = check_parity(path, cases, lambda: say(f"comparing with the network: input {next(done)}"))
    manifest = extended(target, kind, spec({"fp32": entry_of(path)}, {"fp32": parity}))
    root, folder = target.bundle.absolute(), path.parent
    bundles = {model: Bundle(folder if model == kind else root, manifest) for model in models_of(manifest)}
    canary = draw_canary(bundles, folder)
    say(f"writing {path.name}")
    commit(root, replace(manifest, canary=canary), [path, *(folder / entry.path for entry in entries(canary))])
    return Exported(target.bundle / path.name, parity)


def extended(target: Target, kind: Kind, spec: DetectorSpec | RecognizerSpec) -> Manifest:
    """Return the bundle's manifest with a model added or replaced; engines of a replaced graph are left out."""
    parts: dict[str, Any] = {kind: spec}
    if not (target.bundle / MANIFEST_NAME).exists():
        name, licence = target.name or target.bundle.absolute().name, target.licence or LICENCE
        return Manifest(schema=SCHEMA, name=name, licence=licence, **parts)
    old = Bundle.open(target.bundle.absolute()).manifest
    graphs = {entry.sha256 for entry in spec.files.values()}
    engines = [engine for engine in old.engines if engine.kind != kind or engine.onnx_sha256 in graphs]
    return replace(old, name=target.name or old.name, licence=target.licence or old.licence, engines=engines, **parts)


def expect_extendable(bundle: Path) -> None:
    """Refuse, before the work, what is neither a bundle nor the place for a new one."""
    if (bundle / MANIFEST_NAME).exists():
        Bundle.open(bundle.absolute())
    elif bundle.exists() and not bundle.is_dir():
        raise ExportError(f"{bundle}: expected a folder or a new name for the bundle, got a file; choose another --to")
