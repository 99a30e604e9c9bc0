"""What there is to measure, in which order."""

import msgspec

from .jobs import CPU, EAGER, ONE_BY_ONE, PIPELINE, PYTORCH, SESSIONS, Contender, Scale, canvas, crops


class Section(msgspec.Struct, frozen=True, kw_only=True):
    """One part of a check."""

    name: str
    """For `--only`."""
    title: str
    bundle: str
    """"random" or "shipped": which one it runs; "" = none."""
    contenders: tuple[Contender, ...]
    sizes: tuple[str, ...]
    turns: int


def sections(scale: Scale) -> tuple[Section, ...]:
    """All sections, the most wanted first; a dry run has only the contenders that need no GPU, and one that does."""
    height, width = scale.canvas_hw
    dry = scale.dry
    networks = (CPU, SESSIONS[0], EAGER) if dry else (CPU, *SESSIONS, *PYTORCH)
    scaling = networks if dry else (*SESSIONS, EAGER)
    readers = (CPU, SESSIONS[0]) if dry else (CPU, *SESSIONS)
    gpus = readers if dry else SESSIONS
    products = (EAGER,) if dry else PYTORCH[:3]
    return (
        Section(
            name="ceiling", title="How fast PyTorch multiplies large matrices", bundle="", contenders=products,
            sizes=(f"{scale.product}x{scale.product}x{scale.product}",), turns=1,
        ),
        Section(
            name="detector", title=f"CRAFT, width {scale.width:g}, {height}×{width}, one image", bundle="random",
            contenders=networks, sizes=(canvas(scale.canvas_hw),), turns=scale.turns,
        ),
        Section(
            name="recognizer", title=f"TPS-ResNet-BiLSTM-Attn, width {scale.width:g}, {scale.crops} crops",
            bundle="random", contenders=networks, sizes=(crops(scale.crops),), turns=scale.turns,
        ),
        Section(
            name="frames", title="From a decoded 1280×720 frame to its readings", bundle="shipped",
            contenders=readers, sizes=(ONE_BY_ONE, PIPELINE), turns=scale.turns,
        ),
        Section(
            name="memory", title=f"Memory over {scale.soak_frames:,} frames", bundle="shipped", contenders=gpus,
            sizes=("1280x720 frames",), turns=1,
        ),
        Section(
            name="verify", title="The bundle beside fp32 on the CPU", bundle="shipped", contenders=gpus,
            sizes=("detector", "recognizer"), turns=1,
        ),
        Section(
            name="canvases", title="The detector on other canvases", bundle="random", contenders=scaling,
            sizes=tuple(map(canvas, scale.canvases_hw)), turns=1,
        ),
        Section(
            name="batches", title="The recogniser in other batches", bundle="random", contenders=scaling,
            sizes=tuple(map(crops, scale.batches)), turns=1,
        ),
    )  # fmt: skip
