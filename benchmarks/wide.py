"""`python -m edgereader.benchmarks.wide`: a bundle of the published sizes, to time beside PyTorch.

Its CRAFT computes what a thin one does that taught the shipped detector, so that it finds about the same text in every
photo: each channel stands there several times, as in Net2WiderNet (Chen et al., "Net2Net", ICLR 2016). The shipped
recognizer has other stages than the published TPS-ResNet-BiLSTM-Attn, which therefore has random weights: what it takes
is real, what it reads means nothing.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ..export.options import FILE, progress
from ..runtime.bundles.bundle import MANIFEST_NAME, Bundle
from ..runtime.bundles.manifest import KINDS, Kind
from ..runtime.errors import DatasetError, EdgeReaderError, ExportError
from ..runtime.extras import pip_install

if TYPE_CHECKING:
    from torch import Tensor

    from ..export.precision.pictures import Picture
    from ..models.checkpoints.files import State

TEACHER = Path(__file__).parents[1] / "models/training/checkpoints/teacher.pt"
"""The trained weights that the shipped, strided detector was made from: a thin network of the published structure."""
PUBLISHED = 1.0
"""Width of the published networks."""
JOINED = {"upconv1": (1024, 512), "upconv2": (256, 512), "upconv3": (128, 256), "upconv4": (64, 128)}
"""CRAFT's blocks whose first convolution takes two inputs side by side: their channels at width 1."""
SETTINGS = ("thresholds", "long_side_px", "coarse_side_px", "zoom")
"""Of the shipped detector, which this one has too."""
SCENES, SCENES_HW, SEED = 8, (480, 640), 5
"""Generated photos that int8 is calibrated on."""
Say = Callable[[str], None]


@click.command()
@click.option("--to", type=FILE, default=Path("build/wide"), show_default=True, help="Folder of the bundle.")
@click.option("--fp32", "fp32_only", is_flag=True, help="No int8.")
def main(to: Path, *, fp32_only: bool) -> None:
    """Make a bundle of full-width networks, and leave what is there already.

    detector.pt and recognizer.pt lie in it too: the contenders pytorch and pytorch-compile run them.

    Exit codes: 0 made, 2 not: the folder, the shipped weights or the fonts of generated photos are not as expected.
    """
    try:
        make_wide(to, progress(), int8=not fp32_only)
    except (ModuleNotFoundError, EdgeReaderError, OSError) as exc:
        missing = exc.name if isinstance(exc, ModuleNotFoundError) else None
        why = f"full-width networks need {missing}: {pip_install('export', 'train')}" if missing else str(exc)
        click.echo(f"error: {' '.join(why.split())}", err=True)
        sys.exit(2)


def make_wide(root: Path, say: Say, *, int8: bool = True, width: float = PUBLISHED) -> None:
    """Make the bundle, step by step; a step whose result is there, of the same weights, is left out.

    Raises:
        EdgeReaderError: a folder that is no bundle, or a step failed; what is there is whole.
    """
    expect_own(root, name := f"width-{width:g}")
    make_detector(root, name, say, width)
    make_recognizer(root, say, width)
    if int8:
        add_int8(root, say)
    say(f"{root}: regions are those of the shipped detector; the recognizer's weights are random, its texts too")


def expect_own(root: Path, name: str) -> None:
    """Refuse a folder whose contents are not from here.

    Raises:
        ExportError: it is another bundle, or no bundle.
    """
    if (root / MANIFEST_NAME).exists():
        own = Bundle.open(root.absolute()).manifest.name == name
    else:
        own = not root.exists() or (root.is_dir() and not any(root.iterdir()))
    if not own:
        raise ExportError(f"{root}: expected a new folder, or a bundle made here before, got something else; name one")


def make_detector(root: Path, name: str, say: Say, width: float) -> None:
    """Widen the trained detector and export it with the shipped settings."""
    from ..export.networks import load_craft
    from ..export.pipeline import Target, export_detector
    from ..models.craft import CRAFT

    thin, wide, spec = load_craft(TEACHER), CRAFT(width), Bundle.open("digits-edge").detector
    state, target = widened(thin.state_dict(), wide.state_dict(), thin.width, width), Target(root, name)
    settings: dict[str, Any] = {field: getattr(spec, field) for field in SETTINGS}
    keep(root, "detector", state, lambda path: export_detector(path, target, **settings, say=say))


def make_recognizer(root: Path, say: Say, width: float) -> None:
    """Export the published recognizer with random weights that read something else in every crop."""
    from ..export.pipeline import Target, export_recognizer
    from .networks import CHARSET, random_recognizer

    state = random_recognizer(width).state_dict()
    keep(root, "recognizer", state, lambda path: export_recognizer(path, Target(root), charset=CHARSET, say=say))


