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

import cv2
import torch
from torch.utils.data import DataLoader, IterableDataset

from ..checkpoints import CheckpointError
from ..checkpoints.files import read_checkpoint
from ..checkpoints.loading import load_strictly
from ..craft import CRAFT
from ..data.samples import TrainingDataError

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


@dataclass(frozen=True)
class Training:
    """What every training run depends on."""

    out: Path
    """Folder of `last.pt` (to resume from), the averaged weights and `log.jsonl`."""
    width: float = 1.0
    """Factor on the channels of every layer."""
    steps: int | None = None
    """Length of the run in steps; give either this or hours."""
    hours: float | None = None
    """Length of the run in hours."""
    batch: int = 32
    """Samples a step."""
    peak_rate: float = 1e-3
    """Highest learning rate of AdamW."""
    seed: int = 0
    """Seed of weights and samples."""
    device: str = "cpu"
    """cpu or cuda; cuda computes in bfloat16."""
    workers: int = 0
    """Processes that make samples; 0 makes them between steps."""
    synthetic_share: float = 1.0
    """Share of generated samples, 0..1, when there are data sets."""
    init: Path | None = None
    """Checkpoint whose weights to start from (fine-tuning); samples are hard from the first step then."""
    resume: bool = False
    """Go on from `out/last.pt`."""
    save_every: int = 500
    """Steps between validations and checkpoints."""
    report_s: float = 10.0
    """Seconds between lines of progress; in a long run, a hundredth of the time so far."""
    validation: int = 600
    """Samples in the validation set."""


