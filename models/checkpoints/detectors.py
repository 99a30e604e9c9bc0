"""CRAFT and its link refiner from their checkpoints."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from ..width import thin
from .files import read_checkpoint
from .loading import channels, expect_finite_outputs, load_fitting, width_candidates

if TYPE_CHECKING:
    from ..craft import CRAFT
    from ..link_refiner import LinkRefiner

CANVAS_HW = 64, 64
"""Size of the picture that a network is tried on."""


def load_craft(path: Path) -> CRAFT:
    """Return the detector in a checkpoint. Raise CheckpointError."""
    from ..craft import CRAFT

    state = read_checkpoint(path, "CRAFT detector").state
    widths = width_candidates(channels(path, state, "basenet.slice5.2.weight"), 1024)
    choices = [(width, strided) for width in widths for strided in (False, True)]
    craft = load_fitting(path, state, [partial(CRAFT, width, strided=strided) for width, strided in choices])
    expect_finite_outputs(path, craft, (1, 3, *CANVAS_HW))
    return craft


def load_refiner(path: Path) -> LinkRefiner:
    """Return the link refiner in a checkpoint. Raise CheckpointError."""
    from ..link_refiner import LinkRefiner

    state = read_checkpoint(path, "link refiner").state
    widths = width_candidates(channels(path, state, "aspp1.0.weight"), 128)
    refiner = load_fitting(path, state, [partial(LinkRefiner, width) for width in widths])
    maps_hw = tuple(side // 2 for side in CANVAS_HW)
    expect_finite_outputs(path, refiner, (1, *maps_hw, 2), (1, thin(32, refiner.width), *maps_hw))
    return refiner
