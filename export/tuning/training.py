"""The training of a tuned recognizer: on a person's crops beside generated ones, and then back as far as needed.

Weights between those before a training and those after it mostly keep what both can (Wortsman et al., Robust
fine-tuning of zero-shot models, CVPR 2022): of these, the farthest are taken that forget no generated crops.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from ...models.checkpoints.files import State
from ...models.data.samples import Crop, TrainingDataError
from ...runtime.errors import DatasetError
from ..networks import load_recognizer
from ..pipeline import Say
from .crops import Labelled

if TYPE_CHECKING:
    from ...models.recognizer import Recognizer
    from ...models.training.recognizer_samples import RecognizerTraining

SHARE = 0.6
"""Of generated crops among those to learn."""
BATCH, RATE = 16, 2e-4
"""Crops a step, and the highest learning rate: few crops need many small steps."""
WAYS = (1.0, 0.85, 0.7, 0.55, 0.4, 0.25, 0.15)
"""How far from the old weights, 0, to those after the training, 1: what is tried, in this order."""


def train(start: Path, labelled: Labelled, generated: Sequence[Crop], seconds: float, say: Say) -> Recognizer:
    """Return the recognizer in a checkpoint after so many seconds on labelled crops and generated ones.

    The held-out crops choose nothing.

    Args:
        start: the checkpoint, of EdgeReader's trainer; a folder `run` is made beside it.
        labelled: what to learn.
        generated: crops that tell what is forgotten, beside those that are drawn to be learnt; () = draw none.
        seconds: how long.
        say: takes lines of progress.

    Raises:
        DatasetError: a crop is broken, or no font is installed.
    """
    from ...models.checkpoints.initial import recognizer_options
    from ...models.training.recognizer_samples import RecognizerTraining
    from ...models.training.recognizer_trainer import train_recognizer

    try:
        config = RecognizerTraining(
            **recognizer_options(start, None), init=start, out=start.with_name("run"), hours=seconds / 3600,
            batch=BATCH, peak_rate=RATE, workers=0, data=(labelled.crops,), fixed_norms=True,
            synthetic_share=SHARE if generated else 0.0, validation=0, save_every=1 << 31,
        )  # fmt: skip
        weights = train_recognizer(config, say)
    except TrainingDataError as exc:
        raise DatasetError(str(exc)) from exc
    old, new = (open_network(path, config) for path in (start, weights))
    return in_half(blended(old, new, reads_of(generated, config), len(generated), say))


def open_network(path: Path, config: RecognizerTraining) -> Recognizer:
    """Return the network in a checkpoint of a run."""
    return load_recognizer(path, config.image_hw, config.max_length, even_contrast=config.even_contrast)


def reads_of(crops: Sequence[Crop], config: RecognizerTraining) -> Callable[[Recognizer], int]:
    """Return what counts the crops that a network reads rightly."""
    from ...models.training.recognizer_samples import fitted
    from ...models.training.recognizer_trainer import accuracy

    samples = [sample for sample in (fitted(image, text, config) for image, text in crops) if sample is not None]
    return lambda network: round(accuracy(network, samples, "cpu") * len(samples))


def blended(
    old: Recognizer, new: Recognizer, count_right: Callable[[Recognizer], int], count: int, say: Say
) -> Recognizer:
    """Return the network whose weights are farthest from the old ones to the new ones and forget no crops.

    Args:
        old: the network before.
        new: the same after a training; its weights are changed in place.
        count_right: counts the crops, of `count`, that a network reads rightly.
        count: 0 = there are none, and the new weights are taken.
        say: takes a line on what is taken.
    """
    start, end = old.state_dict(), {key: value.clone() for key, value in new.state_dict().items()}
    before = count_right(old) if count else 0
    for way in WAYS:
        new.load_state_dict(between(start, end, way))
        right = count_right(new) if count else 0
        if right >= before:
            break
    say(
        f"taking {way:.0%} of what was learnt, with which {right} of {count} generated crops are right; before {before}"
    )
    return new


def between(start: State, end: State, way: float) -> State:
    """Return weights on the way from some, 0, to others, 1."""
    return {key: value.lerp(end[key], way) if value.is_floating_point() else end[key] for key, value in start.items()}


def in_half(network: Recognizer) -> Recognizer:
    """Round the weights of LSTMs to float16, in place, which halves their part of the file (see `store_in_half`)."""
    for parameter in network.SequenceModeling.parameters():
        parameter.data = parameter.data.half().float()
    return network
