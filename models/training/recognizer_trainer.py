"""Training of the recognizer on generated crops, on data sets, or on both."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from ..charsets import num_classes
from ..recognizer import Recognizer, RecognizerConfig
from .loop import Budget, Log, Pace, Run, learning_rate, loader, seed_all
from .recognizer_samples import RecognizerTraining, Sample, Samples, collate, validation_sets

REMEMBERED = (
    "stages", "charset", "image_hw", "widths", "channels", "width", "hidden_size", "max_length", "keep_ratio",
    "stretch", "even_contrast",
)  # fmt: skip
"""What a checkpoint says of its network and of the crops that it was trained on, so that no export need ask."""


def loss_of(network: Recognizer, images: Tensor, texts: list[list[int]]) -> Tensor:
    """Return the CTC loss, or the cross entropy of Attn with teacher forcing, which is a mean over the crops' symbols.

    CTC divides a crop's loss by the root of its length. By the length, a wrong digit among eight would weigh an eighth
    of a wrong single digit, though it spoils the number as well; undivided, long unreadable crops would drown the rest.
    """
    device = images.device
    if network.config.stages.endswith("CTC"):
        log_probs = network(images).float().log_softmax(2).transpose(0, 1)
        lengths = torch.tensor([len(text) for text in texts])
        targets = torch.tensor([place + 1 for text in texts for place in text], device=device)
        steps = torch.full((len(texts),), log_probs.shape[0])
        losses = functional.ctc_loss(log_probs, targets, steps, lengths, reduction="none", zero_infinity=True)
        return (losses / lengths.clamp(min=1).sqrt().to(device)).mean()
    longest = max(len(text) for text in texts) + 1
    padded = torch.full((len(texts), longest + 1), -100)
    for row, text in enumerate(texts):
        padded[row, : len(text) + 2] = torch.tensor([0, *(place + 2 for place in text), 1])
    before, after = padded[:, :-1].clamp(min=0).to(device), padded[:, 1:].to(device)
    logits = network(images, before)
    return functional.cross_entropy(logits.flatten(0, 1).float(), after.flatten(), ignore_index=-100)


def decode(network: Recognizer, images: Tensor) -> list[list[int]]:
    """Read greedily: places in the charset."""
    with torch.no_grad():
        symbols = network(images).argmax(2).cpu().tolist()
    if network.config.stages.endswith("CTC"):
        return [[s - 1 for s, last in zip(row, [0, *row], strict=False) if s not in (0, last)] for row in symbols]
    return [[s - 2 for s in row[: row.index(1) if 1 in row else len(row)] if s > 1] for row in symbols]


def remembered(config: RecognizerTraining) -> dict[str, Any]:
    """Return `REMEMBERED` of a run, in types that a checkpoint may hold."""
    values = {name: getattr(config, name) for name in REMEMBERED}
    return {name: list(value) if isinstance(value, tuple) else value for name, value in values.items()}


def network_config(config: RecognizerTraining) -> RecognizerConfig:
    """Return the network that a run trains."""
    classes = num_classes(config.charset, config.stages.rsplit("-", 1)[1])
    return RecognizerConfig(
        config.stages, classes, config.image_hw, config.channels, config.width, config.hidden_size,
        max_length=config.max_length, even_contrast=config.even_contrast,
    )  # fmt: skip


def start(config: RecognizerTraining) -> Run[Recognizer]:
    """Build the network, fresh, from `init`, or from the last checkpoint.

    Raise TrainingDataError if a checkpoint does not fit the network.
    """
    seed_all(config.seed)
    network = Recognizer(network_config(config))
    rows = symbol_rows(config) if config.init_charset is not None else None
    run = Run.start(network, config, remembered(config), rows=rows)
    run.network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # missing in torch's stubs
    return run


def symbol_rows(config: RecognizerTraining) -> list[int | None]:
    """Return the row of `init`'s last layer that each class starts from: of either case, None for a new symbol."""
    special = num_classes("", config.stages.rsplit("-", 1)[1])
    known = config.init_charset or ""
    places = [max(map(known.find, (symbol, symbol.swapcase()))) for symbol in config.charset]
    return [*range(special), *(place + special if place >= 0 else None for place in places)]


def accuracy(network: Recognizer, samples: list[Sample], device: str) -> float:
    """Return the share of crops read without an error, 0..1."""
    of_width: dict[int, list[Sample]] = defaultdict(list)
    for sample in samples:
        of_width[sample[0].shape[1]].append(sample)
    right = 0
    for same in of_width.values():
        for first in range(0, len(same), 64):
            images, texts = collate(same[first : first + 64])
            right += sum(a == b for a, b in zip(decode(network, images.to(device)), texts, strict=True))
    return right / max(1, len(samples))


def teach(network: Recognizer, *, fixed_norms: bool) -> None:
    """Put a network into training mode; with `fixed_norms` its batch norms keep the statistics that they have."""
    network.train()
    for module in network.modules():
        if fixed_norms and isinstance(module, nn.BatchNorm2d):
            module.eval()


def train_recognizer(config: RecognizerTraining, report: Callable[[str], None] = print) -> Path:
    """Train, with checkpoints to resume from; return the averaged weights that validated best, `out/recognizer.pt`.

    `report` takes a line of progress every ten seconds or so, see `Pace`.

    Raises:
        TrainingDataError: A data set, a checkpoint or the fonts are missing or wrong.
    """
    config.out.mkdir(parents=True, exist_ok=True)
    run, log, weights = start(config), Log(config.out / "log.jsonl", report), config.out / "recognizer.pt"
    budget = Budget(config.steps, config.hours, run.spent_s)
    pace, checks = Pace(budget, log, "crops", config.report_s), validation_sets(config)
    log.write(step=run.step, **{f"{name}_crops": len(samples) for name, samples in checks.items()})

    def conclude() -> None:
        found = {name: accuracy(run.average.network, samples, config.device) for name, samples in checks.items()}
        log.write(step=run.step, **{f"{name}_accuracy": share for name, share in found.items()})
        run.save(weights, budget, float(np.mean(list(found.values()))) if found else float(run.step))

    samples = Samples(config, run.step, seed=config.seed)
    for images, texts in loader(samples, config.workers, batch_size=None, collate_fn=collate):
        progress = budget.progress(run.step)
        if progress >= 1:
            break
        teach(run.network, fixed_norms=config.fixed_norms)
        placed = images.to(config.device, memory_format=torch.channels_last)
        with torch.autocast("cuda", torch.bfloat16, enabled=config.device == "cuda"):
            loss = loss_of(run.network, placed, texts)
        run.learn(loss, learning_rate(config.peak_rate, progress))
        pace.note(run, len(texts))
        if run.step % config.save_every == 0:
            conclude()
    conclude()
    return weights
