"""Training of the detector on generated scenes, on data sets, or on both."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import numpy as np
import torch
from torch import Tensor, nn

from ..craft import CRAFT
from ..data.samples import Scene, Scenes, held_out_samples
from ..synthesis.scenes import make_scene
from .detector_batches import Batch, Batches, Source, cut_scene
from .detector_check import check
from .detector_loss import detector_loss, normalised
from .distillation import Teacher
from .loop import Budget, Log, Pace, Run, Training, learning_rate, loader, seed_all
from .taught_photos import TaughtPhotos


@dataclass(frozen=True)
class DetectorTraining(Training):
    """All that a training run of the detector depends on; it writes `detector.pt`."""

    width: float = 0.25
    """Factor on the channels of every layer."""
    strided: bool = False
    """Whether nothing is computed at the image's full size, see `CRAFT`."""
    teacher: Path | None = None
    """Checkpoint of a wider detector: its largest filters are the start, and its maps are learnt from, beside the
    scenes' own; their share falls evenly from all to nothing. With `init` it only looks at `photos`."""
    batch: int = 4
    """Scenes a step."""
    canvas_px: int = 256
    """Side of the scenes, a multiple of 32; a quarter of the steps takes half as much again."""
    peak_rate: float = 2e-3
    """Highest learning rate of AdamW."""
    data: tuple[Scenes, ...] = ()
    """Data sets; without any, all scenes are generated."""
    photos: tuple[Path, ...] = ()
    """Folders of photos of which the teacher says where text is, beside the labels that they may have."""
    save_every: int = 400
    """Steps between validations and checkpoints."""
    validation: int = 60
    """Scenes in each validation set: generated ones, and held-out ones of data sets."""


def train_detector(config: DetectorTraining, report: Callable[[str], None] = print) -> Path:
    """Train, with checkpoints to resume from; return the path of the averaged weights, `out/detector.pt`.

    `report` takes a line of progress every ten seconds or so, see `Pace`.

    Raises:
        TrainingDataError: A data set, a checkpoint or the fonts are missing or wrong.
    """
    config.out.mkdir(parents=True, exist_ok=True)
    teacher = Teacher(config.teacher, config.device) if config.teacher else None
    guide = None if config.init else teacher
    run, log, weights = start(config, guide), Log(config.out / "log.jsonl", report), config.out / "detector.pt"
    budget = Budget(config.steps, config.hours, run.spent_s)
    taught = [TaughtPhotos(folder, teacher, config.out / "taught", report) for folder in config.photos if teacher]
    source = Source(
        config.canvas_px, config.batch, config.seed, (*config.data, *taught), config.synthetic_share,
        easy_first=config.init is None and teacher is None,
    )  # fmt: skip
    checks = validation_sets(source, config)

    def conclude() -> None:
        found = {name: check(run.average.network, scenes, config.device) for name, scenes in checks.items()}
        for name, result in found.items():
            figures = {"precision": result.precision, "recall": result.recall, "f1": result.f1}
            log.write(step=run.step, validation=name, validation_loss=result.loss, **figures)
        run.save(
            weights, budget, float(np.mean([result.f1 for result in found.values()])) if found else float(run.step)
        )

    pace = Pace(budget, log, "scenes", config.report_s)
    for batch in loader(Batches(source, run.step), config.workers, batch_size=None):
        progress = budget.progress(run.step)
        if progress >= 1:
            break
        loss = loss_of(run.network, batch, config.device, guide, 1 - progress)
        run.learn(loss, learning_rate(config.peak_rate, progress))
        pace.note(run, len(batch.images))
        if run.step % config.save_every == 0:
            conclude()
    conclude()
    return weights


def start(config: DetectorTraining, teacher: Teacher | None = None) -> Run[CRAFT]:
    """Build the network: fresh, a thinned teacher, the weights of `init`, or the last checkpoint.

    Raise TrainingDataError if a checkpoint does not fit the network, or the teacher is not wider.
    """
    seed_all(config.seed)
    network = CRAFT(config.width, strided=config.strided)
    awaken(network)
    if teacher is not None:
        teacher.thin(network)
    return Run.start(network, config, {"width": config.width, "strided": config.strided}, decay=0.998)


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


def validation_sets(source: Source, config: DetectorTraining) -> dict[str, list[Scene]]:
    """Return scenes on the larger canvas that training never sees: "generated" and hard, "held_out" of data sets."""
    generates = not source.data or source.synthetic_share > 0
    seeds = ([source.seed + 10_000, number] for number in range(config.validation * generates))
    rng = np.random.default_rng(source.seed + 10_000)
    kept = held_out_samples(config.data, config.validation, rng)
    sets = {
        "generated": [make_scene(np.random.default_rng(seed), source.wide_hw) for seed in seeds],
        "held_out": [cut_scene(rng, scenes[index], source.wide_hw) for scenes, index in kept],
    }
    return {name: scenes for name, scenes in sets.items() if scenes}


def loss_of(network: CRAFT, batch: Batch, device: str, teacher: Teacher | None = None, share: float = 0.0) -> Tensor:
    """Return the loss of a batch of scenes; with a teacher, a share (0..1) of it is the distance to its maps."""
    network.train()
    images, weight = normalised(batch.images.to(device)), batch.weight.to(device)
    with torch.autocast("cuda", torch.bfloat16, enabled=device == "cuda"):
        maps, _ = network(images)
        taught = teacher.loss(images, maps, weight) if teacher is not None and share > 0 else None
    loss = detector_loss(maps, batch.maps.to(device), weight)
    return loss if taught is None else loss + share * (taught - loss)
