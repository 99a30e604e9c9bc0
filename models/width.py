"""The `width` factor: one architecture, thinner layers."""

from __future__ import annotations


def thin(channels: int, width: float) -> int:
    """Return the channels of a layer that has `channels` in the published network (width 1.0).

    At least 1. Inputs, class counts, fiducials and CRAFT's two maps are never thinned.
    """
    return max(1, round(channels * width))
