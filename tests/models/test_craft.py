"""Shapes and widths of the detector and its refiner (their numbers: test_golden.py)."""

from __future__ import annotations

import pytest
import torch

from edgereader.models.craft import CRAFT
from edgereader.models.link_refiner import LinkRefiner


@torch.inference_mode()
@pytest.mark.parametrize("width", [0.1, 0.25])
@pytest.mark.parametrize("size", [(32, 32), (64, 160)])
def test_maps_are_half_the_size(width: float, size: tuple[int, int]) -> None:
    maps, features = CRAFT(width).eval()(torch.randn(2, 3, *size))
    assert maps.shape == (2, size[0] // 2, size[1] // 2, 2)
    assert features.shape == (2, round(32 * width), size[0] // 2, size[1] // 2)
    assert LinkRefiner(width).eval()(maps, features).shape == (*maps.shape[:3], 1)


def test_every_parameter_takes_part_in_training() -> None:
    craft, refiner = CRAFT(0.05), LinkRefiner(0.05)
    maps, features = craft(torch.randn(2, 3, 64, 64))
    (maps.square().mean() + refiner(maps, features).square().mean()).backward()
    for network in (craft, refiner):
        assert all(parameter.grad is not None for parameter in network.parameters())
