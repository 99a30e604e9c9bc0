"""Stage 2: feature extraction, three published networks (Baek et al., ICCV 2019, tables 2 to 4).

Each turns images (N, C, H, W) into features (N, D, H', W'); at 32x100 the height H' is 1 and the width W' is 24 (VGG)
or 26 (RCNN, ResNet). `sizes` are the channels of its layers: 32, 64, 128, 256 and D = 512 in the published networks.
"""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn import functional as F

Sizes = tuple[int, int, int, int, int]
"""Channels of the layers that have 32, 64, 128, 256 and 512 in the published networks."""


class VGG(nn.Module):
    """The features of CRNN (Shi et al., TPAMI 2017)."""

    def __init__(self, channels: int, sizes: Sizes) -> None:
        super().__init__()
        _, c64, c128, c256, c512 = sizes
        self.ConvNet = nn.Sequential(
            nn.Conv2d(channels, c64, 3, padding=1),
            nn.ReLU(),
            nn.MaxPool2d(2),
            nn.Conv2d(c64, c128, 3, padding=1),
            nn.ReLU(),
            nn.MaxPool2d(2),
            nn.Conv2d(c128, c256, 3, padding=1),
            nn.ReLU(),
            nn.Conv2d(c256, c256, 3, padding=1),
            nn.ReLU(),
            nn.MaxPool2d((2, 1)),
            nn.Conv2d(c256, c512, 3, padding=1, bias=False),
            nn.BatchNorm2d(c512),
            nn.ReLU(),
            nn.Conv2d(c512, c512, 3, padding=1, bias=False),
            nn.BatchNorm2d(c512),
            nn.ReLU(),
            nn.MaxPool2d((2, 1)),
            nn.Conv2d(c512, c512, 2),
            nn.ReLU(),
        )

    def forward(self, images: Tensor) -> Tensor:
        """(N, C, H, W) -> (N, D, H', W')."""
        features: Tensor = self.ConvNet(images)
        return features


class RCNN(nn.Module):
    """Gated recurrent convolutions (Wang and Hu, NIPS 2017)."""

    def __init__(self, channels: int, sizes: Sizes) -> None:
        super().__init__()
        _, c64, c128, c256, c512 = sizes
        self.ConvNet = nn.Sequential(
            nn.Conv2d(channels, c64, 3, padding=1),
            nn.ReLU(),
            nn.MaxPool2d(2),
            GatedRecurrentConv(c64, c64),
            nn.MaxPool2d(2),
            GatedRecurrentConv(c64, c128),
            nn.MaxPool2d(2, (2, 1), (0, 1)),
            GatedRecurrentConv(c128, c256),
            nn.MaxPool2d(2, (2, 1), (0, 1)),
            nn.Conv2d(c256, c512, 2, bias=False),
            nn.BatchNorm2d(c512),
            nn.ReLU(),
        )

    def forward(self, images: Tensor) -> Tensor:
        """(N, C, H, W) -> (N, D, H', W')."""
        features: Tensor = self.ConvNet(images)
        return features


class GatedRecurrentConv(nn.Module):
    """A convolution unrolled for five iterations with shared weights and a gate on its own output."""

    def __init__(self, inputs: int, outputs: int, iterations: int = 5) -> None:
        super().__init__()
        self.wgf_u = nn.Conv2d(inputs, outputs, 1, bias=False)
        self.wgr_x = nn.Conv2d(outputs, outputs, 1, bias=False)
        self.wf_u = nn.Conv2d(inputs, outputs, 3, padding=1, bias=False)
        self.wr_x = nn.Conv2d(outputs, outputs, 3, padding=1, bias=False)
        self.BN_x_init = nn.BatchNorm2d(outputs)
        self.GRCL = nn.Sequential(*(GatedIteration(outputs) for _ in range(iterations)))

    def forward(self, u: Tensor) -> Tensor:
        """(N, inputs, H, W) -> (N, outputs, H, W)."""
        gate_u, forward_u = self.wgf_u(u), self.wf_u(u)
        x = F.relu(self.BN_x_init(forward_u))
        for iteration in self.GRCL:
            x = iteration(gate_u, self.wgr_x(x), forward_u, self.wr_x(x))
        return x


