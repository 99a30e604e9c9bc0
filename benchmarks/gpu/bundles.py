"""What contenders run, made once in the folder of a check: bundles in fp32 and fp16, engines, what to expect."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Literal, cast

import msgspec
import numpy as np

from ...export.canary import write_canary
from ...export.engines.engine import build_engine
from ...export.onnx_file import save
from ...export.pipeline import Target, export_detector, export_recognizer
from ...export.precision.folding import folded
from ...export.precision.half import halve
from ...export.precision.quantization import with_file
from ...runtime.bundles.bundle import MANIFEST_NAME, Bundle, write_bundle
from ...runtime.bundles.manifest import Kind
from ...runtime.detector import Detector
from ...runtime.geometry.images import Frame
from ...runtime.reader import Reader
from ..flops import gflop_of, gflop_of_frames
from .figures import Work
from .frames import READINGS
from .jobs import ONE_BY_ONE, Job, kind_of, shape_of
from .pictures import make_frames, texts_of
from .runners import expected_file, runner
from .sections import sections

KINDS: tuple[Kind, ...] = ("detector", "recognizer")


def prepare(job: Job) -> tuple[str, list[Work]]:
    """Make what a job names, unless it is there: what was made, in words, and what its networks ask of a GPU.

    Raises:
        EdgeReaderError: it cannot be made.
    """
    folder, what = Path(job.folder), job.sizes[0]
    make: dict[str, Callable[[], tuple[str, list[Work]]]] = {
        "random": lambda: make_random(folder, job),
        "shipped": lambda: make_shipped(folder, job),
        "engines random": lambda: make_engines(folder / "random", job),
        "engines shipped": lambda: make_engines(folder / "shipped", job),
    }
    return make[what]()


def make_random(folder: Path, job: Job) -> tuple[str, list[Work]]:
    """Networks with random weights: checkpoints, graphs, and what fp32 makes of every size on the CPU."""
    import torch

    from ..networks import CHARSET, random_craft, random_recognizer

    target, width = Target(folder / "random"), job.scale.width
    if not (folder / "recognizer.pt").exists():
        torch.save(random_craft(width).state_dict(), folder / "detector.pt")
        export_detector(folder / "detector.pt", target)
        torch.save(random_recognizer(width).state_dict(), folder / "new.pt")
        export_recognizer(folder / "new.pt", target, charset=CHARSET)
        (folder / "new.pt").replace(folder / "recognizer.pt")
    add_halves(target.bundle)
    chosen = [each for each in sections(job.scale) if each.bundle == "random"]
    for section in chosen:
        run = runner(msgspec.structs.replace(job, section=section.name))
        for size in section.sizes:
            if not (path := expected_file(folder, kind_of(section.name), size)).exists():
                np.savez(path, **cast("dict[str, Any]", run(size)()))
    works = [work(target.bundle, section.name, size) for section in chosen for size in section.sizes]
    return f"networks with random weights, width {width:g}, from PyTorch to ONNX, parity checked", works


def work(bundle: Path, section: str, size: str) -> Work:
    """What one of the random networks asks of a GPU."""
    kind = kind_of(section)
    return Work(section=section, size=size, gflop=gflop_of(Bundle.open(bundle), kind, shape_of(size)))


def add_halves(root: Path) -> list[str]:
    """Add fp16 graphs that no gate has judged, where there are none; the kinds that they were added to."""
    added: list[str] = []
    for kind in KINDS:
        bundle = Bundle.open(root.absolute())
        if "fp16" not in getattr(bundle.manifest, kind).files:
            path = root / f"{kind}.fp16.onnx"
            save(halve(folded(bundle.file(kind))), path)
            write_bundle(root, with_file(bundle, kind, "fp16", path))
            added.append(kind)
    return added


def make_shipped(folder: Path, job: Job) -> tuple[str, list[Work]]:
    """A copy of the bundle, with all that GPUs need, and what fp32 reads in the frames on the CPU."""
    root, source = folder / "shipped", Bundle.open(job.bundle)
    if not (root / MANIFEST_NAME).exists():
        shutil.copytree(source.root, root.with_name("shipped.new"), dirs_exist_ok=True)
        root.with_name("shipped.new").replace(root)
    added = add_halves(root)
    if source.manifest.canary is None:
        write_canary(root)
    bundle, frames = Bundle.open(root.absolute()), make_frames()
    reader = Reader(bundle, backend="cpu", precision="fp32")
    (root / READINGS).write_bytes(msgspec.json.encode([texts_of(reader.read(frame)) for frame in frames]))
    ungated = f"; fp16 made here, not gated: {', '.join(added)}" if added else ""
    return f"{source.manifest.name}{ungated}", [work_of_frame(bundle, frames)]


def work_of_frame(bundle: Bundle, frames: Sequence[Frame]) -> Work:
    """What a frame asks of a GPU, with as many crops as the frames have on average."""
    detector = Detector(bundle, "cpu", "fp32")
    return Work(section="frames", size=ONE_BY_ONE, gflop=sum(gflop_of_frames(bundle, detector, frames).values()))


def make_engines(root: Path, job: Job) -> tuple[str, list[Work]]:
    """The engines of one flavour and precision, for this machine's GPU."""
    bundle, contender = Bundle.open(root.absolute()), job.contender
    lines: list[str] = []
    for kind in KINDS:
        there = any(
            (each.kind, each.flavour, each.precision) == (kind, contender.runner, contender.precision)
            for each in bundle.manifest.engines
        )
        if not there:
            canvases = (job.scale.canvas_hw, *job.scale.canvases_hw) if root.name == "random" else ()
            flavour = cast("Literal['tensorrt', 'tensorrt-rtx']", contender.runner)
            build_engine(bundle, kind, flavour, contender.precision, canvases_hw=canvases, say=lines.append)
    return "; ".join(lines) or "engines were there", []
