"""Stage 1: thin-plate-spline rectification (RARE, Shi et al., CVPR 2016, section 3.1)."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F

from .width import thin

NUM_FIDUCIALS = 20
"""Fiducial points of the published networks, half along the upper and half along the lower edge of the text."""


class TPS(nn.Module):
    """Finds fiducial points round the text and straightens the image along them."""

    def __init__(self, image_hw: tuple[int, int], channels: int, width: float, fiducials: int = NUM_FIDUCIALS) -> None:
        super().__init__()
        self.image_hw, self.fiducials = image_hw, fiducials
        self.LocalizationNetwork = LocalizationNetwork(channels, width, fiducials)
        self.GridGenerator = GridGenerator(image_hw, fiducials)

    def forward(self, images: Tensor) -> Tensor:
        """(N, C, H, W) -> rectified (N, C, H, W); under autocast too, the grid keeps the weights' precision."""
        fiducials = self.LocalizationNetwork(images)
        precision = self.GridGenerator.P_hat.dtype
        with torch.autocast(images.device.type, enabled=False):
            grid = self.GridGenerator(fiducials.to(precision)).reshape(-1, *self.image_hw, 2)
            return F.grid_sample(images.to(precision), grid, padding_mode="border", align_corners=True)


class LocalizationNetwork(nn.Module):
    """Four convolutions and two linear layers: an image's fiducial points."""

    def __init__(self, channels: int, width: float, fiducials: int = NUM_FIDUCIALS) -> None:
        super().__init__()
        self.fiducials = fiducials
        sizes = [thin(size, width) for size in (64, 128, 256, 512)]
        self.conv = nn.Sequential(
            *conv_block(channels, sizes[0]),
            nn.MaxPool2d(2),
            *conv_block(sizes[0], sizes[1]),
            nn.MaxPool2d(2),
            *conv_block(sizes[1], sizes[2]),
            nn.MaxPool2d(2),
            *conv_block(sizes[2], sizes[3]),
            nn.AdaptiveAvgPool2d(1),
        )
        hidden = thin(256, width)
        self.localization_fc1 = nn.Sequential(nn.Linear(sizes[3], hidden), nn.ReLU())
        self.localization_fc2 = nn.Linear(hidden, 2 * fiducials)
        self.start_at_slanted_fiducials()

    def start_at_slanted_fiducials(self) -> None:
        """Start with fiducials that do not depend on the image (RARE, section 3.1, figure 6a)."""
        half = self.fiducials // 2
        x = np.linspace(-1, 1, half)
        upper, lower = np.stack([x, np.linspace(0, -1, half)], 1), np.stack([x, np.linspace(1, 0, half)], 1)
        with torch.no_grad():
            self.localization_fc2.weight.zero_()
            self.localization_fc2.bias.copy_(torch.from_numpy(np.concatenate([upper, lower])).flatten())

    def forward(self, images: Tensor) -> Tensor:
        """(N, C, H, W) -> fiducial points (N, fiducials, 2) as x, y in -1..1 of the image."""
        features = self.conv(images).flatten(1)
        points: Tensor = self.localization_fc2(self.localization_fc1(features))
        return points.reshape(-1, self.fiducials, 2)


class GridGenerator(nn.Module):
    """The thin-plate spline that maps the rectified image's pixels to where to sample."""

    inv_delta_C: Tensor  # noqa: N815
    P_hat: Tensor

    def __init__(self, image_hw: tuple[int, int], fiducials: int = NUM_FIDUCIALS) -> None:
        super().__init__()
        base = base_fiducials(fiducials)
        self.register_buffer("inv_delta_C", torch.from_numpy(inverse_delta(base)).float())
        self.register_buffer("P_hat", torch.from_numpy(pixel_features(base, image_hw)).float())

    def forward(self, fiducials: Tensor) -> Tensor:
        """Fiducial points (N, fiducials, 2) -> sampling grid (N, H * W, 2), x and y in -1..1."""
        constraints = fiducials.new_zeros(fiducials.shape[0], 3, 2)
        spline = self.inv_delta_C @ torch.cat([fiducials, constraints], dim=1)
        return self.P_hat @ spline


def base_fiducials(count: int = NUM_FIDUCIALS) -> NDArray[np.float64]:
    """Return the fiducials of the rectified image, (count, 2) x, y: half on its top edge, half on its bottom edge."""
    x = np.linspace(-1, 1, count // 2)
    return np.concatenate([np.stack([x, -np.ones_like(x)], 1), np.stack([x, np.ones_like(x)], 1)])


def inverse_delta(base: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the inverse of the spline's system matrix, (count + 3, count + 3) (RARE, equation 3)."""
    count = len(base)
    distance = np.linalg.norm(base[:, None] - base[None], axis=2)
    np.fill_diagonal(distance, 1)
    radial = distance**2 * np.log(distance)
    upper = np.concatenate([np.ones((count, 1)), base, radial], axis=1)
    middle = np.concatenate([np.zeros((2, 3)), base.T], axis=1)
    lower = np.concatenate([np.zeros((1, 3)), np.ones((1, count))], axis=1)
    return np.asarray(np.linalg.inv(np.concatenate([upper, middle, lower])))


def pixel_features(base: NDArray[np.float64], image_hw: tuple[int, int]) -> NDArray[np.float64]:
    """Return 1, x, y and the radial terms of every pixel centre, (H * W, count + 3) (RARE, equation 4)."""
    height, width = image_hw
    x, y = np.meshgrid((np.arange(-width, width, 2) + 1) / width, (np.arange(-height, height, 2) + 1) / height)
    pixels = np.stack([x.ravel(), y.ravel()], axis=1)
    distance = np.linalg.norm(pixels[:, None] - base[None], axis=2)
    radial = distance**2 * np.log(distance + 1e-6)
    return np.concatenate([np.ones((len(pixels), 1)), pixels, radial], axis=1)


def conv_block(inputs: int, outputs: int) -> list[nn.Module]:
    """Return 3x3 convolution, batch norm, ReLU."""
    return [nn.Conv2d(inputs, outputs, 3, padding=1, bias=False), nn.BatchNorm2d(outputs), nn.ReLU()]
