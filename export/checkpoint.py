"""From a checkpoint file to a network: what it is, its sizes, and its weights, strictly loaded."""

from __future__ import annotations

import pickle
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..runtime.errors import CheckpointError

if TYPE_CHECKING:
    import torch
    from torch import Tensor, nn

State = dict[str, "Tensor"]
"""Key -> tensor, as in `nn.Module.state_dict`."""

NESTED = ("average", "state_dict", "model_state_dict", "model", "net", "network", "weights")
"""Keys under which a checkpoint may hold its state dict, the first found; ours have averaged weights in "average"."""

KINDS = {
    "CRAFT detector": "basenet.slice1.0.weight",
    "link refiner": "last_conv.0.weight",
    "recogniser": "FeatureExtraction.",
}
"""Kind of network -> how one of its keys begins."""


def read_state(path: Path) -> State:
    """The state dict in a `.safetensors` file, or in a `.pth` or `.pt` file that holds nothing but tensors.

    A state dict may lie inside another dict (`NESTED`), and `module.` before every key goes.

    Raises:
        CheckpointError: no file, damaged, code inside, or no state dict; one line.
    """
    if not path.is_file():
        raise CheckpointError(f"{path}: expected a checkpoint file, got {'a folder' if path.is_dir() else 'none'}")
    contents = read_safetensors(path) if path.suffix == ".safetensors" else read_torch(path)
    state = find_state(contents)
    if state is None:
        raise CheckpointError(
            f"{path}: expected a state dict (key -> tensor), or a dict that holds one as {', '.join(NESTED)}; "
            f"got {summary(contents)}; save network.state_dict()"
        )
    while all(key.startswith("module.") for key in state):
        state = {key.removeprefix("module."): value for key, value in state.items()}
    broken = next((key for key, value in state.items() if not bool(value.isfinite().all())), None)
    if broken is not None:
        raise CheckpointError(f"{path}: expected finite weights, got NaN or infinity in {broken}")
    return state


def read_torch(path: Path) -> Any:
    """What `torch.load` finds, with code refused."""
    import torch

    try:
        return torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as exc:
        raise CheckpointError(
            f"{path}: expected a checkpoint of tensors only, got a damaged file or Python objects, which could "
            f"run code ({first_line(exc)}); save network.state_dict() again"
        ) from exc
    except Exception as exc:  # torch.load answers a damaged file with many kinds
        raise CheckpointError(
            f"{path}: expected a checkpoint of torch, got a damaged or truncated file, or another format "
            f"({first_line(exc)}); copy or download it again"
        ) from exc


def read_safetensors(path: Path) -> State:
    """All tensors of a safetensors file."""
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        return load_file(path)
    except (SafetensorError, OSError) as exc:
        raise CheckpointError(
            f"{path}: expected a safetensors file, got a damaged or truncated one ({first_line(exc)}); "
            "copy or download it again"
        ) from exc


def find_state(contents: Any) -> State | None:
    """`contents` if it is a state dict, else the first state dict that it holds under a known name."""
    import torch

    if not isinstance(contents, dict) or not contents:
        return None
    if all(isinstance(key, str) and isinstance(value, torch.Tensor) for key, value in contents.items()):
        return dict(contents)
    inner = (find_state(contents[name]) for name in NESTED if name in contents)
    return next((state for state in inner if state is not None), None)


def expect_kind(path: Path, state: State, kind: str) -> None:
    """Refuse a state dict of another kind of network than `kind` (one of `KINDS`)."""
    found = [name for name, start in KINDS.items() if any(key.startswith(start) for key in state)]
    if kind not in found:
        got = f"a {found[0]}" if found else f"another network (keys like {', '.join(sorted(state)[:3])})"
        raise CheckpointError(f"{path}: expected the checkpoint of a {kind}, got {got}; give the right file")


def load_strictly(path: Path, network: nn.Module, state: State) -> None:
    """Load `state` into `network`, which then is in evaluation mode.

    Raises:
        CheckpointError: a key or a shape is not the network's.
    """
    problems = differences(network, state)
    if problems:
        more = f" and {len(problems) - 3} more" if len(problems) > 3 else ""
        raise CheckpointError(
            f"{path}: the keys are not exactly those of {type(network).__name__}: {'; '.join(problems[:3])}{more}; "
            "give a complete, unaltered checkpoint"
        )
    network.load_state_dict(state)
    network.eval()


def differences(network: nn.Module, state: State) -> list[str]:
    """What keeps `state` from fitting `network`, in words."""
    own = network.state_dict()
    return [
        *(f"missing {key}" for key in own if key not in state),
        *(f"unexpected {key}" for key in state if key not in own),
        *(
            f"{key} expected {shape(value)}, got {shape(state[key])}"
            for key, value in own.items()
            if key in state and state[key].shape != value.shape
        ),
    ]


def width_candidates(channels: int, published: int) -> Iterator[float]:
    """Width factors that turn `published` channels into `channels`, the roundest first."""
    from ..models.width import thin

    rounded = (round(channels / published, digits) for digits in range(1, 7))
    yield from (width for width in rounded if width > 0 and thin(published, width) == channels)


def shape(tensor: torch.Tensor) -> str:
    """For messages: 64x1x3x3."""
    return "x".join(map(str, tensor.shape)) or "a number"


def summary(contents: Any) -> str:
    """For messages: what a file holds."""
    if isinstance(contents, dict):
        return f"a dict with {', '.join(map(str, list(contents)[:5])) or 'nothing'}"
    return f"a {type(contents).__name__}"


def first_line(exc: BaseException) -> str:
    """The first sentence of a foreign message."""
    return str(exc).strip().split("\n")[0].split(". ")[0][:160] or type(exc).__name__
