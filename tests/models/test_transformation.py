"""The thin-plate spline: exact at the fiducial points, and where training starts."""

import numpy as np
import torch

from edgereader.models.transformation import TPS, GridGenerator, base_fiducials


def test_base_fiducials_give_the_image_back():
    tps = TPS((32, 100), 1, 0.125).double()
    with torch.no_grad():
        tps.LocalizationNetwork.localization_fc2.bias.copy_(torch.from_numpy(base_fiducials()).flatten())
    tps.eval()
    ramp = torch.linspace(0, 1, 100, dtype=torch.float64) * torch.linspace(0, 1, 32, dtype=torch.float64)[:, None]
    grid = tps.GridGenerator(torch.from_numpy(base_fiducials())[None]).reshape(32, 100, 2)
    assert abs(grid[0, 0, 0] + 0.99) < 1e-4
    assert abs(grid[-1, 0, 1] - 31 / 32) < 1e-4
    assert (tps(ramp[None, None]) - ramp).abs().max() < 0.03


def test_moved_fiducials_move_the_grid():
    moved = base_fiducials() * [0.5, 0.25] + [0.1, -0.2]
    grid = GridGenerator((64, 256)).double()(torch.from_numpy(moved)[None])[0].numpy()
    pixels = GridGenerator((64, 256)).double()(torch.from_numpy(base_fiducials())[None])[0].numpy()
    assert np.abs(grid - (pixels * [0.5, 0.25] + [0.1, -0.2])).max() < 1e-4


def test_training_starts_from_fiducials_that_no_image_changes():
    tps = TPS((32, 100), 1, 0.25).eval()
    points = tps.LocalizationNetwork(torch.randn(3, 1, 32, 100))
    assert torch.equal(points[0], points[2])
    assert torch.allclose(points[0, 0], torch.tensor([-1.0, 0.0]))
    assert torch.allclose(points[0, 9], torch.tensor([1.0, -1.0]))
    assert torch.allclose(points[0, 10], torch.tensor([-1.0, 1.0]))
    assert torch.allclose(points[0, 19], torch.tensor([1.0, 0.0]))


def test_the_grid_keeps_its_precision_under_autocast():
    tps = TPS((32, 100), 1, 0.125).eval()
    images = torch.rand(2, 1, 32, 100)
    fiducials = tps.LocalizationNetwork(images)
    with torch.autocast("cpu", torch.bfloat16):
        assert tps(images).dtype == torch.float32
        assert tps.LocalizationNetwork(images).dtype == torch.bfloat16
    assert fiducials.dtype == torch.float32
