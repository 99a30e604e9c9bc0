"""What both training loops share: checkpoints to resume from, averaged weights, a log, a learning rate."""

from __future__ import annotations

import json
import math
import random
import time
from copy import deepcopy
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Generic, TypeVar

import torch

from .samples import TrainingDataError

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch import nn


Network = TypeVar("Network", bound="nn.Module")


class Average(Generic[Network]):
    """An exponential moving average of a network's weights, which reads better than the last step's."""

    def __init__(self, network: Network, decay: float = 0.999) -> None:
        self.network: Network = deepcopy(network).eval().requires_grad_(requires_grad=False)
        self.decay = decay
        self.steps = 0

    def update(self, network: Network) -> None:
        """Take in one step; the first steps count more, so that the start is soon forgotten."""
        self.steps += 1
        decay = min(self.decay, (1 + self.steps) / (10 + self.steps))
        mine, theirs = self.network.state_dict(), network.state_dict()
        for key, value in mine.items():
            if value.dtype.is_floating_point:
                value.lerp_(theirs[key].to(value.dtype), 1 - decay)
            else:
                value.copy_(theirs[key])


@dataclass
class Budget:
    """How long to train, in steps or in hours, over all resumed runs together."""

    steps: int | None = None
    hours: float | None = None
    spent_s: float = 0.0
    """Seconds that earlier runs took."""
    started: float = field(default_factory=time.monotonic)

    def __post_init__(self) -> None:
        if (self.steps is None) == (self.hours is None):
            raise ValueError("training budget: expected either steps or hours; give one of --steps and --hours")

    def elapsed_s(self) -> float:
        """Seconds spent, earlier runs included."""
        return self.spent_s + time.monotonic() - self.started

    def progress(self, step: int) -> float:
        """The share that is spent, 0..1."""
        share = step / self.steps if self.steps is not None else self.elapsed_s() / (3600 * (self.hours or 1))
        return min(1.0, share)


def learning_rate(peak: float, progress: float, warm_up: float = 0.02) -> float:
    """Linear warm-up over the first share of the budget, then a cosine down to a hundredth of the peak."""
    cosine = 0.01 + 0.99 * 0.5 * (1 + math.cos(math.pi * progress))
    return peak * min(1.0, (progress + 1e-4) / warm_up) * cosine


def save_atomically(state: dict[str, Any], path: Path) -> None:
    """Write a torch file under a temporary name, then rename it."""
    temporary = path.with_name(path.name + ".part")
    torch.save(state, temporary)
    temporary.replace(path)


def load_state(path: Path) -> dict[str, Any]:
    """Read a torch file without running code from it.

    Raises:
        TrainingDataError: The file is missing, truncated, or holds more than tensors and numbers.
    """
    try:
        state: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as exc:
        raise TrainingDataError(
            f"{path}: expected a checkpoint of this trainer, got {type(exc).__name__}; give another file or start anew"
        ) from exc
    return state


def seed_all(seed: int) -> None:
    """Seed torch and Python; generators of samples take their own seeds."""
    torch.manual_seed(seed)
    random.seed(seed)


@dataclass
class Log:
    """One JSON line an event in `path`, and a short line for people."""

    path: Path
    report: Callable[[str], None]

    def write(self, **values: float | str) -> None:
        """Append an event; floats are rounded to five digits for people and kept whole in the file."""
        with self.path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(values) + "\n")
        shown = (
            f"{key} {value:.5g}" if isinstance(value, float) else f"{key} {value}" for key, value in values.items()
        )
        self.report("  ".join(shown))