class GatedIteration(nn.Module):
    """One iteration; its batch norms are its own, the convolutions are shared."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.BN_gfu = nn.BatchNorm2d(channels)
        self.BN_grx = nn.BatchNorm2d(channels)
        self.BN_fu = nn.BatchNorm2d(channels)
        self.BN_rx = nn.BatchNorm2d(channels)
        self.BN_Gx = nn.BatchNorm2d(channels)

    def forward(self, gate_u: Tensor, gate_x: Tensor, forward_u: Tensor, recurrent_x: Tensor) -> Tensor:
        """Four tensors (N, C, H, W) -> the next x (N, C, H, W)."""
        gate = F.sigmoid(self.BN_gfu(gate_u) + self.BN_grx(gate_x))
        return F.relu(self.BN_fu(forward_u) + self.BN_Gx(self.BN_rx(recurrent_x) * gate))


class ResNetFeatures(nn.Module):
    """`ResNet` under the key that the published checkpoints have."""

    def __init__(self, channels: int, sizes: Sizes) -> None:
        super().__init__()
        self.ConvNet = ResNet(channels, sizes)

    def forward(self, images: Tensor) -> Tensor:
        """(N, C, H, W) -> (N, D, H', W')."""
        features: Tensor = self.ConvNet(images)
        return features


class ResNet(nn.Module):
    """The 29-layer network of FAN (Cheng et al., ICCV 2017)."""

    def __init__(self, channels: int, sizes: Sizes) -> None:
        super().__init__()
        c32, c64, c128, c256, c512 = sizes
        self.conv0_1, self.bn0_1 = conv3x3(channels, c32), nn.BatchNorm2d(c32)
        self.conv0_2, self.bn0_2 = conv3x3(c32, c64), nn.BatchNorm2d(c64)
        self.maxpool1 = nn.MaxPool2d(2)
        self.layer1 = residual_layer(c64, c128, blocks=1)
        self.conv1, self.bn1 = conv3x3(c128, c128), nn.BatchNorm2d(c128)
        self.maxpool2 = nn.MaxPool2d(2)
        self.layer2 = residual_layer(c128, c256, blocks=2)
        self.conv2, self.bn2 = conv3x3(c256, c256), nn.BatchNorm2d(c256)
        self.maxpool3 = nn.MaxPool2d(2, (2, 1), (0, 1))
        self.layer3 = residual_layer(c256, c512, blocks=5)
        self.conv3, self.bn3 = conv3x3(c512, c512), nn.BatchNorm2d(c512)
        self.layer4 = residual_layer(c512, c512, blocks=3)
        self.conv4_1, self.bn4_1 = nn.Conv2d(c512, c512, 2, (2, 1), (0, 1), bias=False), nn.BatchNorm2d(c512)
        self.conv4_2, self.bn4_2 = nn.Conv2d(c512, c512, 2, bias=False), nn.BatchNorm2d(c512)

    def forward(self, images: Tensor) -> Tensor:
        """(N, C, H, W) -> (N, D, H', W')."""
        x = F.relu(self.bn0_1(self.conv0_1(images)))
        x = F.relu(self.bn0_2(self.conv0_2(x)))
        x = self.layer1(self.maxpool1(x))
        x = F.relu(self.bn1(self.conv1(x)))
        x = self.layer2(self.maxpool2(x))
        x = F.relu(self.bn2(self.conv2(x)))
        x = self.layer3(self.maxpool3(x))
        x = F.relu(self.bn3(self.conv3(x)))
        x = self.layer4(x)
        x = F.relu(self.bn4_1(self.conv4_1(x)))
        return F.relu(self.bn4_2(self.conv4_2(x)))


class ResidualBlock(nn.Module):
    """Two 3x3 convolutions round a shortcut (He et al., CVPR 2016)."""

    def __init__(self, inputs: int, outputs: int, *, project: bool) -> None:
        super().__init__()
        self.conv1, self.bn1 = conv3x3(inputs, outputs), nn.BatchNorm2d(outputs)
        self.conv2, self.bn2 = conv3x3(outputs, outputs), nn.BatchNorm2d(outputs)
        projection = nn.Sequential(nn.Conv2d(inputs, outputs, 1, bias=False), nn.BatchNorm2d(outputs))
        self.downsample = projection if project else None

    def forward(self, x: Tensor) -> Tensor:
        """(N, inputs, H, W) -> (N, outputs, H, W)."""
        shortcut = x if self.downsample is None else self.downsample(x)
        residual = self.bn2(self.conv2(F.relu(self.bn1(self.conv1(x)))))
        return F.relu(residual + shortcut)


def residual_layer(inputs: int, outputs: int, *, blocks: int) -> nn.Sequential:
    """Return `blocks` residual blocks."""
    first = ResidualBlock(inputs, outputs, project=inputs != outputs)
    return nn.Sequential(first, *(ResidualBlock(outputs, outputs, project=False) for _ in range(blocks - 1)))


def conv3x3(inputs: int, outputs: int) -> nn.Conv2d:
    """Return a 3x3 convolution that keeps the size; a batch norm follows, so no bias."""
    return nn.Conv2d(inputs, outputs, 3, padding=1, bias=False)
