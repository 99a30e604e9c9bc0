"""The whole export: checkpoint -> network -> ONNX -> parity -> bundle, and its canary; all or nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from ..runtime.bundle import MANIFEST_NAME, Bundle, file_sha256
from ..runtime.errors import ExportError
from ..runtime.images import CANVAS_SIDES_PX
from ..runtime.manifest import SCHEMA, DetectorSpec, FileEntry, Kind, Manifest, Parity, RecognizerSpec, Thresholds
from .canary import draw_canary
from .networks import load_craft, load_recognizer, load_refiner, resolve_charset
from .onnx_file import check_contract, write_onnx
from .parity import check_parity, detector_cases, recognizer_cases
from .staging import commit, entries, staged

if TYPE_CHECKING:
    from ..models.craft import CRAFT
    from ..models.link_refiner import LinkRefiner
    from ..models.recognizer import Recognizer

Say = Callable[[str], None]
"""Takes one line of progress."""

LICENCE = "not stated; see the source of the checkpoint"
"""Licence of a bundle when none is given."""

LARGEST_CANVAS_PX = 32 * 256


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
    checkpoint: Path,
    target: Target,
    *,
    refiner: Path | None = None,
    thresholds: Thresholds | None = None,
    long_side_px: int = 1280,
    coarse_side_px: int | None = None,
    say: Say = print,
) -> Exported:
    """Export a CRAFT checkpoint, with a link refiner inside the same graph if one is given.

    `thresholds`, `long_side_px` and `coarse_side_px` are stored as the bundle's defaults, see `DetectorSpec`.

    Raises:
        CheckpointError, BundleError, ExportError, ParityError: nothing was written.
    """
    expect_sides(long_side_px, coarse_side_px)
    expect_extendable(target.bundle)
    say(f"reading {checkpoint}")
    craft = load_craft(checkpoint)
    links = load_refiner(refiner) if refiner else None

    def spec(files: dict[str, FileEntry], parity: dict[str, Parity]) -> DetectorSpec:
        return DetectorSpec(
            architecture="CRAFT+LinkRefiner" if links else "CRAFT",
            width=craft.width,
            strided=craft.strided,
            thresholds=thresholds or Thresholds(),
            long_side_px=long_side_px,
            coarse_side_px=coarse_side_px,
            files=files,
            parity=parity,
        )

    with staged(target.bundle) as folder:
        path = folder / "detector.onnx"
        say("tracing the detector (about a minute)")
        trace_detector(craft, links, path)
        return finish(path, "detector", spec, detector_cases(craft, links), target, say)


def export_recognizer(
    checkpoint: Path,
    target: Target,
    *,
    charset: str | None,
    image_hw: tuple[int, int] | None = None,
    max_length: int = 25,
    keep_ratio: bool = False,
    stretch: float = 1.0,
    margin: float = 0.0,
    even_contrast: bool = False,
    say: Say = print,
) -> Exported:
    """Export a recogniser's checkpoint.

    `charset`: see `resolve_charset`; `image_hw`, `max_length`: see `load_recognizer`; `keep_ratio`:
    whether it was trained on crops that keep their aspect ratio, padded on the right; `stretch`: and on
    crops so much wider than that, where they have room; `margin`: share of their height to cut around
    texts; `even_contrast`: see `RecognizerConfig`.

    Raises:
        CheckpointError, BundleError, ExportError, ParityError: nothing was written.
    """
    expect_extendable(target.bundle)
    say(f"reading {checkpoint}")
    network = load_recognizer(checkpoint, image_hw, max_length, even_contrast=even_contrast)
    config = network.config
    characters = resolve_charset(charset, config.num_classes, config.stages.split("-")[3])

    def spec(files: dict[str, FileEntry], parity: dict[str, Parity]) -> RecognizerSpec:
        return RecognizerSpec(
            stages=config.stages,
            charset=characters,
            image_hw=config.image_hw,
            channels=3 if config.channels == 3 else 1,
            width=config.width,
            max_length=config.max_length,
            keep_ratio=keep_ratio,
            stretch=stretch,
            margin=margin,
            even_contrast=even_contrast,
            files=files,
            parity=parity,
        )

    with staged(target.bundle) as folder:
        path = folder / "recognizer.onnx"
        say(f"tracing {config.stages} (a minute or two)")
        trace_recognizer(network, path)
        return finish(path, "recognizer", spec, recognizer_cases(network), target, say)


def trace_detector(craft: CRAFT, refiner: LinkRefiner | None, path: Path) -> None:
    """Write the detector's graph: batch, height and width dynamic, the latter two multiples of 32."""
    import torch
    from torch.export import Dim

    from .graphs import DetectorGraph

    limit = LARGEST_CANVAS_PX // 32
    height, width = (32 * Dim(name, min=1, max=limit) for name in ("rows", "columns"))
    image = torch.zeros(2, 64, 96, 3, dtype=torch.uint8)
    write_onnx(
        "detector", DetectorGraph(craft, refiner).eval(), (image,), ({0: Dim("batch"), 1: height, 2: width},), path
    )


