"""Parity: does the ONNX graph give its network's numbers?

The graph runs in ONNX Runtime; the network, in float64, is what it should give. Inputs are several
different images, at batch 1, 2 and 5 where they are small, since float64 is slow. Weights may amplify
what float32 rounds, on each processor in another way: the network itself in float32 shows by how much,
and the graph may be a few times as far from float64 as it is.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ..runtime.bundles.manifest import Parity
from ..runtime.errors import ParityError
from .onnx_file import OPSET, Arrays, session_of

if TYPE_CHECKING:
    import torch
    from torch import Tensor

    from ..models.craft import CRAFT
    from ..models.link_refiner import LinkRefiner
    from ..models.recognizer import Recognizer

TOLERANCE = 2e-4
"""Difference that is always allowed, relative to the largest magnitude of the output."""
FACTOR = 10
"""How many times the network's own distance in float32 is allowed. Sets of kernels round differently: of the same
network and input, PyTorch's own distance was 8 times as large with oneDNN off as with it on."""
LARGEST = 0.05
"""What is never allowed, whatever float32 does to the network: other numbers begin there."""

FORBIDDEN = -1e4
"""What `allowed` holds for a symbol that must not be read."""

BATCHES = (1, 2, 5)
CANVASES = ((1, 64, 96), (2, 64, 96), (5, 64, 96), (1, 160, 224))
"""Batch, height and width of what detectors are compared on."""


@dataclass(frozen=True)
class Case:
    """One input of the graph, and what the network makes of it."""

    inputs: Arrays
    """Graph input -> array."""
    compute: Callable[[torch.dtype, Arrays], Arrays]
    """The network's outputs by name, in a float type; where one is -inf, nothing is compared. It is given the graph's
    outputs: an attention decoder is fed their symbols, so that both go on alike after a tie."""


@dataclass(frozen=True)
class Compared:
    """The graph's outputs and the network's, all relative to the largest magnitude of float64's."""

    apart: float
    """Largest difference between the graph and float64."""
    float32: float
    """Largest difference between the network in float32 and float64."""
    symbols_equal: bool | None
    """Whether the graph read what float64 reads, where it is clear; None for a detector."""

    @property
    def bound(self) -> float:
        """Return what `apart` may be."""
        return bound(self.float32)


def bound(float32: float) -> float:
    """Return how far from float64 a graph may be, if its network in float32 is as far off as this."""
    return min(max(TOLERANCE, FACTOR * float32), LARGEST)


def detector_cases(craft: CRAFT, refiner: LinkRefiner | None) -> Iterator[Case]:
    """Yield the cases of `CANVASES`."""
    networks = in_both((craft, refiner))
    for seed, shape in enumerate(CANVASES):
        image = random_images((*shape, 3), seed)

        def compute(dtype: torch.dtype, _: Arrays, image: NDArray[np.uint8] = image) -> Arrays:
            network, links = networks[dtype]
            return run_detector(network, links, image, dtype)

        yield Case({"image": image}, compute)


def recognizer_cases(network: Recognizer, widths: Sequence[int] = ()) -> Iterator[Case]:
    """Yield every batch size with all symbols allowed, and one where a random half of the charset is forbidden.

    Of several widths these are at the least one; one crop each of the middle and of the greatest width follows.
    """
    networks, config = in_both((network,)), network.config
    everything = np.zeros(config.num_classes, np.float32)
    half = everything.copy()
    half[np.random.default_rng(0).permutation(config.num_classes - 2)[::2] + 2] = FORBIDDEN
    least, *wider = spread(widths or config.image_hw[1:])
    sizes = [*((least, batch, everything) for batch in BATCHES), (least, 2, half)]
    sizes += [(width, 1, half) for width in wider]
    for width, batch, allowed in sizes:
        inputs: Arrays = {
            "crops": random_images((batch, config.image_hw[0], width, config.channels), seed=batch),
            "allowed": allowed,
        }

        def compute(dtype: torch.dtype, outputs: Arrays, inputs: Arrays = inputs) -> Arrays:
            (own,) = networks[dtype]
            return run_recognizer(own, inputs["crops"], inputs["allowed"], outputs["symbols"], dtype)

        yield Case(inputs, compute)


