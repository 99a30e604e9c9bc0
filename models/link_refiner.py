"""CRAFT's link refiner: better affinity maps for long lines (published with CRAFT's code)."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from .craft import init_convolutions
from .width import thin


class LinkRefiner(nn.Module):
    """Three convolutions, then four dilated branches that are summed (atrous spatial pyramid)."""

    def __init__(self, width: float = 1.0) -> None:
        super().__init__()
        self.width = width
        channels = thin(64, width)
        self.last_conv = nn.Sequential(
            *conv_block(2 + thin(32, width), channels, 3, padding=1),
            *conv_block(channels, channels, 3, padding=1),
            *conv_block(channels, channels, 3, padding=1),
        )
        self.aspp1, self.aspp2, self.aspp3, self.aspp4 = (dilated_branch(rate, width) for rate in (6, 12, 18, 24))
        init_convolutions(self)

    def forward(self, maps: Tensor, features: Tensor) -> Tensor:
        """Refine the affinity of CRAFT's two outputs.

        `maps`: (N, H/2, W/2, 2); `features`: (N, round(32 * width), H/2, W/2), both as CRAFT
        returns them. Returns the new affinity (N, H/2, W/2, 1).
        """
        x = self.last_conv(torch.cat([maps.permute(0, 3, 1, 2), features], dim=1))
        affinity: Tensor = self.aspp1(x) + self.aspp2(x) + self.aspp3(x) + self.aspp4(x)
        return affinity.permute(0, 2, 3, 1)


def dilated_branch(rate: int, width: float) -> nn.Sequential:
    """Return a dilated 3x3 and two 1x1 convolutions, to one channel."""
    inputs, channels = thin(64, width), thin(128, width)
    return nn.Sequential(
        *conv_block(inputs, channels, 3, padding=rate, dilation=rate),
        *conv_block(channels, channels, 1),
        nn.Conv2d(channels, 1, 1),
    )


def conv_block(inputs: int, outputs: int, kernel: int, *, padding: int = 0, dilation: int = 1) -> list[nn.Module]:
    """Return convolution, batch norm, ReLU."""
    convolution = nn.Conv2d(inputs, outputs, kernel, padding=padding, dilation=dilation)
    return [convolution, nn.BatchNorm2d(outputs), nn.ReLU()]
