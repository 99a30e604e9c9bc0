"""Shapes and widths of the detector and its refiner (their numbers: test_golden.py)."""

import pytest
import torch

from edgereader.models.craft import CRAFT
from edgereader.models.link_refiner import LinkRefiner


@torch.inference_mode()
@pytest.mark.parametrize("width", [0.1, 0.25])
@pytest.mark.parametrize("strided", [False, True])
@pytest.mark.parametrize("size", [(32, 32), (64, 160)])
def test_maps_are_half_the_size(width, size, *, strided):
    maps, features = CRAFT(width, strided=strided).eval()(torch.randn(2, 3, *size))
    assert maps.shape == (2, size[0] // 2, size[1] // 2, 2)
    assert features.shape == (2, round(32 * width), size[0] // 2, size[1] // 2)
    assert LinkRefiner(width).eval()(maps, features).shape == (*maps.shape[:3], 1)


def test_every_parameter_takes_part_in_training():
    craft, refiner = CRAFT(0.05), LinkRefiner(0.05)
    maps, features = craft(torch.randn(2, 3, 64, 64))
    (maps.square().mean() + refiner(maps, features).square().mean()).backward()
    for network in (craft, refiner):
        assert all(parameter.grad is not None for parameter in network.parameters())


@torch.inference_mode()
def test_a_strided_network_computes_nothing_at_full_size():
    sizes = []
    craft = CRAFT(0.1, strided=True).eval()
    for module in craft.modules():
        module.register_forward_hook(lambda _module, _inputs, output: sizes.append(output[0].shape[-1]))
    craft(torch.randn(1, 3, 64, 96))
    assert max(sizes) == 48