def spread(widths: Sequence[int]) -> list[int]:
    """Return the least, the middle and the greatest of ascending widths, each once."""
    return sorted({widths[0], widths[len(widths) // 2], widths[-1]})


def in_both(networks: Any) -> dict[torch.dtype, Any]:
    """Return the networks in float32, as they are, and in float64."""
    import torch

    return {torch.float32: networks, torch.float64: tuple(own and own.double() for own in copy.deepcopy(networks))}


def run_detector(craft: Any, refiner: Any, image: NDArray[np.uint8], dtype: torch.dtype) -> Arrays:
    """Run the networks on BGR bytes (N, H, W, 3) as their papers feed them; return region, affinity (N, H/2, W/2)."""
    import torch

    from .graphs import IMAGENET_MEAN, IMAGENET_STD

    rgb = (image[..., ::-1] / 255 - IMAGENET_MEAN) / IMAGENET_STD
    with torch.inference_mode():
        maps, features = craft(torch.from_numpy(rgb.transpose(0, 3, 1, 2).copy()).to(dtype))
        affinity = maps[..., 1] if refiner is None else refiner(maps, features)[..., 0]
    return {"region": maps[..., 0].numpy(), "affinity": affinity.numpy()}


def run_recognizer(
    network: Recognizer,
    crops: NDArray[np.uint8],
    allowed: NDArray[np.float32],
    symbols: NDArray[np.int64] | None,
    dtype: torch.dtype,
) -> Arrays:
    """Run the network on grey or BGR bytes (N, H, W, C); return log_probs (N, T, classes), -inf where forbidden.

    An attention decoder is fed `symbols` (N, T), those that were read of the same crops; None = its own.
    """
    import torch

    images = ((crops[..., ::-1] / 255 - 0.5) / 0.5).transpose(0, 3, 1, 2)
    mask = torch.from_numpy(allowed).to(dtype)
    with torch.inference_mode():
        attention = network.config.stages.endswith("Attn")
        fed = (before(network, symbols),) if attention and symbols is not None else ()
        logits = network(torch.from_numpy(images.copy()).to(dtype), *fed) + mask
        log_probs = logits.log_softmax(dim=2).numpy()
    log_probs[..., allowed != 0] = -np.inf
    return {"log_probs": log_probs}


def before(network: Recognizer, symbols: NDArray[np.int64]) -> Tensor:
    """Return what the decoder is fed at each step: [GO], then the symbol of the step before; of no class is 0."""
    import torch

    config = network.config
    fed = np.zeros((len(symbols), config.max_length + 1), np.int64)
    known = np.where((symbols >= 0) & (symbols < config.num_classes), symbols, 0)[:, : config.max_length]
    fed[:, 1 : 1 + known.shape[1]] = known
    return torch.from_numpy(fed)


def check_parity(path: Path, cases: Iterator[Case], progress: Callable[[], None] = lambda: None) -> Parity:
    """Compare the graph in `path` with all cases; `progress` is called after each.

    Raises:
        ParityError: a number is further off than its case's `bound`, or a symbol differs that float64 is clear about.
    """
    run, found = session_of(path), []
    for case in cases:
        found.append(compare(run, case))
        progress()
    worst = max(found, key=lambda compared: compared.apart / compared.bound)
    symbols = None if worst.symbols_equal is None else all(compared.symbols_equal for compared in found)
    if not worst.apart <= worst.bound or symbols is False:
        raise ParityError(
            f"expected outputs within {worst.bound:.2g} of the network's largest, as float32 alone moves them by "
            f"{worst.float32:.2g}, and the same symbols where they are clear, got {worst.apart:.2g} and "
            f"{'other' if symbols is False else 'the same'} symbols; nothing was written"
        )
    return Parity(
        worst=worst.apart,
        tolerance=worst.bound,
        float32=worst.float32,
        cases=len(found),
        symbols_equal=symbols,
        opset=OPSET,
        versions=versions("torch", "onnx", "onnxruntime", "onnxslim"),
    )


def compare(run: Callable[[Arrays], Arrays], case: Case) -> Compared:
    """Run the graph and the network on one case."""
    import torch

    outputs = run(case.inputs)
    exact, single = (case.compute(dtype, outputs) for dtype in (torch.float64, torch.float32))
    own = max(difference(outputs[name], exact[name]) for name in exact)
    float32 = max(difference(single[name], exact[name]) for name in exact)
    symbols = (
        clear_symbols_equal(outputs["symbols"], exact["log_probs"], bound(float32)) if "symbols" in outputs else None
    )
    return Compared(own, float32, symbols)


def clear_symbols_equal(symbols: NDArray[Any], log_probs: NDArray[Any], allowed: float) -> bool:
    """Return whether every symbol (N, T) is the best of (N, T, classes), or below it by no more than is allowed.

    `allowed` is relative to the largest magnitude, as everywhere here.
    """
    classes = log_probs.shape[-1]
    if symbols.shape != log_probs.shape[:-1] or symbols.min() < 0 or symbols.max() >= classes:
        return False
    read = np.take_along_axis(log_probs, symbols[..., None], axis=-1)[..., 0]
    largest = np.abs(log_probs[np.isfinite(log_probs)]).max()
    return bool((log_probs.max(axis=-1) - read <= allowed * largest).all())


def difference(actual: NDArray[Any], expected: NDArray[Any]) -> float:
    """Return the largest difference over the largest magnitude expected; infinite for another shape, or with a NaN."""
    if actual.shape != expected.shape:
        return float("inf")
    compared = np.isfinite(expected)
    largest = np.abs(actual[compared] - expected[compared]).max() / np.abs(expected[compared]).max()
    return float(largest) if np.isfinite(largest) else float("inf")


def random_images(shape: tuple[int, int, int, int], seed: int) -> NDArray[np.uint8]:
    """Return bytes (N, H, W, C) of soft blocks and noise, every image another one."""
    rng = np.random.default_rng(seed)
    batch, height, width, channels = shape
    blocks = rng.uniform(0, 255, (batch, -(-height // 8), -(-width // 8), channels))
    soft = blocks.repeat(8, axis=1).repeat(8, axis=2)[:, :height, :width]
    return (soft + rng.normal(0, 20, shape)).clip(0, 255).astype(np.uint8)


def apart(got: NDArray[Any], expected: NDArray[Any], scale: NDArray[Any] | None = None) -> float:
    """Return the root mean square of the difference over that of `scale`, or of what is expected where it is None.

    Infinite for another shape, and where one of the two is infinite or no number and the other is not.
    """
    if got.shape != expected.shape:
        return float("inf")
    same = (got == expected) | (np.isnan(got) & np.isnan(expected))
    with np.errstate(invalid="ignore"):
        off = np.where(same, 0, got.astype(np.float64) - expected)
    return mean_size(off) / max(mean_size(expected if scale is None else scale, finite=True), 1e-9)


def mean_size(values: NDArray[Any], *, finite: bool = False) -> float:
    """Return the root mean square, or that of the finite values only; infinite with a NaN, and 0 of nothing."""
    chosen = values[np.isfinite(values)] if finite else values
    size = float(np.sqrt(np.mean(np.square(chosen, dtype=np.float64)))) if chosen.size else 0.0
    return size if np.isfinite(size) else float("inf")


def versions(*modules: str) -> dict[str, str]:
    """Return library → version, as the module says it: ONNX Runtime has another package name with a GPU."""
    return {name: str(import_module(name).__version__) for name in modules}
