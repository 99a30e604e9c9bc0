"""Training of the recogniser on generated crops, on data sets, or on both."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional
from torch.utils.data import IterableDataset

from ..charsets import CHARSETS, num_classes
from ..recognizer import Recognizer, RecognizerConfig
from .crops import CropMaker, CropPool, MeterDigits
from .loop import Budget, Log, Run, Training, learning_rate, loader, seed_all
from .samples import Crops, Image

CLEAN_STEPS, RAMP_STEPS = 1000, 2000
"""Crops stay short and clean for so many steps, then grow hard over so many more: full difficulty from the start sits
on the loss plateau."""
Sample = tuple[NDArray[np.uint8], list[int]]
"""A fitted crop (H, W, C) and the places of its symbols in the charset."""


@dataclass(frozen=True)
class RecognizerTraining(Training):
    """All that a training run of the recogniser depends on; it writes `recognizer.pt`."""

    stages: str = "None-VGG-BiLSTM-CTC"
    """One of the 24 combinations."""
    width: float = 0.5
    """Factor on the channels of every layer."""
    charset: str = CHARSETS["numbers"]
    """The symbols, in order; text is folded to lower case where the charset holds no upper case."""
    image_hw: tuple[int, int] = (32, 128)
    """Input height and width in pixels."""
    channels: int = 1
    """1 grey, 3 colour."""
    max_length: int = 25
    """Longest text in characters; longer samples are left out."""
    keep_ratio: bool = True
    """Whether crops keep their aspect ratio and are padded on the right, or fill the input."""
    stretch: float = 2.0
    """With `keep_ratio`: how much wider crops are made where the input has room, and narrow digits get more steps."""
    even_contrast: bool = True
    """Whether the network brings every crop to one mean and deviation first."""
    workers: int = 1
    """Processes that make samples; 0 makes them between steps."""
    data: tuple[Crops, ...] = ()
    """Data sets; without any, all crops are generated."""
    meters: Path | None = None
    """Folder of single meter digits to compose counters from."""


def fit_crop(image: Image, config: RecognizerTraining) -> NDArray[np.uint8]:
    """Bring a crop (h, w, 3) to the network's input size (H, W, C), as the runtime does it."""
    height, width = config.image_hw
    if config.channels == 1:
        image = np.asarray(cv2.cvtColor(image, cv2.COLOR_BGR2GRAY), np.uint8)
    ratio = image.shape[1] / image.shape[0]
    wide = min(width, max(1, round(height * ratio * config.stretch))) if config.keep_ratio else width
    shrinks = image.shape[0] * image.shape[1] > 2 * height * wide
    image = np.asarray(cv2.resize(image, (wide, height), interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR))
    image = np.asarray(cv2.copyMakeBorder(image, 0, 0, 0, width - wide, cv2.BORDER_REPLICATE), np.uint8)
    return image.reshape(height, width, config.channels)


def encode(text: str, charset: str) -> list[int] | None:
    """Turn a text into places in the charset, none for an empty text; None where a symbol is not in it.

    Text is folded to lower case if the charset has no upper case, and spaces go if it has no space.
    """
    if not any(symbol.isupper() for symbol in charset):
        text = text.lower()
    if " " not in charset:
        text = text.replace(" ", "")
    places = [charset.find(symbol) for symbol in text]
    return None if -1 in places else places


class Samples(IterableDataset[Sample]):
    """An endless stream of fitted crops and encoded texts; the difficulty follows the count of what was drawn."""

    def __init__(self, config: RecognizerTraining, start: int, *, seed: int) -> None:
        self.config, self.start, self.seed = config, start, seed

    def __iter__(self) -> Iterator[Sample]:
        """Draw samples; each worker has its own seed, and a resumed run does not repeat the earlier ones."""
        info = torch.utils.data.get_worker_info()
        worker, workers = (info.id, info.num_workers) if info is not None else (0, 1)
        rng = np.random.default_rng([self.seed, worker, self.start])
        drawer = crop_maker(self.config)
        maker = None if drawer is None else CropPool(drawer)
        drawn = self.start * self.config.batch
        while True:
            hard = difficulty(drawn / self.config.batch) if self.config.init is None else 1.0
            sample = self.draw(rng, maker, hard)
            if sample is not None:
                drawn += workers
                yield sample

    def draw(self, rng: np.random.Generator, maker: CropMaker | CropPool | None, hard: float) -> Sample | None:
        """Draw one sample; None where its text does not fit charset or length."""
        if maker is not None and (not self.config.data or rng.random() < self.config.synthetic_share):
            image, text = maker.make(rng, hard=hard)
        else:
            crops = self.config.data[rng.integers(len(self.config.data))]
            image, text = crops[int(rng.integers(len(crops)))]
        places = encode(text, self.config.charset)
        if places is None or len(places) > self.config.max_length:
            return None
        return fit_crop(image, self.config), places


