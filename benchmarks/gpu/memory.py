"""Whether the memory in use grows."""

from collections.abc import Sequence
from typing import cast

from ..memory import MIB
from ..trend import Trend, trend
from .figures import Growth

PER_FRAMES = 10_000


def growth(used_bytes: Sequence[int], every_frames: float, allowed_mib: float) -> Growth:
    """The line through samples that were taken so many frames apart, 10 or more of them."""
    used = [each / MIB for each in used_bytes]
    slope, low, high = cast("Trend", trend([every_frames * place / PER_FRAMES for place in range(len(used))], used))
    return Growth(
        first_mib=used[0],
        last_mib=used[-1],
        most_mib=max(used),
        slope_mib=slope,
        low_mib=low,
        high_mib=high,
        allowed_mib=allowed_mib,
    )