@dataclass
class Run(Generic[Network]):
    """The state of a training run."""

    network: Network
    """The network that learns."""
    average: Average[Network]
    """Its averaged weights, which are validated and exported."""
    optimizer: torch.optim.Optimizer
    """The optimiser of the network."""
    shape: dict[str, Any]
    """What a checkpoint must agree on to be resumed."""
    step: int = 0
    """Steps taken."""
    spent_s: float = 0.0
    """Seconds that earlier runs took."""
    best: float = -math.inf
    """The highest score of a validation so far."""
    losses: list[float] = field(default_factory=list)
    """The loss of every step of this process."""

    @classmethod
    def start(
        cls,
        network: Network,
        training: Training,
        shape: dict[str, Any],
        *,
        decay: float = 0.999,
        rows: list[int | None] | None = None,
    ) -> Run[Network]:
        """Begin with a fresh network, with the weights of `init`, or at the last checkpoint.

        `rows`: which row of `init`'s last layer each of the network's classes takes; None = the same.

        Raises:
            TrainingDataError: A checkpoint does not fit the network.
        """
        if training.init is not None:
            load_weights(network, training.init, rows)
        network = network.to(training.device)
        optimizer = torch.optim.AdamW(network.parameters(), lr=training.peak_rate, weight_decay=1e-4)
        run = cls(network, Average(network, decay), optimizer, shape)
        last = training.out / "last.pt"
        if training.resume and last.exists():
            run._load(last)
        return run

    def _load(self, path: Path) -> None:
        state = load_state(path)
        if state.get("shape") != self.shape:
            raise TrainingDataError(f"{path}: expected {self.shape}, got {state.get('shape')}; drop --resume")
        self.network.load_state_dict(state["network"])
        self.average.network.load_state_dict(state["average"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.average.steps, self.step, self.spent_s = state["average_steps"], state["step"], state["spent_s"]
        self.best = state["best"]

    def learn(self, loss: torch.Tensor, rate: float) -> None:
        """Take one optimiser step down a loss."""
        for group in self.optimizer.param_groups:
            group["lr"] = rate
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(self.network.parameters(), 5.0)
        self.optimizer.step()
        self.average.update(self.network)
        self.losses.append(float(loss.detach()))
        self.step += 1

    def save(self, weights: Path, budget: Budget, score: float) -> None:
        """Write `last.pt`, to resume from, and, when no score was higher, the averaged weights, to export."""
        best, self.best = score >= self.best, max(score, self.best)
        state = {
            "network": self.network.state_dict(), "average": self.average.network.state_dict(),
            "average_steps": self.average.steps, "optimizer": self.optimizer.state_dict(),
            "step": self.step, "spent_s": budget.elapsed_s(), "best": self.best, "shape": self.shape,
        }  # fmt: skip
        save_atomically(state, weights.with_name("last.pt"))
        if best:
            save_atomically({"state_dict": self.average.network.state_dict(), "config": self.shape}, weights)


def load_weights(network: nn.Module, path: Path, rows: list[int | None] | None = None) -> None:
    """Load a checkpoint in any form strictly, see `read_checkpoint`; the network keeps its mode.

    `rows`: which row of the checkpoint's last layer each class of the network takes, None for a class that it has not,
    which starts at nothing and unlikely.

    Raises:
        TrainingDataError: Its keys or shapes are not the network's.
    """
    training, kind = network.training, "CRAFT detector" if isinstance(network, CRAFT) else "recognizer"
    try:
        state = read_checkpoint(path, kind).state
        if rows is not None:
            state |= with_rows(state, rows)
        load_strictly(path, network, state)
    except CheckpointError as exc:
        raise TrainingDataError(str(exc)) from exc
    network.train(training)


def with_rows(state: dict[str, torch.Tensor], rows: list[int | None]) -> dict[str, torch.Tensor]:
    """Return the weight and bias of the last layer with these rows, see `load_weights`."""
    weight = next(key for key in ("Prediction.generator.weight", "Prediction.weight") if key in state)
    bias = weight.removesuffix("weight") + "bias"
    weights, biases = state[weight], state[bias]
    return {
        weight: torch.stack([torch.zeros_like(weights[0]) if row is None else weights[row] for row in rows]),
        bias: torch.stack([biases.min() if row is None else biases[row] for row in rows]),
    }


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
        """Return seconds spent, earlier runs included."""
        return self.spent_s + time.monotonic() - self.started

    def progress(self, step: int) -> float:
        """Return the share that is spent, 0..1."""
        share = step / self.steps if self.steps is not None else self.elapsed_s() / (3600 * (self.hours or 1))
        return min(1.0, share)


@dataclass
class Pace:
    """Says every now and then how far a run is, how fast, and how long it will still take."""

    budget: Budget
    log: Log
    unit: str
    """What it counts: "crops"."""
    every_s: float
    """Seconds between lines; in a long run, a hundredth of the time so far."""
    samples: int = 0
    """Samples that this process has seen."""
    said_s: float = field(init=False)
    said_losses: int = 0
    """How many of the losses the last line has told."""

    def __post_init__(self) -> None:
        self.said_s = self.budget.spent_s

    def note(self, run: Run[Any], samples: int) -> None:
        """Count the samples of a step, and log a line if it is time for one."""
        self.samples += samples
        now_s = self.budget.elapsed_s()
        if now_s - self.said_s < max(self.every_s, (now_s - self.budget.spent_s) / 100 if self.every_s else 0):
            return
        self.said_s, recent = now_s, run.losses[self.said_losses :]
        self.said_losses = len(run.losses)
        done, loss = self.budget.progress(run.step), sum(recent) / len(recent)
        rate, to_go_s = self.samples / (now_s - self.budget.spent_s), now_s * (1 / done - 1)
        figures = {"step": run.step, "done": done, "loss": loss, f"{self.unit}_per_s": rate, "to_go_s": to_go_s}
        line = f"step {run.step}, {done:.0%}: {rate:.3g} {self.unit}/s, loss {loss:.3g}, {clock(to_go_s)} to go"
        self.log.write(line, **figures, hours=now_s / 3600)


def clock(seconds: float) -> str:
    """Return a time for people, as h:mm:ss."""
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes // 60}:{minutes % 60:02}:{rest:02}"


def learning_rate(peak: float, progress: float, warm_up: float = 0.02) -> float:
    """Return the rate: a linear warm-up over a first share of the budget, then a cosine to a hundredth of the peak."""
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


def loader(samples: IterableDataset[Any], workers: int, **options: Any) -> DataLoader[Any]:
    """Return batches of samples, made in this process (0 workers) or in others.

    OpenCV's threads end here: a process forked while there are any waits for them for ever, and the cores are needed
    for the network.
    """
    cv2.setNumThreads(0)
    return DataLoader(samples, num_workers=workers, **options)


def seed_all(seed: int) -> None:
    """Seed torch and Python; generators of samples take their own seeds."""
    torch.manual_seed(seed)
    random.seed(seed)


@dataclass
class Log:
    """One JSON line an event in `path`, and a short line for people."""

    path: Path
    report: Callable[[str], None]

    def write(self, line: str | None = None, /, **values: float | str) -> None:
        """Append an event; without a `line` for people, they get the values, floats rounded to five digits."""
        with self.path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(values) + "\n")
        shown = (
            f"{key} {value:.5g}" if isinstance(value, float) else f"{key} {value}" for key, value in values.items()
        )
        self.report(line or "  ".join(shown))
