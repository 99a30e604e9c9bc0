"""The weights of a network in a file, whatever its trainer wrapped them in."""

from __future__ import annotations

import pickle
import zipfile
import zlib
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

ZIP = b"PK\x03\x04"
"""How a file begins that torch writes."""

COUNTER, VARIANCE = ".num_batches_tracked", ".running_var"
"""Ends of the keys of batch norm's count, the one tensor of whole numbers, and of its variances."""

LONGEST_KEY = 300
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
        CheckpointError: no file, damaged, code inside, another network, several networks, or tensors that are no
            weights (see `expect_dense` and `expect_numbers`); one line.
    """
    contents = read_contents(path)
    tensors = dict(named_tensors(contents))
    prefix = one_prefix(path, tensors, kind)
    found = {key.removeprefix(prefix): value for key, value in tensors.items() if key.startswith(prefix)}
    expect_dense(path, found)
    state = {key: value.float() if value.is_floating_point() else value for key, value in found.items()}
    expect_numbers(path, state)
    config = contents.get(CONFIG) if isinstance(contents, dict) else None
    return Checkpoint(path, state, config if isinstance(config, dict) and "stages" in config else {})


def expect_dense(path: Path, state: State) -> None:
    """See that every tensor of a network is what weights are: floats, dense, on the CPU, and all of them in the file.

    Raises:
        CheckpointError: one is not.
    """
    again = "save the network's weights again"
    for key, tensor in state.items():
        if flaw := flaw_of(key, tensor):
            raise CheckpointError(f"{path}: expected dense floats on the CPU, got {flaw} in {key}; {again}")
    storages = {storage.data_ptr(): storage.nbytes() for storage in (each.untyped_storage() for each in state.values())}
    needed, stored = sum(each.numel() * each.element_size() for each in state.values()), sum(storages.values())
    if needed > stored:
        raise CheckpointError(
            f"{path}: expected {needed} bytes of weights, got {stored}, of which some stand for several; {again}"
        )


def flaw_of(key: str, tensor: Tensor) -> str:
    """Return what makes a tensor unfit as a weight, in words; empty if nothing does."""
    import torch

    if tensor.layout != torch.strided:
        return str(tensor.layout).removeprefix("torch.")
    if tensor.device.type != "cpu":
        return f"no numbers (device {tensor.device.type})"
    return "" if tensor.is_floating_point() or key.endswith(COUNTER) else str(tensor.dtype).removeprefix("torch.")


def expect_numbers(path: Path, state: State) -> None:
    """See that all weights are finite, and variances no less than 0. Raise CheckpointError if they are not."""
    for key, tensor in state.items():
        if not bool(tensor.isfinite().all()):
            expected, got = "finite weights", "NaN or infinity"
        elif key.endswith(VARIANCE) and bool((tensor < 0).any()):
            expected, got = "variances of at least 0", f"{float(tensor.min()):.3g}"
        else:
            continue
        raise CheckpointError(f"{path}: expected {expected}, got {got} in {key}; take an earlier checkpoint")


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
    """Return what `torch.load` finds, with code refused and the checksums of the file's parts compared."""
    import torch

    expect_checksums(path)
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


def expect_checksums(path: Path) -> None:
    """See that the parts of a zip, which torch writes, are what its checksums say, and no larger than the file.

    Raises:
        CheckpointError: they are not.
    """
    with path.open("rb") as file:
        if file.read(len(ZIP)) != ZIP:
            return  # torch's format of 2019 and before has no checksums
    try:
        with zipfile.ZipFile(path) as archive:
            unpacked = sum(part.file_size for part in archive.infolist())
            got = f"{unpacked} bytes packed into fewer" if unpacked > path.stat().st_size else archive.testzip()
    except (zipfile.BadZipFile, zlib.error, OSError, EOFError, RuntimeError, ValueError) as exc:
        got = first_line(exc)
    if got is not None:
        raise CheckpointError(
            f"{path}: expected a checkpoint of torch, got a damaged file (its checksums do not fit: {got}); "
            "copy or download it again"
        )


def read_safetensors(path: Path) -> State:
    """Return all tensors of a safetensors file."""
    from safetensors.torch import load_file

    try:
        return load_file(path)
    except Exception as exc:  # of a header that lies, safetensors and torch answer with many kinds
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
            parts = [(shown(key), part) for key, part in (item.items() if isinstance(item, dict) else enumerate(item))]
            waiting += [(f"{name}.{key}" if name else key, part, depth + 1) for key, part in reversed(parts)]


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


def shown(key: object) -> str:
    """Return a key as one line of text; one of another kind than text and numbers, which may be deep, as its kind."""
    return " ".join(str(key).splitlines())[:LONGEST_KEY] if isinstance(key, (str, int, float)) else type(key).__name__


def first_line(exc: BaseException) -> str:
    """Return the first sentence of a foreign message."""
    return str(exc).strip().split("\n")[0].split(". ")[0][:160] or type(exc).__name__
