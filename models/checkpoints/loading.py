"""Weights into a network, strictly."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from ..width import thin
from . import CheckpointError
from .files import State

if TYPE_CHECKING:
    from torch import Tensor, nn

Network = TypeVar("Network", bound="nn.Module")

MOST_CHANNELS = 1 << 17
"""Of one layer, classes among them."""

NOT_TRAINED = (".num_batches_tracked", ".GridGenerator.inv_delta_C", ".GridGenerator.P_hat")
"""Ends of keys that are no weights: a counter that evaluation does not use, and constants that the options determine,
which are computed anew, since a file may lack them or have rounded them."""


def load_strictly(path: Path, network: nn.Module, state: State) -> None:
    """Load `state` into `network`, which then is in evaluation mode; what is not trained stays the network's own.

    Raises:
        CheckpointError: a key or a shape is not the network's.
    """
    expect_fitting(path, network, state)
    network.load_state_dict({**network.state_dict(), **trained(state)})
    network.eval()


def expect_fitting(path: Path, network: nn.Module, state: State) -> None:
    """Raise CheckpointError, which names the first differences, if a key or a shape in `state` is not the network's."""
    problems = differences(network, state)
    if problems:
        more = f" and {len(problems) - 3} more" if len(problems) > 3 else ""
        raise CheckpointError(
            f"{path}: expected the keys and shapes of {described(network)}, got other ones: "
            f"{'; '.join(problems[:3])}{more}; give all weights of a network that was built as published"
        )


def load_fitting(path: Path, state: State, choices: Sequence[Callable[[], Network]]) -> Network:
    """Return the first network that the state dict fits; if none, the error says how the nearest one differs."""
    import torch

    nearest, fewest = choices[0], len(state) + 1
    with torch.device("meta"):
        for make in choices:
            count = len(differences(make(), state))
            nearest, fewest = (make, count) if count < fewest else (nearest, fewest)
            if not count:
                break
        expect_fitting(path, nearest(), state)  # a network that it does not fit may be too large to be made
    network = nearest()
    load_strictly(path, network, state)
    return network


def expect_finite_outputs(path: Path, network: nn.Module, *shapes: tuple[int, ...]) -> None:
    """See that a network gives finite numbers for inputs of these shapes, with values from -1 to 1.

    Raises:
        CheckpointError: it does not: its weights are too large, or were damaged where no other check sees it.
    """
    import torch

    with torch.inference_mode():
        given = network(*(torch.linspace(-1, 1, math.prod(shape)).reshape(shape) for shape in shapes))
    for output in given if isinstance(given, tuple) else (given,):
        if not bool(output.isfinite().all()):
            raise CheckpointError(
                f"{path}: expected finite outputs of {described(network)}, got NaN or infinity; take an earlier one"
            )


def differences(network: nn.Module, state: State) -> list[str]:
    """Return what keeps `state` from fitting `network`, in words."""
    own, given = trained(network.state_dict()), trained(state)
    return [
        *(f"no {key}" for key in own if key not in given),
        *(f"also {key}" for key in given if key not in own),
        *(
            f"{key} is {shape(given[key])}, not {shape(value)}"
            for key, value in own.items()
            if key in given and given[key].shape != value.shape
        ),
    ]


def trained(state: State) -> State:
    """Return the weights, without what is not trained."""
    return {key: value for key, value in state.items() if not f".{key}".endswith(NOT_TRAINED)}


def width_candidates(channels: int, published: int) -> Iterator[float]:
    """Yield width factors that turn `published` channels into `channels`, the roundest first."""
    rounded = (round(channels / published, digits) for digits in range(1, 7))
    yield from dict.fromkeys(width for width in rounded if width > 0 and thin(published, width) == channels)


def channels(path: Path, state: State, key: str, axis: int = 0) -> int:
    """Return the size of one tensor that a network of this kind must have."""
    if key not in state or state[key].ndim < 2 or not state[key].numel():
        raise CheckpointError(f"{path}: expected the weights {key}, got none; give a complete checkpoint")
    if state[key].shape[axis] > MOST_CHANNELS:
        raise CheckpointError(
            f"{path}: expected {key} of up to {MOST_CHANNELS} rows, got {shape(state[key])}; see the file"
        )
    return int(state[key].shape[axis])


def described(network: nn.Module) -> str:
    """Return the kind of network, for messages."""
    stages = getattr(getattr(network, "config", None), "stages", None)
    return str(stages or type(network).__name__)


def shape(tensor: Tensor) -> str:
    """Return a shape for messages: 64x1x3x3."""
    return "x".join(map(str, tensor.shape)) or "a number"
