"""Training of the detector on generated scenes, on data sets, or on both."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import cast

import numpy as np
import torch
from torch import nn
from torch.utils.data import DataLoader

from ..craft import CRAFT
from .detector_batches import Batch, Batches, Source
from .detector_check import check
from .detector_loss import detector_loss, normalised
from .loop import Average, Budget, Log, learning_rate, load_state, save_atomically, seed_all
from .samples import Scenes, TrainingDataError
from .scenes import Scene


@dataclass(frozen=True)
class DetectorTraining:
    """All that a training run of the detector depends on."""

    out: Path
    """Folder of `last.pt` (to resume from), `detector.pt` (the averaged weights) and `log.jsonl`."""
    width: float = 0.25
    """Factor on the channels of every layer."""
    steps: int | None = None
    """Length of the run in steps; give either this or hours."""
    hours: float | None = None
    """Length of the run in hours."""
    batch: int = 4
    """Scenes a step."""
    canvas_px: int = 256
    """Side of the scenes, a multiple of 32; a quarter of the steps takes half as much again."""
    peak_rate: float = 2e-3
    """Highest learning rate of AdamW."""
    seed: int = 0
    """Seed of weights and scenes."""
    device: str = "cpu"
    """cpu or cuda; cuda computes in bfloat16."""
    workers: int = 0
    """Processes that make scenes; 0 makes them between steps."""
    data: tuple[Scenes, ...] = ()
    """Data sets; without any, all scenes are generated."""
    synthetic_share: float = 1.0
    """Share of generated scenes, 0..1, when there are data sets."""
    init: Path | None = None
    """Checkpoint whose weights to start from (fine-tuning); scenes are hard from the first step then."""
    resume: bool = False
    """Go on from `out/last.pt`."""
    report_every: int = 50
    """Steps between lines of progress."""
    save_every: int = 400
    """Steps between validations and checkpoints."""
    validation: int = 60
    """Generated scenes in the validation set."""


@dataclass
class Run:
    """The state of a training run."""

    config: DetectorTraining
    network: CRAFT
    average: Average[CRAFT]
    optimizer: torch.optim.Optimizer
    step: int = 0
    spent_s: float = 0.0
    losses: list[float] = field(default_factory=list)

    def save(self, budget: Budget) -> None:
        """Write `last.pt` to resume from and `detector.pt` to export."""
        state = {
            "network": self.network.state_dict(), "average": self.average.network.state_dict(),
            "average_steps": self.average.steps, "optimizer": self.optimizer.state_dict(),
            "step": self.step, "spent_s": budget.elapsed_s(), "width": self.config.width,
        }  # fmt: skip
        save_atomically(state, self.config.out / "last.pt")
        save_atomically(dict(self.average.network.state_dict()), self.config.out / "detector.pt")

    def load(self, path: Path) -> None:
        """Go on from a `last.pt`.

        Raises:
            TrainingDataError: It is of another network.
        """
        state = load_state(path)
        if state.get("width") != self.config.width:
            raise TrainingDataError(
                f"{path}: expected a detector of width {self.config.width}, got {state.get('width')}; drop --resume"
            )
        self.network.load_state_dict(state["network"])
        self.average.network.load_state_dict(state["average"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.average.steps, self.step, self.spent_s = state["average_steps"], state["step"], state["spent_s"]


def train_detector(config: DetectorTraining, report: Callable[[str], None] = print) -> Path:
    """Train, with checkpoints to resume from.

    Args:
        config: The run.
        report: Takes a line of progress every `report_every` steps.

    Returns:
        The path of the averaged weights, `out/detector.pt`, which `edgereader export detector` takes.

    Raises:
        TrainingDataError: A data set, a checkpoint or the fonts are missing or wrong.
    """
    config.out.mkdir(parents=True, exist_ok=True)
    run, log = start(config), Log(config.out / "log.jsonl", report)
    budget = Budget(config.steps, config.hours, run.spent_s)
    source = Source(
        config.canvas_px, config.batch, config.seed, config.data, config.synthetic_share, config.init is None
    )
    checks = validation_set(source, config.validation)
    loader = DataLoader(Batches(source, run.step), batch_size=None, num_workers=config.workers)
    seen = 0
    for batch in loader:
        progress = budget.progress(run.step)
        if progress >= 1:
            break
        run.losses.append(learn(run, batch, learning_rate(config.peak_rate, progress)))
        run.step, seen = run.step + 1, seen + len(batch.images)
        if run.step % config.report_every == 0:
            speed = seen / (budget.elapsed_s() - run.spent_s)
            recent = float(np.mean(run.losses[-config.report_every :]))
            log.write(step=run.step, loss=recent, scenes_per_s=speed, hours=budget.elapsed_s() / 3600)
        if run.step % config.save_every == 0:
            conclude(run, budget, checks, log)
    conclude(run, budget, checks, log)
    return config.out / "detector.pt"


def start(config: DetectorTraining) -> Run:
    """Build the network, fresh, from `init`, or from the last checkpoint.

    Raises:
        TrainingDataError: A checkpoint does not fit the network.
    """
    seed_all(config.seed)
    network = CRAFT(config.width).to(config.device)
    awaken(network)
    if config.init is not None:
        load_weights(network, config.init)
    optimizer = torch.optim.AdamW(network.parameters(), lr=config.peak_rate, weight_decay=1e-4)
    run = Run(config, network, Average(network, decay=0.998), optimizer)
    last = config.out / "last.pt"
    if config.resume and last.exists():
        run.load(last)
    return run


def awaken(network: CRAFT) -> None:
    """Start the head's hidden layers near identity, so that each channel is at work.

    A thin head has four channels before its last layer, and no normalisation: with zero biases half of them are
    silent from the start, and both maps become multiples of one channel, which training does not undo.
    """
    *hidden, last = (layer for layer in network.conv_cls if isinstance(layer, nn.Conv2d))
    for layer in hidden:
        noise = torch.randn_like(layer.weight) * (0.5 / layer.weight[0].numel() ** 0.5)
        nn.init.dirac_(layer.weight)
        with torch.no_grad():
            layer.weight += noise
        nn.init.constant_(cast("nn.Parameter", layer.bias), 0.1)
    nn.init.normal_(last.weight, std=0.1)


def load_weights(network: nn.Module, path: Path) -> None:
    """Load a published checkpoint strictly; the `module.` prefix goes.

    Raises:
        TrainingDataError: Its keys or shapes are not the network's.
    """
    state = {key.removeprefix("module."): value for key, value in load_state(path).items()}
    try:
        network.load_state_dict(state)
    except RuntimeError as exc:
        reason = " ".join(str(exc).split())[:300]
        raise TrainingDataError(f"{path}: expected the weights of this network, got others: {reason}") from exc


def validation_set(source: Source, count: int) -> list[Scene]:
    """Draw a fixed set of hard scenes on the larger canvas; generated ones are such as training never sees."""
    seeds = ([source.seed + 10_000, number] for number in range(count))
    return [source.scene(np.random.default_rng(seed), source.wide_hw, 1.0) for seed in seeds]


def learn(run: Run, batch: Batch, rate: float) -> float:
    """Take one optimiser step; give the loss."""
    for group in run.optimizer.param_groups:
        group["lr"] = rate
    device = run.config.device
    run.network.train()
    with torch.autocast("cuda", torch.bfloat16, enabled=device == "cuda"):
        maps, _ = run.network(normalised(batch.images.to(device)))
    loss = detector_loss(maps, batch.maps.to(device), batch.weight.to(device))
    run.optimizer.zero_grad(set_to_none=True)
    loss.backward()  # type: ignore[no-untyped-call]
    nn.utils.clip_grad_norm_(run.network.parameters(), 5.0)
    run.optimizer.step()
    run.average.update(run.network)
    return float(loss.detach())


def conclude(run: Run, budget: Budget, checks: list[Scene], log: Log) -> None:
    """Validate the averaged weights and write the checkpoints."""
    if checks:
        result = check(cast("CRAFT", run.average.network), checks, run.config.device)
        log.write(
            step=run.step, validation_loss=result.loss, precision=result.precision, recall=result.recall, f1=result.f1
        )
    run.save(budget)
