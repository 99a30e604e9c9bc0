"""The detector's loss: squared errors of both maps, with hard negatives mined three to one (CRAFT, section 3.2; the
mining is that of the published training code).
"""

from __future__ import annotations

import torch
from torch import Tensor

POSITIVE = 0.1
"""Target values above this are text."""
NEGATIVES = 3
"""Negative pixels a positive one."""
FEWEST = 500
"""Negative pixels a scene where there is little text, or none."""


def detector_loss(maps: Tensor, targets: Tensor, weight: Tensor) -> Tensor:
    """Return the mean squared error over the text plus that over the hardest of the rest, summed over the two maps.

    `maps`: (N, H, W, 2), the network's; `targets`: (N, H, W, 2), 0..1; `weight`: (N, H, W), 0 where nothing is asked.
    """
    squared = (maps.float() - targets) ** 2 * weight.unsqueeze(-1)
    return mined(squared[..., 0], targets[..., 0]) + mined(squared[..., 1], targets[..., 1])


def mined(errors: Tensor, targets: Tensor) -> Tensor:
    """Return the mean of the errors on text plus mean of the largest others; `errors`, `targets`: (N, H, W)."""
    text = targets > POSITIVE
    others = errors[~text]
    count = min(others.numel(), max(NEGATIVES * int(text.sum()), FEWEST * len(errors)))
    hardest = others.topk(count, sorted=False).values.mean() if count else errors.sum() * 0
    return hardest + errors[text].mean() if text.any() else hardest


def normalised(images: Tensor) -> Tensor:
    """Return camera bytes uint8 (N, H, W, 3), BGR, as the network takes them: (N, 3, H, W), RGB, as for ImageNet."""
    mean = torch.tensor([0.485, 0.456, 0.406], device=images.device)
    deviation = torch.tensor([0.229, 0.224, 0.225], device=images.device)
    return ((images.flip(-1).float() / 255 - mean) / deviation).permute(0, 3, 1, 2)
