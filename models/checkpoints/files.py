"""The weights of a network in a file, whatever its trainer wrapped them in."""

from __future__ import annotations

import pickle
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from . import CheckpointError

if TYPE_CHECKING:
    from torch import Tensor

State = dict[str, "Tensor"]
"""Key -> tensor, as in `nn.Module.state_dict`."""

KINDS = {"CRAFT detector": "basenet.", "link refiner": "aspp1.", "recognizer": "FeatureExtraction."}
"""Kind of network -> how some of its keys begin, behind the names of wrappers."""

AVERAGED = frozenset(
    {"average", "averaged", "avg", "ema", "model_ema", "ema_model", "ema_state_dict", "swa", "swa_model"}
)
"""Names of averaged weights, which are taken where a file holds the last step's too; ours are "average"."""

CONFIG = "config"
"""Name under which EdgeReader's trainer says, beside the weights, how a recognizer was trained."""

DEEPEST = 16
"""Wrappers in one another that are looked into."""


@dataclass(frozen=True)
class Checkpoint:
    """The weights of one network."""

    path: Path
    """The file."""
    state: State
    """Its state dict without any wrapper's name; floats are float32, and finite."""
    config: dict[str, Any]
    """What EdgeReader's trainer wrote beside a recognizer's weights; empty in other files."""


def read_checkpoint(path: Path, kind: str) -> Checkpoint:
    """Find the weights of one `kind` of network (see `KINDS`) in a `.safetensors`, `.pth` or `.pt` file.

    They may lie in other dicts and lists, and names that a wrapper puts before every key (`module.`, `_orig_mod.`,
    `model.`) go. Tensors elsewhere in the file (an optimiser's, a loss's) are left alone.

    Raises:
        CheckpointError: no file, damaged, code inside, another network, several networks, or NaN; one line.
    """
    contents = read_contents(path)
    tensors = dict(named_tensors(contents))
    prefix = one_prefix(path, tensors, kind)
    state = {key.removeprefix(prefix): plain(value) for key, value in tensors.items() if key.startswith(prefix)}
    broken = next((key for key, value in state.items() if not bool(value.isfinite().all())), None)
    if broken is not None:
        raise CheckpointError(
            f"{path}: expected finite weights, got NaN or infinity in {broken}; take an earlier checkpoint"
        )
    config = contents.get(CONFIG) if isinstance(contents, dict) else None
    return Checkpoint(path, state, config if isinstance(config, dict) and "stages" in config else {})


def kinds_in(path: Path) -> list[str]:
    """Return the kinds of networks (`KINDS`) whose weights are in a file. Errors are those of `read_checkpoint`."""
    tensors = dict(named_tensors(read_contents(path)))
    return [kind for kind in KINDS if prefixes(tensors, kind)]


def read_contents(path: Path) -> Any:
    """Return all that is in a file, with code refused."""
    if not path.is_file():
        raise CheckpointError(
            f"{path}: expected a checkpoint file, got {'a folder' if path.is_dir() else 'none'}; give its path"
        )
    return read_safetensors(path) if path.suffix == ".safetensors" else read_torch(path)


def read_torch(path: Path) -> Any:
    """Return what `torch.load` finds, with code refused."""
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
    """Return all tensors of a safetensors file."""
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        return load_file(path)
    except (SafetensorError, OSError) as exc:
        raise CheckpointError(
            f"{path}: expected a safetensors file, got a damaged or truncated one ({first_line(exc)}); "
            "copy or download it again"
        ) from exc


def named_tensors(contents: Any) -> Iterator[tuple[str, Tensor]]:
    """Yield every tensor in dicts and lists, each under the names on its way, joined by dots; each container once."""
    import torch

    waiting, seen = [("", contents, 0)], set()
    while waiting:
        name, item, depth = waiting.pop()
        if isinstance(item, torch.Tensor):
            yield name, item
        elif isinstance(item, (dict, list, tuple)) and depth < DEEPEST and id(item) not in seen:
            seen.add(id(item))
            parts = list(item.items() if isinstance(item, dict) else enumerate(item))
            waiting += [(f"{name}.{key}" if name else str(key), part, depth + 1) for key, part in reversed(parts)]


def plain(tensor: Tensor) -> Tensor:
    """Return the same numbers in float32, or whole ones as they are."""
    tensor = tensor.dequantize() if tensor.is_quantized else tensor
    return tensor.float() if tensor.is_floating_point() else tensor


def prefixes(tensors: State, kind: str) -> list[str]:
    """Return what stands before the keys of each network of a kind."""
    start = f".{KINDS[kind]}"
    before = {f".{key}".partition(start)[0] for key in tensors if start in f".{key}"}
    return [f"{name[1:]}." if name else "" for name in sorted(before)]


def one_prefix(path: Path, tensors: State, kind: str) -> str:
    """Return what stands before the keys of the one network of a kind; of the averaged one where there are several."""
    found = prefixes(tensors, kind)
    if len(found) > 1:
        found = [prefix for prefix in found if AVERAGED & set(prefix.split("."))] or found
    if len(found) == 1:
        return found[0]
    if found:
        names = ", ".join(prefix.rstrip(".") or "the file itself" for prefix in found)
        raise CheckpointError(
            f"{path}: expected the weights of one {kind}, got {len(found)} ({names}); save only the one to use"
        )
    others = [other for other in KINDS if prefixes(tensors, other)]
    if others:
        got = f"a {others[0]}"
    elif tensors:
        got = f"another network (keys like {', '.join(sorted(tensors)[:3])})"
    else:
        got = "no tensor"
    raise CheckpointError(
        f"{path}: expected the checkpoint of a {kind}, got {got}; "
        "give the right file, or save the state dict of the network"
    )


def first_line(exc: BaseException) -> str:
    """Return the first sentence of a foreign message."""
    return str(exc).strip().split("\n")[0].split(". ")[0][:160] or type(exc).__name__
