"""Contenders, sizes, and what one process is to do."""

import msgspec

from ...runtime.bundles.manifest import Kind

OURS = ("cuda", "tensorrt-ep", "tensorrt", "tensorrt-rtx")
"""The backends for GPUs."""
NEED_ENGINES = ("tensorrt", "tensorrt-rtx")
ONE_BY_ONE, PIPELINE = "one at a time", "in a pipeline"
TORCH = ("PyTorch eager", "PyTorch eager without TF32", "PyTorch compiled")


class Contender(msgspec.Struct, frozen=True):
    """What runs a network: a backend, or PyTorch in one of its ways."""

    runner: str
    """One of `OURS`, `TORCH`, or "cpu"."""
    precision: str
    """"fp32", "fp16"."""

    @property
    def name(self) -> str:
        """As reports call it."""
        return f"{self.runner} {self.precision}"

    @property
    def torch(self) -> bool:
        """Whether it is PyTorch."""
        return self.runner in TORCH

    @property
    def rounds(self) -> bool:
        """Whether its products may have 10 bits of mantissa: in fp16, and where fp32 may become TF32."""
        return self.precision == "fp16" or self.runner not in {"cpu", "cuda", "PyTorch eager without TF32"}


CPU = Contender("cpu", "fp32")
SESSIONS = tuple(Contender(backend, precision) for backend in OURS for precision in ("fp16", "fp32"))
EAGER = Contender("PyTorch eager", "fp32")
COMPILED = Contender("PyTorch compiled", "fp16")
PYTORCH = (EAGER, Contender("PyTorch eager without TF32", "fp32"), Contender("PyTorch eager", "fp16"), COMPILED)


class Scale(msgspec.Struct, frozen=True, kw_only=True):
    """How large everything is: a check's sizes, or a dry run's."""

    width: float
    """Of the random networks."""
    canvas_hw: tuple[int, int]
    """What detectors are compared on."""
    canvases_hw: tuple[tuple[int, int], ...]
    crops: int
    """What recognisers are compared on."""
    batches: tuple[int, ...]
    seconds: float
    """Least time of a turn, of each size."""
    runs: tuple[int, int]
    """Fewest and most runs of a turn, of each size."""
    turns: int
    frames: int
    """Frames of a turn."""
    soak_frames: int
    """Frames in whose course memory is watched."""
    product: int
    """Side of the matrices that show how fast the GPU multiplies."""
    dry: bool
    """Whether nothing runs on a GPU."""


FULL = Scale(
    width=1.0,
    canvas_hw=(736, 1280),
    canvases_hw=((384, 640), (544, 960), (736, 1280), (1280, 1280)),
    crops=32,
    batches=(1, 2, 4, 8, 16, 32),
    seconds=2.0,
    runs=(10, 500),
    turns=3,
    frames=300,
    soak_frames=10_000,
    product=8192,
    dry=False,
)
DRY = Scale(
    width=0.125,
    canvas_hw=(64, 96),
    canvases_hw=((64, 64), (64, 96)),
    crops=2,
    batches=(1, 2),
    seconds=0.0,
    runs=(2, 2),
    turns=2,
    frames=3,
    soak_frames=20,
    product=64,
    dry=True,
)


def canvas(hw: tuple[int, int]) -> str:
    """A size of the detector's sections."""
    return f"{hw[0]}x{hw[1]}"


def crops(count: int) -> str:
    """A size of the recogniser's sections."""
    return f"{count} crops"


def kind_of(section: str) -> Kind:
    """The model that a section of one network runs."""
    return "detector" if section in {"detector", "canvases"} else "recognizer"


def shape_of(size: str) -> tuple[int, int, int, int]:
    """The input (N, H, W, C) that a size of those sections stands for; crops are those of the published networks."""
    if size.endswith(" crops"):
        return int(size.removesuffix(" crops")), 32, 100, 1
    height, width = map(int, size.split("x"))
    return 1, height, width, 3


class Job(msgspec.Struct, frozen=True, kw_only=True):
    """What one process is to do: a contender's sizes of one section, or something that is to be prepared."""

    section: str
    """A section's name, or "prepare"."""
    contender: Contender
    sizes: tuple[str, ...]
    """Or the one thing that is to be prepared, see `bundles.prepare`."""
    folder: str
    """Where the bundles are."""
    bundle: str
    """Name or path of the bundle that is called "shipped"."""
    scale: Scale
