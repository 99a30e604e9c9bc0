"""Parity: does the ONNX graph give its network's numbers?

The graph runs in ONNX Runtime; the network, in float64, is what it should give. Inputs are several
different images, at batch 1, 2 and 5.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from importlib import import_module
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ..runtime.errors import ParityError
from ..runtime.manifest import Parity
from .onnx_file import OPSET

if TYPE_CHECKING:
    from torch import Tensor

    from ..models.craft import CRAFT
    from ..models.link_refiner import LinkRefiner
    from ..models.recognizer import Recognizer

TOLERANCE = 2e-4
"""Allowed difference, relative to the largest magnitude of the output."""

FORBIDDEN = -1e4
"""What `allowed` holds for a symbol that must not be read."""

BATCHES = (1, 2, 5)
CANVASES_HW = ((64, 96), (160, 224))

Arrays = dict[str, NDArray[Any]]


@dataclass(frozen=True)
class Case:
    """One input of the graph and what the network makes of it."""

    inputs: Arrays
    """Graph input -> array."""
    expected: Arrays
    """Graph output -> array of the network in float64; where it is -inf, nothing is compared."""


def detector_cases(craft: CRAFT, refiner: LinkRefiner | None) -> Iterator[Case]:
    """Two canvases at every batch size."""
    exact = copy.deepcopy(craft).double()
    exact_refiner = copy.deepcopy(refiner).double() if refiner else None
    for index, (height, width) in enumerate(CANVASES_HW):
        for batch in BATCHES:
            image = random_images((batch, height, width, 3), seed=10 * index + batch)
            region, affinity = run_detector(exact, exact_refiner, image)
            yield Case({"image": image}, {"region": region, "affinity": affinity})


def recognizer_cases(network: Recognizer, widths: Sequence[int] = ()) -> Iterator[Case]:
    """Every batch size with all symbols allowed, and one where a random half of the charset is forbidden.

    All that at the network's width, or at the least, the middle and the greatest of several.
    """
    exact, config = copy.deepcopy(network).double(), network.config
    everything = np.zeros(config.num_classes, np.float32)
    half = everything.copy()
    half[np.random.default_rng(0).permutation(config.num_classes - 2)[::2] + 2] = FORBIDDEN
    masked = [*((batch, everything) for batch in BATCHES), (2, half)]
    for width, (batch, allowed) in product(spread(widths or config.image_hw[1:]), masked):
        crops = random_images((batch, config.image_hw[0], width, config.channels), seed=batch)
        symbols, log_probs = run_recognizer(exact, crops, allowed)
        log_probs[..., allowed != 0] = -np.inf
        yield Case({"crops": crops, "allowed": allowed}, {"symbols": symbols, "log_probs": log_probs})


def spread(widths: Sequence[int]) -> list[int]:
    """The least, the middle and the greatest of ascending widths, each once."""
    return sorted({widths[0], widths[len(widths) // 2], widths[-1]})


def run_detector(craft: Any, refiner: Any, image: NDArray[np.uint8]) -> tuple[NDArray[Any], NDArray[Any]]:
    """The networks on BGR bytes (N, H, W, 3), as their papers feed them: region, affinity (N, H/2, W/2)."""
    import torch

    from .graphs import IMAGENET_MEAN, IMAGENET_STD

    rgb = (image[..., ::-1] / 255 - IMAGENET_MEAN) / IMAGENET_STD
    with torch.inference_mode():
        maps, features = craft(torch.from_numpy(rgb.transpose(0, 3, 1, 2).copy()))
        affinity = maps[..., 1] if refiner is None else refiner(maps, features)[..., 0]
    return maps[..., 0].numpy(), affinity.numpy()


def run_recognizer(
    network: Recognizer, crops: NDArray[np.uint8], allowed: NDArray[np.float32]
) -> tuple[NDArray[Any], NDArray[Any]]:
    """The network on grey or BGR bytes (N, H, W, C): symbols (N, T), log_probs (N, T, classes), float64."""
    import torch

    images = ((crops[..., ::-1] / 255 - 0.5) / 0.5).transpose(0, 3, 1, 2)
    mask = torch.from_numpy(allowed).double()
    with torch.inference_mode():
        sequence = network.encode(torch.from_numpy(images.copy()))
        attention = network.config.stages.endswith("Attn")
        masked = greedy_logits(network, sequence, mask) if attention else network.Prediction(sequence) + mask
    return masked.argmax(dim=2).numpy(), masked.log_softmax(dim=2).numpy()


def greedy_logits(network: Recognizer, sequence: Tensor, mask: Tensor) -> Tensor:
    """Greedy decoding under a mask, by the network's own teacher forcing: feed all symbols so far, take one more."""
    import torch

    fed = torch.zeros(len(sequence), 1, dtype=torch.long)
    while True:
        logits: Tensor = network.Prediction(sequence, fed) + mask
        if fed.shape[1] == network.config.max_length + 1:
            return logits
        fed = torch.cat([fed, logits[:, -1:].argmax(dim=2)], dim=1)


def check_parity(path: Path, cases: Iterator[Case], progress: Callable[[], None] = lambda: None) -> Parity:
    """Compare the graph in `path` with all cases; `progress` is called after each.

    Raises:
        ParityError: a number is further off than `TOLERANCE`, or a symbol differs.
    """
    import onnxruntime

    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    worst, count, symbols = 0.0, 0, True
    for case in cases:
        outputs = dict(zip(case.expected, session.run(list(case.expected), case.inputs), strict=True))
        for name, expected in case.expected.items():
            if name == "symbols":
                symbols = symbols and np.array_equal(outputs[name], expected)
            else:
                worst = max(worst, difference(outputs[name], expected))
        count += 1
        progress()
    if not (worst <= TOLERANCE and symbols):
        raise ParityError(
            f"expected outputs within {TOLERANCE:g} of the network's largest and the same symbols, "
            f"got {worst:.2g} and {'the same' if symbols else 'other'} symbols; nothing was written"
        )
    return Parity(
        worst=worst,
        tolerance=TOLERANCE,
        cases=count,
        symbols_equal=symbols if "symbols" in case.expected else None,
        opset=OPSET,
        versions=versions("torch", "onnx", "onnxruntime", "onnxslim"),
    )


def difference(actual: NDArray[Any], expected: NDArray[Any]) -> float:
    """Largest difference over the largest magnitude expected; infinite when a shape or a NaN is in the way."""
    if actual.shape != expected.shape:
        return float("inf")
    compared = np.isfinite(expected)
    largest = np.abs(actual[compared] - expected[compared]).max() / np.abs(expected[compared]).max()
    return float(largest) if np.isfinite(largest) else float("inf")


def random_images(shape: tuple[int, int, int, int], seed: int) -> NDArray[np.uint8]:
    """Bytes (N, H, W, C) of soft blocks and noise, every image another one."""
    rng = np.random.default_rng(seed)
    batch, height, width, channels = shape
    blocks = rng.uniform(0, 255, (batch, -(-height // 8), -(-width // 8), channels))
    soft = blocks.repeat(8, axis=1).repeat(8, axis=2)[:, :height, :width]
    return (soft + rng.normal(0, 20, shape)).clip(0, 255).astype(np.uint8)


def versions(*modules: str) -> dict[str, str]:
    """Library → version, as the module says it: ONNX Runtime has another package name with a GPU."""
    return {name: str(import_module(name).__version__) for name in modules}
