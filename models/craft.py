"""CRAFT: Character Region Awareness for Text Detection (Baek et al., CVPR 2019, figure 2).

A VGG16-BN backbone whose fully connected layers became convolutions, and a U-shaped decoder.
"""

from __future__ import annotations

from collections import OrderedDict
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from .width import thin

VGG16 = (64, 64, "pool", 128, 128, "pool", 256, 256, 256, "pool", 512, 512, 512, "pool", 512, 512)
"""Convolutions (output channels) and poolings of VGG16, up to its second-last convolution."""

SLICE_STARTS = (0, 12, 19, 29, 39)
"""VGG16-BN's layer numbers at which the backbone is cut; each cut is a skip connection."""
FIRST_POOL = 6
"""VGG16-BN's number of its first pooling."""
STRIDED_PX = 4
"""Side of the strided first convolution: a pixel of its output has the place that the pooling gave it."""


class CRAFT(nn.Module):
    """The detector; at width 1.0 keys and shapes are those of the published checkpoints.

    With `strided`, the first convolution takes 4x4 pixels at a stride of 2, and no pooling follows: nothing is
    computed at the image's full size, which costs a thin network a quarter of its time.
    """

    def __init__(self, width: float = 1.0, *, strided: bool = False) -> None:
        super().__init__()
        self.width, self.strided = width, strided
        self.basenet = Backbone(width, strided=strided)
        self.upconv1 = UpBlock((1024, 512), 512, 256, width)
        self.upconv2 = UpBlock((256, 512), 256, 128, width)
        self.upconv3 = UpBlock((128, 256), 128, 64, width)
        self.upconv4 = UpBlock((64, 128), 64, 32, width)
        wide, narrow = thin(32, width), thin(16, width)
        self.conv_cls = nn.Sequential(
            nn.Conv2d(wide, wide, 3, padding=1),
            nn.ReLU(),
            nn.Conv2d(wide, wide, 3, padding=1),
            nn.ReLU(),
            nn.Conv2d(wide, narrow, 3, padding=1),
            nn.ReLU(),
            nn.Conv2d(narrow, narrow, 1),
            nn.ReLU(),
            nn.Conv2d(narrow, 2, 1),
        )
        init_convolutions(self)

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Find characters and the links between them.

        `images`: (N, 3, H, W) float, RGB, normalised with ImageNet's mean and deviation;
        H and W multiples of 16 (the published code takes multiples of 32).
        Returns maps (N, H/2, W/2, 2), region and affinity scores of about 0..1, and the features
        (N, round(32 * width), H/2, W/2) that the link refiner takes.
        """
        half, quarter, eighth, sixteenth, deepest = self.basenet(images)
        x = self.upconv1(torch.cat([deepest, sixteenth], dim=1))
        x = self.upconv2(torch.cat([doubled(x), eighth], dim=1))
        x = self.upconv3(torch.cat([doubled(x), quarter], dim=1))
        features = self.upconv4(torch.cat([doubled(x), half], dim=1))
        maps = self.conv_cls(features)
        return maps.permute(0, 2, 3, 1), features


class Backbone(nn.Module):
    """VGG16-BN in four slices named by torchvision's layer numbers, then fc6 and fc7."""

    def __init__(self, width: float, *, strided: bool) -> None:
        super().__init__()
        layers = vgg_layers(width)
        if strided:
            layers[0] = nn.Conv2d(3, thin(64, width), STRIDED_PX, stride=2, padding=1)
            layers[FIRST_POOL] = nn.Identity()
        slices = [
            nn.Sequential(OrderedDict((str(i), layers[i]) for i in range(*ends))) for ends in pairwise(SLICE_STARTS)
        ]
        self.slice1, self.slice2, self.slice3, self.slice4 = slices
        fc = thin(1024, width)
        self.slice5 = nn.Sequential(
            nn.MaxPool2d(3, stride=1, padding=1),
            nn.Conv2d(thin(512, width), fc, 3, padding=6, dilation=6),
            nn.Conv2d(fc, fc, 1),
        )

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor]:
        """Return features at 1/2, 1/4, 1/8, 1/16 and (fc7) 1/16 of the image; the last two are not rectified."""
        half = F.relu(self.slice1(images))
        quarter = F.relu(self.slice2(half))
        eighth = F.relu(self.slice3(quarter))
        sixteenth = self.slice4(eighth)
        return half, quarter, eighth, sixteenth, self.slice5(sixteenth)


class UpBlock(nn.Module):
    """Two convolutions of the decoder over two joined inputs: 1x1 to `middle` channels, then 3x3 to `outputs`."""

    def __init__(self, joined: tuple[int, int], middle: int, outputs: int, width: float) -> None:
        super().__init__()
        inputs = sum(thin(channels, width) for channels in joined)
        middle, outputs = thin(middle, width), thin(outputs, width)
        self.conv = nn.Sequential(
            nn.Conv2d(inputs, middle, 1),
            nn.BatchNorm2d(middle),
            nn.ReLU(),
            nn.Conv2d(middle, outputs, 3, padding=1),
            nn.BatchNorm2d(outputs),
            nn.ReLU(),
        )

    def forward(self, x: Tensor) -> Tensor:
        """(N, inputs, H, W) -> (N, outputs, H, W)."""
        output: Tensor = self.conv(x)
        return output


def vgg_layers(width: float) -> list[nn.Module]:
    """Return VGG16-BN's layers by torchvision's numbers, 0 to 38."""
    layers: list[nn.Module] = []
    channels = 3
    for item in VGG16:
        if isinstance(item, str):
            layers.append(nn.MaxPool2d(2))
            continue
        outputs = thin(item, width)
        layers += [nn.Conv2d(channels, outputs, 3, padding=1), nn.BatchNorm2d(outputs), nn.ReLU()]
        channels = outputs
    return layers[: SLICE_STARTS[-1]]


def doubled(x: Tensor) -> Tensor:
    """Return `x` bilinearly resized to twice its height and width; by a factor, so that one graph fits all sizes."""
    return F.interpolate(x, scale_factor=2.0, mode="bilinear", align_corners=False)


def init_convolutions(network: nn.Module) -> None:
    """Give every convolution He-normal weights and zero biases (He et al., ICCV 2015)."""
    for module in network.modules():
        if isinstance(module, nn.Conv2d):
            nn.init.kaiming_normal_(module.weight, nonlinearity="relu")
            if module.bias is not None:
                nn.init.zeros_(module.bias)