def crop_maker(config: RecognizerTraining) -> CropMaker | None:
    """Make the generator, unless the run is on data sets alone."""
    if config.data and config.synthetic_share == 0:
        return None
    return CropMaker(meters=MeterDigits(config.meters) if config.meters else None)


def difficulty(step: float) -> float:
    """How hard crops are at a step, 0..1."""
    return float(np.clip((step - CLEAN_STEPS) / RAMP_STEPS, 0.0, 1.0))


def collate(samples: list[Sample]) -> tuple[Tensor, list[list[int]]]:
    """Stack crops to float32 (N, C, H, W) in -1..1; texts stay lists."""
    images = torch.from_numpy(np.stack([image for image, _ in samples])).permute(0, 3, 1, 2)
    return images.float() / 127.5 - 1, [places for _, places in samples]


def loss_of(network: Recognizer, images: Tensor, texts: list[list[int]]) -> Tensor:
    """CTC loss, or the cross entropy of Attn with teacher forcing, which is a mean over the crops' symbols.

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


def shape_of(config: RecognizerTraining) -> dict[str, Any]:
    """What a checkpoint must agree on before it is resumed."""
    network = network_config(config)
    return {key: list(value) if isinstance(value, tuple) else value for key, value in asdict(network).items()}


def network_config(config: RecognizerTraining) -> RecognizerConfig:
    """The network that a run trains."""
    classes = num_classes(config.charset, config.stages.rsplit("-", 1)[1])
    return RecognizerConfig(
        config.stages, classes, config.image_hw, config.channels, config.width,
        max_length=config.max_length, even_contrast=config.even_contrast,
    )  # fmt: skip


def start(config: RecognizerTraining) -> Run[Recognizer]:
    """Build the network, fresh, from `init`, or from the last checkpoint.

    Raises:
        TrainingDataError: A checkpoint does not fit the network.
    """
    seed_all(config.seed)
    run = Run.start(Recognizer(network_config(config)), config, shape_of(config))
    run.network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # missing in torch's stubs
    return run


def validation_set(config: RecognizerTraining) -> list[Sample]:
    """Draw a fixed set of crops at full difficulty that training never sees."""
    samples = Samples(config, 0, seed=config.seed + 10_000)
    rng, maker = np.random.default_rng(config.seed + 10_000), crop_maker(config)
    drawn: list[Sample] = []
    while len(drawn) < config.validation:
        sample = samples.draw(rng, maker, 1.0)
        if sample is not None:
            drawn.append(sample)
    return drawn


def accuracy(network: Recognizer, samples: list[Sample], device: str) -> float:
    """The share of crops read without an error, 0..1."""
    right = 0
    for first in range(0, len(samples), 64):
        images, texts = collate(samples[first : first + 64])
        right += sum(a == b for a, b in zip(decode(network, images.to(device)), texts, strict=True))
    return right / max(1, len(samples))


def train_recognizer(config: RecognizerTraining, report: Callable[[str], None] = print) -> Path:
    """Train, with checkpoints to resume from.

    Args:
        config: The run.
        report: Takes a line of progress every hundred steps.

    Returns:
        The path of the averaged weights, `out/recognizer.pt`, which `edgereader export recognizer` takes.

    Raises:
        TrainingDataError: A data set, a checkpoint or the fonts are missing or wrong.
    """
    config.out.mkdir(parents=True, exist_ok=True)
    run, log, weights = start(config), Log(config.out / "log.jsonl", report), config.out / "recognizer.pt"
    budget = Budget(config.steps, config.hours, run.spent_s)
    checks = validation_set(config)

    def conclude() -> None:
        log.write(step=run.step, validation_accuracy=accuracy(run.average.network, checks, config.device))
        run.save(weights, budget)

    samples = Samples(config, run.step, seed=config.seed)
    for images, texts in loader(samples, config.workers, batch_size=config.batch, collate_fn=collate):
        progress = budget.progress(run.step)
        if progress >= 1:
            break
        run.network.train()
        placed = images.to(config.device, memory_format=torch.channels_last)
        with torch.autocast("cuda", torch.bfloat16, enabled=config.device == "cuda"):
            loss = loss_of(run.network, placed, texts)
        run.learn(loss, learning_rate(config.peak_rate, progress))
        if run.step % 100 == 0:
            log.write(
                step=run.step,
                loss=float(np.mean(run.losses[-100:])),
                crops_per_s=run.step * config.batch / budget.elapsed_s(),
                hours=budget.elapsed_s() / 3600,
            )
        if run.step % config.save_every == 0:
            conclude()
    conclude()
    return weights