def keep(root: Path, kind: Kind, state: State, export: Callable[[Path], object]) -> None:
    """Export a checkpoint of these weights, and put it into the bundle, unless they are there."""
    import torch

    from ..export.staging import staged

    if not has(root, kind, state):
        with staged(root) as folder:
            path = folder / f"{kind}.pt"
            torch.save(state, path)
            export(path)
            path.replace(root / path.name)


def has(root: Path, kind: Kind, state: State) -> bool:
    """Return whether a bundle has a network of these weights, but for rounding; its checkpoint is written last."""
    import torch

    from ..export.networks import load_craft, load_recognizer

    path = root / f"{kind}.pt"
    if not path.is_file() or getattr(Bundle.open(root.absolute()).manifest, kind) is None:
        return False
    there = (load_craft if kind == "detector" else load_recognizer)(path).state_dict()
    return there.keys() == state.keys() and all(
        torch.allclose(there[key], state[key], rtol=1e-3, atol=1e-5) for key in state
    )


def add_int8(root: Path, say: Say) -> None:
    """Add networks in int8, all their convolutions, calibrated on generated photos.

    No gate is asked: the random recognizer reads nothing that one could compare, and the shipped detector, of which
    every channel is a copy, has passed it.
    """
    from ..export.precision.pictures import labelled
    from ..models.data.samples import TrainingDataError
    from ..models.synthesis.synthesis import write_scenes

    manifest = Bundle.open(root.absolute()).manifest
    missing = [kind for kind in KINDS if "int8" not in getattr(manifest, kind).files]
    if not missing:
        return
    with tempfile.TemporaryDirectory() as folder:
        say(f"drawing {SCENES} photos to calibrate int8 on")
        try:
            write_scenes(Path(folder), SCENES, SEED, hw=SCENES_HW)
        except TrainingDataError as exc:
            raise DatasetError(str(exc)) from exc
        for kind in missing:
            quantize(root, kind, labelled(Path(folder)), say)


def quantize(root: Path, kind: Kind, pictures: Sequence[Picture], say: Say) -> None:
    """Add one network in int8."""
    from ..export.onnx_file import save
    from ..export.precision.folding import folded
    from ..export.precision.pictures import inputs_of
    from ..export.precision.quantization import with_file
    from ..export.precision.recipes import recipe
    from ..export.staging import commit, staged

    say(f"{kind}: calibrating int8, not gated")
    bundle = Bundle.open(root.absolute())
    plan = recipe("int8", folded(bundle.file(kind)), inputs_of(bundle, kind, pictures))
    with staged(root) as folder:
        path = folder / f"{kind}.int8.onnx"
        save(plan.make(plan.layers), path)
        manifest = with_file(bundle, kind, "int8", path, preferred={"cpu": "int8"})
        commit(root, manifest, [path])


def widened(thin: State, wide: State, narrow: float, width: float) -> State:
    """Return CRAFT's weights of a narrow width at a larger one: they compute the same maps, but for rounding.

    Every channel of the wide network is a copy of one of the thin network; a weight is shared among the copies of
    the channel that it takes, so that their sum is what the one channel gave. Of `wide` only the shapes count.
    """
    return {key: _widened(key, value, wide[key], narrow, width) for key, value in thin.items()}


def _widened(key: str, weights: Tensor, like: Tensor, narrow: float, width: float) -> Tensor:
    if weights.ndim == 0:
        return weights
    rows = copies([len(weights)], [len(like)])
    if weights.ndim == 1:
        return weights[rows].clone()
    block, layer = key.partition(".")[0], ".".join(key.split(".")[1:3])
    if block in JOINED and layer == "conv.0":
        from ..models.width import thin

        columns = copies(*([thin(channels, size) for channels in JOINED[block]] for size in (narrow, width)))
    else:
        columns = copies([weights.shape[1]], [like.shape[1]])
    shared: Tensor = weights[rows][:, columns] / columns.bincount()[columns].reshape(1, -1, 1, 1)
    return shared


def copies(thin: Sequence[int], wide: Sequence[int]) -> Tensor:
    """Return the thin channel that each wide channel copies, where channels of several blocks lie side by side."""
    import torch

    starts = [sum(thin[:place]) for place in range(len(thin))]
    pairs = zip(starts, thin, wide, strict=True)
    return torch.cat([start + torch.arange(many) % few for start, few, many in pairs])


if __name__ == "__main__":
    main()
