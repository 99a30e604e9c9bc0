"""What a check of a GPU finds: the structs that its JSON consists of."""

from typing import Literal

import msgspec

from ..record import Machine

SCHEMA = 1


class Gpu(msgspec.Struct, frozen=True, kw_only=True):
    """The GPU that all figures of a report are of."""

    name: str
    """As the driver says it."""
    compute_capability: str
    """As passports write it, for example "sm87"."""
    memory_gib: float
    driver: str | None
    """Version of the driver; None where nvidia-smi is not there to tell it."""
    cuda: str
    """Newest CUDA version that the driver runs."""


class Clocks(msgspec.Struct, frozen=True, kw_only=True):
    """What nvidia-smi said of the GPU at one moment; None for what it does not tell."""

    sm_mhz: float | None
    memory_mhz: float | None
    power_w: float | None
    temperature_c: float | None


class Agreement(msgspec.Struct, frozen=True, kw_only=True):
    """How closely a contender gives what ONNX Runtime gives on the CPU in fp32."""

    apart: float
    """Largest difference over the largest magnitude, of the maps, or of the logarithms of the first symbol."""
    allowed: float
    """What that may be in this precision."""
    rows_equal: float | None
    """Share of the crops of which every symbol is the same; None for a detector."""

    @property
    def passed(self) -> bool:
        """Whether it is close enough; what is not a number is not."""
        return self.apart <= self.allowed


class Speed(msgspec.Struct, frozen=True, kw_only=True, tag="speed", tag_field="kind"):
    """Milliseconds from bytes in the computer's memory to results there, copies included."""

    p50_ms: float
    p90_ms: float
    p99_ms: float
    turns_p50_ms: list[float]
    """Medians of the turns, which lie minutes apart: how far they differ is how far to trust the figures."""
    runs: int
    warm_up: int
    """Runs before, untimed, in every turn."""
    per_run: int = 1
    """Images that a run takes."""
    agreement: Agreement | None = None
    """None where nothing was compared."""
    clocks: Clocks | None = None
    """Right after the last turn."""


class Frames(msgspec.Struct, frozen=True, kw_only=True, tag="frames", tag_field="kind"):
    """How many frames become readings in a second."""

    frames_per_s: float
    """Median of the turns."""
    turns_frames_per_s: list[float]
    p50_ms: float | None
    """Of one frame at a time; None for frames in a pipeline, which have no time of their own."""
    p90_ms: float | None
    p99_ms: float | None
    frames: int
    """Timed in every turn."""
    warm_up: int
    readings: int
    """In all different frames together."""
    same: int
    """Those of them that fp32 reads on the CPU too, in the same frame."""
    missed: int
    """Those that only fp32 reads on the CPU."""
    clocks: Clocks | None = None


class Growth(msgspec.Struct, frozen=True, kw_only=True):
    """How the memory in use went on after the warm-up."""

    first_mib: float
    last_mib: float
    most_mib: float
    slope_mib: float
    """MiB in 10,000 frames, by least squares."""
    low_mib: float
    """Lower end of its 95 % confidence interval."""
    high_mib: float
    """Upper end."""
    allowed_mib: float
    """Growth that does not count: the granularity of what was measured."""

    @property
    def constant(self) -> bool:
        """Whether the memory surely does not grow by more than is allowed."""
        return self.high_mib <= self.allowed_mib


class Memory(msgspec.Struct, frozen=True, kw_only=True, tag="memory", tag_field="kind"):
    """Memory while one frame after another is read."""

    frames: int
    """After the warm-up."""
    warm_up: int
    device: Growth | None
    """The GPU's, of all that runs on it; None without a GPU."""
    host: Growth
    """Resident memory of the process."""


class Verified(msgspec.Struct, frozen=True, kw_only=True, tag="verified", tag_field="kind"):
    """What `edgereader verify --backend` found on the bundle."""

    checks: dict[str, str]
    """Check → figure, or what is wrong."""
    failed: list[str]
    """Checks that failed."""


class Work(msgspec.Struct, frozen=True, kw_only=True):
    """What a network asks of a GPU."""

    section: str
    size: str
    gflop: float
    """Multiplications and additions of its convolutions, matrix products and LSTMs, billions."""


class Prepared(msgspec.Struct, frozen=True, kw_only=True, tag="prepared", tag_field="kind"):
    """Something was made that others need."""

    seconds: float
    detail: str
    works: list[Work] = []
    """What the networks that were made ask of a GPU."""


class Missing(msgspec.Struct, frozen=True, kw_only=True, tag="missing", tag_field="kind"):
    """No figure."""

    outcome: Literal["skipped", "failed", "pending"]
    """Cannot run here; went wrong; or not tried yet, as time was out."""
    reason: str


Result = Speed | Frames | Memory | Verified | Prepared | Missing


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """One figure, or why there is none."""

    section: str
    contender: str
    """`cuda fp16`, `PyTorch eager fp32`, …"""
    size: str
    """What it was given: `1x736x1280`, `32 crops`, …"""
    result: Result
    versions: dict[str, str] = {}
    """What it ran with."""

    @property
    def key(self) -> tuple[str, str, str]:
        """What there is one entry of."""
        return self.section, self.contender, self.size


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """A check of a GPU, with all that is needed to repeat it."""

    schema: int = SCHEMA
    commands: list[str]
    """The command lines that gave it, first to last."""
    date: str
    """When the last one ended, ISO 8601, UTC."""
    dry_run: bool
    """True: nothing here was measured on a GPU, or says anything of one."""
    bundle: str
    files: dict[str, str]
    """The bundle's model files, with their SHA-256."""
    machine: Machine
    gpu: Gpu | None
    """None in a dry run."""
    entries: list[Entry]
