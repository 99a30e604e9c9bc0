"""What the recognizer's trainer sees: crops fitted to a width, texts as places in the charset, batches of one width."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import IterableDataset

from ..charsets import CHARSETS
from ..data.samples import Crops, Image, held_out_samples, parted
from ..synthesis.crops import CropMaker, CropPool, MeterDigits, retaken
from .loop import Training

CLEAN_STEPS, RAMP_STEPS = 1000, 2000
"""Crops stay short and clean for so many steps, then grow hard over so many more: full difficulty from the start sits
on the loss plateau."""
Sample = tuple[NDArray[np.uint8], list[int]]
"""A fitted crop (H, W, C) and the places of its symbols in the charset."""


@dataclass(frozen=True)
class RecognizerTraining(Training):
    """All that a training run of the recognizer depends on; it writes `recognizer.pt`."""

    stages: str = "None-VGG-BiLSTM-CTC"
    """One of the 24 combinations."""
    width: float = 0.5
    """Factor on the channels of every layer."""
    charset: str = CHARSETS["numbers"]
    """The symbols, in order; text is folded to lower case where the charset holds no upper case."""
    init_charset: str | None = None
    """The symbols of `init`, whose last layer is taken over symbol by symbol; None = the same as `charset`."""
    image_hw: tuple[int, int] = (32, 128)
    """Input height and (greatest) width in pixels."""
    widths: tuple[int, ...] = ()
    """Widths in pixels that crops are padded to, ascending to the greatest; none: all are as wide as the input."""
    hidden_size: int | None = None
    """Units of each direction of the BiLSTM and of Attn; None = 256 times `width`."""
    channels: int = 1
    """1 grey, 3 colour."""
    max_length: int = 25
    """Longest text in characters; longer samples are left out."""
    keep_ratio: bool = True
    """Whether crops keep their aspect ratio and are padded on the right, or fill the input."""
    stretch: float = 2.0
    """With `keep_ratio`: how much wider crops are made, by two heights at most, for more steps a digit."""
    even_contrast: bool = True
    """Whether the network brings every crop to one mean and deviation first."""
    workers: int = 1
    """Processes that make samples; 0 makes them between steps."""
    data: tuple[Crops, ...] = ()
    """Data sets; without any, all crops are generated."""
    meters: Path | None = None
    """Folder of single meter digits to compose counters from."""
    fixed_norms: bool = False
    """Whether batch norms keep the statistics of `init`, which few crops of one kind would spoil."""


def fitted_width(ratio: float, config: RecognizerTraining) -> int:
    """Return how many whole columns a crop of this width by its height takes, as `runtime/geometry/images.py` does."""
    height, widest = config.image_hw
    natural = height * ratio
    return min(widest, max(1, int(natural + min(natural * (config.stretch - 1), 2 * height) + 1e-3)))


def fit_crop(image: Image, config: RecognizerTraining) -> NDArray[np.uint8]:
    """Bring a crop (h, w, 3) to the network's input (H, W, C), as the runtime does: W is the least width that fits."""
    height, widest = config.image_hw
    if config.channels == 1:
        image = np.asarray(cv2.cvtColor(image, cv2.COLOR_BGR2GRAY), np.uint8)
    wide = fitted_width(image.shape[1] / image.shape[0], config) if config.keep_ratio else widest
    width = config.widths[bisect_left(config.widths, wide)] if config.widths else widest
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


class Samples(IterableDataset[list[Sample]]):
    """An endless stream of batches, the crops of each of one width; difficulty follows the count of what was drawn."""

    def __init__(self, config: RecognizerTraining, start: int, *, seed: int) -> None:
        self.config, self.start, self.seed = config, start, seed
        self.learnt = [parted(crops)[0] for crops in config.data]
        shares = np.sqrt([len(part) for part in self.learnt])
        self.shares = shares / shares.sum() if len(shares) else shares

    def __iter__(self) -> Iterator[list[Sample]]:
        """Draw batches; each worker has its own seed, and a resumed run does not repeat the earlier ones."""
        info = torch.utils.data.get_worker_info()
        worker, workers = (info.id, info.num_workers) if info is not None else (0, 1)
        rng = np.random.default_rng([self.seed, worker, self.start])
        drawer = crop_maker(self.config)
        maker = None if drawer is None else CropPool(drawer)
        drawn, waiting = self.start * self.config.batch, dict[int, list[Sample]]()
        while True:
            hard = difficulty(drawn / self.config.batch) if self.config.init is None else 1.0
            sample = self.draw(rng, maker, hard)
            if sample is None:
                continue
            drawn += workers
            batch = waiting.setdefault(sample[0].shape[1], [])
            batch.append(sample)
            if len(batch) == self.config.batch:
                yield waiting.pop(sample[0].shape[1])

    def draw(self, rng: np.random.Generator, maker: CropMaker | CropPool | None, hard: float) -> Sample | None:
        """Draw one sample; None where its text does not fit charset or length.

        Data sets are drawn from by the root of their size, so that small ones are seen and large ones are not spoilt.
        """
        if maker is not None and (not self.config.data or rng.random() < self.config.synthetic_share):
            return fitted(*maker.make(rng, hard=hard), self.config)
        number = int(rng.choice(len(self.shares), p=self.shares))
        image, text = self.config.data[number][int(rng.choice(self.learnt[number]))]
        return fitted(retaken(image, rng), text, self.config)


def fitted(image: Image, text: str, config: RecognizerTraining) -> Sample | None:
    """Return a crop and its text as the network takes them; None where the text does not fit charset or length."""
    places = encode(text, config.charset)
    if places is None or len(places) > config.max_length:
        return None
    return fit_crop(image, config), places


def crop_maker(config: RecognizerTraining) -> CropMaker | None:
    """Make the generator, unless the run is on data sets alone."""
    if config.data and config.synthetic_share == 0:
        return None
    return CropMaker(meters=MeterDigits(config.meters) if config.meters else None)


def difficulty(step: float) -> float:
    """Return how hard crops are at a step, 0..1."""
    return float(np.clip((step - CLEAN_STEPS) / RAMP_STEPS, 0.0, 1.0))


def collate(samples: Sequence[Sample]) -> tuple[Tensor, list[list[int]]]:
    """Stack crops of one width to float32 (N, C, H, W) in -1..1; texts stay lists."""
    images = torch.from_numpy(np.stack([image for image, _ in samples])).permute(0, 3, 1, 2)
    return images.float() / 127.5 - 1, [places for _, places in samples]


def validation_sets(config: RecognizerTraining) -> dict[str, list[Sample]]:
    """Return crops that training never sees: "generated" ones at full difficulty, and "held_out" ones of data sets."""
    rng, maker = np.random.default_rng(config.seed + 10_000), crop_maker(config)
    generated: list[Sample] = []
    while maker is not None and len(generated) < config.validation:
        sample = fitted(*maker.make(rng), config)
        generated += [] if sample is None else [sample]
    drawn = [crops[index] for crops, index in held_out_samples(config.data, config.validation, rng)]
    real = [fitted(image, text, config) for image, text in drawn]
    sets = {"generated": generated, "held_out": [sample for sample in real if sample is not None]}
    return {name: samples for name, samples in sets.items() if samples}
