"""What a check of a GPU measures: contenders, sizes and sections, and what one process is to do."""

import msgspec

from ...runtime.bundles.manifest import KINDS, Kind

OURS = ("cuda", "tensorrt-ep", "tensorrt", "tensorrt-rtx")
"""The backends for GPUs."""
NEED_ENGINES = ("tensorrt", "tensorrt-rtx")
NO_TF32 = "PyTorch eager without TF32"
TORCH = ("PyTorch eager", NO_TF32, "PyTorch compiled")
ONE_BY_ONE, PIPELINE = "one at a time", "in a pipeline"
PREPARE = "prepare"


class Contender(msgspec.Struct, frozen=True):
    """What runs a network: a backend, or PyTorch in one of its ways."""

    runner: str
    """One of `OURS`, `TORCH`, or "cpu"."""
    precision: str
    """"fp32", "fp16"."""

    @property
    def name(self) -> str:
        """Return what reports call it."""
        return f"{self.runner} {self.precision}"

    @property
    def rounds(self) -> bool:
        """Return whether its products may have 10 bits of mantissa: in fp16, and where fp32 may become TF32."""
        return self.precision == "fp16" or self.runner not in {"cpu", "cuda", NO_TF32}


CPU = Contender("cpu", "fp32")
SESSIONS = tuple(Contender(backend, precision) for backend in OURS for precision in ("fp16", "fp32"))
EAGER, COMPILED = Contender("PyTorch eager", "fp32"), Contender("PyTorch compiled", "fp16")
PYTORCH = (EAGER, Contender(NO_TF32, "fp32"), Contender("PyTorch eager", "fp16"), COMPILED)


class Scale(msgspec.Struct, frozen=True, kw_only=True):
    """How large everything is: a check's sizes, or a dry run's."""

    width: float = 1.0
    """Of the random networks."""
    canvas_hw: tuple[int, int] = (736, 1280)
    """What detectors are compared on; `crops` for recognizers."""
    canvases_hw: tuple[tuple[int, int], ...] = ((384, 640), (544, 960), (736, 1280), (1280, 1280))
    crops: int = 32
    batches: tuple[int, ...] = (1, 2, 4, 8, 16, 32)
    seconds: float = 2.0
    """Least time of a turn, of each size."""
    runs: tuple[int, int] = (10, 500)
    """Fewest and most runs of a turn, of each size."""
    turns: int = 3
    frames: int = 300
    """Of a turn."""
    soak_frames: int = 10_000
    """In whose course memory is watched."""
    product: int = 8192
    """Side of the matrices that show how fast the GPU multiplies."""
    dry: bool = False
    """Whether nothing runs on a GPU."""


FULL = Scale()
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


class Section(msgspec.Struct, frozen=True):
    """One part of a check."""

    name: str
    """For `--only`."""
    title: str
    bundle: str
    """"random" or "shipped": which one it runs; "" = none."""
    contenders: tuple[Contender, ...]
    sizes: tuple[str, ...]
    turns: int = 1


def sections(scale: Scale) -> tuple[Section, ...]:
    """Return all sections, the most wanted first; a dry run has what needs no GPU, and one contender that does."""
    (height, width), many = scale.canvas_hw, scale.turns
    ours = SESSIONS[:1] if scale.dry else SESSIONS
    theirs, products = ((EAGER,), (EAGER,)) if scale.dry else (PYTORCH, PYTORCH[:3])
    gpus = (CPU, *ours) if scale.dry else ours
    side, crops = scale.product, tuple(f"{count} crops" for count in scale.batches)
    canvases = tuple(f"{height}x{width}" for height, width in scale.canvases_hw)
    frames = "From a decoded 1280×720 frame to its readings"
    craft = f"CRAFT, width {scale.width:g}, {height}×{width}, one image"
    recognizer = f"TPS-ResNet-BiLSTM-Attn, width {scale.width:g}, {scale.crops} crops"
    memory, networks = f"Memory over {scale.soak_frames:,} frames", (CPU, *ours, *theirs)
    return (
        Section("ceiling", "How fast PyTorch multiplies large matrices", "", products, (f"{side}x{side}x{side}",)),
        Section("detector", craft, "random", networks, (f"{height}x{width}",), many),
        Section("recognizer", recognizer, "random", networks, (f"{scale.crops} crops",), many),
        Section("frames", frames, "shipped", (CPU, *ours), (ONE_BY_ONE, PIPELINE), many),
        Section("memory", memory, "shipped", gpus, ("1280x720 frames",)),
        Section("verify", "The bundle beside fp32 on the CPU", "shipped", gpus, KINDS),
        Section("canvases", "The detector on other canvases", "random", (*gpus, EAGER), canvases),
        Section("batches", "The recognizer in other batches", "random", (*gpus, EAGER), crops),
    )


def kind_of(section: str) -> Kind:
    """Return the model that a section of one network runs."""
    return "detector" if section in {"detector", "canvases"} else "recognizer"


def shape_of(size: str) -> tuple[int, int, int, int]:
    """Return the input (N, H, W, C) that a size stands for; crops are those of the published networks."""
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
    """Or the one thing that is to be prepared, see `measures.prepare`."""
    folder: str
    """Where the bundles are."""
    bundle: str
    """Name or path of the bundle that is called "shipped"."""
    scale: Scale