def trace_recognizer(network: Recognizer, path: Path) -> None:
    """Write the recogniser's graph: batch dynamic."""
    import torch
    from torch.export import Dim

    from .graphs import RecognizerGraph

    config = network.config
    crops = torch.zeros(2, *config.image_hw, config.channels, dtype=torch.uint8)
    allowed = torch.zeros(config.num_classes)
    write_onnx("recognizer", RecognizerGraph(network).eval(), (crops, allowed), ({0: Dim("batch")}, {}), path)


def finish(
    path: Path, kind: Kind, spec: Callable[..., Any], cases: Iterator[Any], target: Target, say: Say
) -> Exported:
    """Check the staged graph and see what it makes of a canary, and only then put it into the bundle."""
    check_contract(path, kind)
    done = iter(range(1, 1000))
    parity = check_parity(path, cases, lambda: say(f"comparing with the network: input {next(done)}"))
    entry = FileEntry(path=path.name, sha256=file_sha256(path), bytes=path.stat().st_size)
    manifest = extended(target, kind, spec({"fp32": entry}, {"fp32": parity}))
    root, folder = target.bundle.absolute(), path.parent
    kinds: tuple[Kind, ...] = ("detector", "recognizer")
    bundles = {each: Bundle(folder if each == kind else root, manifest) for each in kinds if getattr(manifest, each)}
    canary = draw_canary(bundles, folder)
    say(f"writing {target.bundle}")
    commit(root, replace(manifest, canary=canary), [path, *(folder / each.path for each in entries(canary))])
    return Exported(target.bundle / path.name, parity)


def extended(target: Target, kind: Kind, spec: DetectorSpec | RecognizerSpec) -> Manifest:
    """The bundle's manifest with a model added or replaced; engines of the graph that it replaces are left out."""
    parts: dict[str, Any] = {kind: spec}
    if not (target.bundle / MANIFEST_NAME).exists():
        name, licence = target.name or target.bundle.absolute().name, target.licence or LICENCE
        return Manifest(schema=SCHEMA, name=name, licence=licence, **parts)
    old = Bundle.open(target.bundle.absolute()).manifest
    graphs = {entry.sha256 for entry in spec.files.values()}
    engines = [each for each in old.engines if each.kind != kind or each.onnx_sha256 in graphs]
    return replace(old, name=target.name or old.name, licence=target.licence or old.licence, engines=engines, **parts)


def expect_extendable(bundle: Path) -> None:
    """Refuse, before the work, what is neither a bundle nor the place for a new one."""
    if (bundle / MANIFEST_NAME).exists():
        Bundle.open(bundle.absolute())
    elif bundle.exists() and not bundle.is_dir():
        raise ExportError(f"{bundle}: expected a folder or a new name for the bundle, got a file; choose another --to")


def expect_sides(*sides_px: int | None) -> None:
    """Refuse canvas sides with which no detector can be opened."""
    least, most = CANVAS_SIDES_PX[0], CANVAS_SIDES_PX[-1]
    if wrong := [side for side in sides_px if side is not None and not least <= side <= most]:
        raise ExportError(f"expected a canvas side of {least} to {most} pixels, got {wrong[0]}; choose one of these")
