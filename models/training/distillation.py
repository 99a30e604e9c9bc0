"""A thinner detector from a trained one: its most used channels to start with, its maps to learn from.

The channels are chosen by the size of their filters (Li et al., Pruning Filters for Efficient ConvNets, ICLR 2017);
learning from another network's output is distillation (Hinton et al., 2015).
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import cast

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F

from ..checkpoints.initial import detector_options
from ..craft import CRAFT
from ..data.samples import Image, TrainingDataError
from .detector_loss import detector_loss, normalised
from .loop import load_weights


@dataclass(frozen=True)
class Kept:
    """The output channels of a layer that a thinner network keeps."""

    indices: Tensor
    """int64, ascending."""
    out_of: int
    """Channels of the wider network's layer."""


class Teacher:
    """A trained detector that another one learns from."""

    def __init__(self, checkpoint: Path, device: str) -> None:
        """Load the teacher onto a device. Raise TrainingDataError if the file is no checkpoint of CRAFT."""
        self.checkpoint, options = checkpoint, detector_options(checkpoint)
        self.network = CRAFT(**options)
        load_weights(self.network, checkpoint)
        self.network.eval().requires_grad_(requires_grad=False).to(device)

    @cached_property
    def digest(self) -> str:
        """Return the SHA-256 of its checkpoint, hexadecimal."""
        return hashlib.sha256(self.checkpoint.read_bytes()).hexdigest()

    def look(self, image: Image) -> NDArray[np.uint8]:
        """Return maps (H/2, W/2, 2), region and affinity, 255 for 1, of an image (H, W, 3) uint8 BGR of even sides."""
        height, width = image.shape[:2]
        padded = cv2.copyMakeBorder(image, 0, -height % 32, 0, -width % 32, cv2.BORDER_CONSTANT)
        device = next(self.network.parameters()).device
        with torch.no_grad():
            maps = self.network(normalised(torch.from_numpy(padded[np.newaxis]).to(device)))[0][0]
        scaled = (maps.float().clamp(0, 1) * 255).round().byte().cpu().numpy()
        return np.ascontiguousarray(scaled[: height // 2, : width // 2])

    def loss(self, images: Tensor, maps: Tensor, weight: Tensor) -> Tensor:
        """Return how far maps (N, H/2, W/2, 2) are from the teacher's on these normalised images (N, 3, H, W)."""
        with torch.no_grad():
            targets = self.network(images)[0].float().clamp(0, 1)
        return detector_loss(maps, targets, weight)

    def thin(self, network: CRAFT) -> None:
        """Give a network the weights of the teacher's largest filters, layer by layer.

        A strided first convolution becomes the mean of the teacher's four answers for the pixels that it covers.

        Raises:
            TrainingDataError: The network is wider than the teacher, or only the teacher is strided.
        """
        theirs, own = self.network, network
        if own.width > theirs.width or theirs.strided > own.strided:
            raise TrainingDataError(
                f"{self.checkpoint}: expected a teacher as wide as the detector that learns, strided only if that is, "
                f"got {_described(theirs)} for {_described(own)}; change --width or --strided"
            )
        kept, skips = Kept(torch.arange(3), 3), []
        for number in range(1, 6):
            kept = _thin(getattr(theirs.basenet, f"slice{number}"), getattr(own.basenet, f"slice{number}"), kept)
            skips.append(kept)
        for number, skip in enumerate(reversed(skips[:-1]), 1):
            joined = Kept(torch.cat([kept.indices, skip.indices + kept.out_of]), kept.out_of + skip.out_of)
            kept = _thin(getattr(theirs, f"upconv{number}").conv, getattr(own, f"upconv{number}").conv, joined)
        _thin(theirs.conv_cls, own.conv_cls, kept)


def _described(network: CRAFT) -> str:
    return f"width {network.width:g}{', strided' if network.strided else ''}"


@torch.no_grad()
def _thin(wide: nn.Sequential, thin: nn.Sequential, inputs: Kept) -> Kept:
    """Thin the convolutions of a sequence, and the normalisations after them, for the inputs that are left."""
    theirs, own = list(wide), list(thin)
    for index, (layer, thinner) in enumerate(zip(theirs, own, strict=True)):
        if not isinstance(layer, nn.Conv2d) or not isinstance(thinner, nn.Conv2d):
            continue
        norm = theirs[index + 1] if index + 1 < len(theirs) else None
        kept = Kept(_largest(layer, norm, thinner.out_channels), layer.out_channels)
        weight = layer.weight[kept.indices][:, inputs.indices]
        if thinner.stride != layer.stride:
            weight = torch.stack([F.pad(weight, (x, 1 - x, y, 1 - y)) for x in (0, 1) for y in (0, 1)]).mean(0)
        thinner.load_state_dict({"weight": weight, "bias": layer.state_dict()["bias"][kept.indices]})
        if isinstance(norm, nn.BatchNorm2d):
            state = norm.state_dict().items()
            own[index + 1].load_state_dict({key: value[kept.indices] if value.ndim else value for key, value in state})
        inputs = kept
    return inputs


def _largest(layer: nn.Conv2d, norm: nn.Module | None, count: int) -> Tensor:
    """Return the filters with the largest sums of absolute weights, after the normalisation that follows."""
    sizes = layer.weight.abs().sum((1, 2, 3))
    if isinstance(norm, nn.BatchNorm2d):
        sizes = sizes * norm.weight.abs() / (cast("Tensor", norm.running_var) + norm.eps).sqrt()
    return sizes.topk(count).indices.sort().values
