"""A bundle whose recognizer has learned labelled crops: train, export, fewer bits, compare, and only then write."""

from __future__ import annotations

import shutil
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
from msgspec.structs import replace

from ...models.data.samples import Crop
from ...runtime.bundles.bundle import Bundle
from ...runtime.bundles.manifest import Manifest
from ...runtime.errors import ExportError
from ..canary import draw_canary
from ..pipeline import AnyPath, Say, Target, as_target, write_recognizer
from ..precision.pictures import Picture, Pictures
from ..precision.quantization import INT8, quantize_model
from ..staging import commit, entries, staged
from .card import write_card
from .comparison import Comparison, score
from .crops import Labelled, generated_crops, open_labelled
from .training import train
from .weights import write_checkpoint

GENERATED = 250
"""Generated crops on which the two bundles are compared, and others that tell what a training forgets."""
CALIBRATED_ON = 64
"""Crops that set the ranges of the activations, half of them the person's."""
TRAINED = 0.65
"""Share of the time in which the training ends; the rest is for export, fewer bits and the comparison."""
LEAST = 0.3
"""Share of the time that the training has in any case."""


@dataclass(frozen=True)
class Tuned:
    """What came of it."""

    bundle: Path | None
    """The new bundle; None where it is not better, and none was written."""
    comparison: Comparison
    """The old and the new one."""
    without: tuple[str, ...]
    """Precisions that did not pass their gate, and why, a line for each."""


def tune(
    name: AnyPath,
    data: AnyPath,
    target: Target | AnyPath,
    *,
    minutes: float = 5.0,
    checkpoint: AnyPath | None = None,
    even_if_worse: bool = False,
    say: Say = print,
) -> Tuned:
    """Tune a bundle's recognizer on labelled crops; all its settings, and its detector, stay as they are.

    Args:
        name: a shipped bundle's name, or a folder.
        data: labelled crops in any layout of `open_crops`, or the evidence of a stream.
        target: where to; a folder that is not there yet.
        minutes: about how long, in all.
        checkpoint: see `write_checkpoint`.
        even_if_worse: write the new bundle whatever the comparison says.
        say: takes lines of progress.

    Raises:
        BundleError, CheckpointError, DatasetError, ExportError: nothing was written.
    """
    start = time.monotonic()
    data, target, old = Path(data), as_target(target), Bundle.open(name)
    spec = old.recognizer
    if target.bundle.exists():
        raise ExportError(f"{target.bundle}: expected a new folder, got one that is there; choose another --to")
    labelled = open_labelled(data, spec.charset, say)
    say(f"{len(labelled.learnt)} crops to learn, {len(labelled.held_out)} held out; drawing others")
    generated, watched = (generated_crops(GENERATED, spec.charset, seed) for seed in (1, 2))
    if not generated:
        say("no generated crops: their texts cannot be written; what the bundle reads now may be forgotten")
    with staged(target.bundle) as folder:
        before = score(old, labelled.held_out, generated)
        say("taking the weights out of the bundle")
        write_checkpoint(old, Path(checkpoint) if checkpoint else None, folder / "start.pt")
        left_s = max(LEAST * 60 * minutes, TRAINED * 60 * minutes - (time.monotonic() - start))
        say(f"training for {left_s:.0f} s")
        network = train(folder / "start.pt", labelled, watched, left_s, say)
        write_recognizer(network, spec, Target(folder / "tuned"), say)
        without = fewer_bits(folder / "tuned", set(spec.files), labelled, watched, say)
        tuned = Bundle.open(folder / "tuned")
        say("comparing the two bundles")
        after = score(tuned, labelled.held_out, generated)
        comparison = Comparison(before, after, len(labelled.held_out), len(generated))
        if not (comparison.better or even_if_worse):
            return Tuned(None, comparison, without)
        assemble(old, tuned, target, folder)
    write_card(old, target.bundle, comparison, data.resolve().name, len(labelled.crops), time.monotonic() - start)
    return Tuned(target.bundle, comparison, without)


def fewer_bits(
    root: Path, before: set[str], labelled: Labelled, generated: Sequence[Crop], say: Say
) -> tuple[str, ...]:
    """Add int8, and what the former bundle had, to a bundle of the recognizer alone; return what did not pass."""
    half = CALIBRATED_ON // 2
    calibration = [*labelled.learnt[:half], *generated[:half]]
    validation = [*labelled.held_out, *generated[half:], *labelled.learnt[half:]]
    pictures = Pictures(
        stored(root.with_name("calibration"), calibration), stored(root.with_name("validation"), validation)
    )
    failed = []
    for precision in sorted({INT8, *before} - {"fp32"}):
        try:
            outcome = quantize_model(Bundle.open(root), "recognizer", pictures, precision=precision, say=say)
        except ExportError as exc:
            failed.append(f"{precision}: {exc}")
            continue
        if outcome.path is None:
            failed.append(f"{precision}: {outcome.verdict}")
    return tuple(failed)


def stored(folder: Path, crops: Sequence[Crop]) -> tuple[Picture, ...]:
    """Write crops as files, and return them as pictures without labels: a recognizer alone sees each as a whole."""
    folder.mkdir()
    pictures = tuple(Picture(folder / f"{number:04}.png", None) for number in range(len(crops)))
    for picture, (image, _) in zip(pictures, crops, strict=True):
        picture.path.write_bytes(cv2.imencode(".png", image)[1].tobytes())
    return pictures


def assemble(old: Bundle, tuned: Bundle, target: Target, folder: Path) -> None:
    """Write the new bundle: the old one's detector with its engines, the tuned recognizer, and a canary of both."""
    parts = folder / "parts"
    parts.mkdir()
    canary = draw_canary({**({"detector": old} if old.manifest.detector else {}), "recognizer": tuned}, parts)
    engines = [engine for engine in old.manifest.engines if engine.kind == "detector"]
    manifest: Manifest = replace(
        old.manifest,
        name=target.name or target.bundle.absolute().name,
        licence=target.licence or old.manifest.licence,
        recognizer=tuned.recognizer,
        canary=canary,
        engines=engines,
    )
    if old.manifest.detector:
        for precision in old.manifest.detector.files:
            shutil.copy(old.file("detector", precision), parts)
    for engine in engines:
        shutil.copy(old.engine(engine).path, parts)
    for precision in tuned.recognizer.files:
        shutil.copy(tuned.file("recognizer", precision), parts)
    commit(target.bundle.absolute(), manifest, [parts / entry.path for entry in entries(manifest)])
