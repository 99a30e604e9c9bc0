"""How many times as fast as another is a network? Both in one run, in turns, so that a busy machine slows both."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...runtime.bundles.bundle import Checked
from ...runtime.bundles.manifest import DetectorSpec, RecognizerSpec
from ...runtime.errors import CheckpointError
from ...runtime.geometry.canvases import plan_fit
from ...runtime.sessions.binding import bind_images
from ...runtime.sessions.onnx_runtime import OnnxRuntimeSession
from ...runtime.sessions.profiles import PHOTO_HW
from ..networks import load_craft, load_recognizer
from ..parity import random_images

TURNS = 15
"""Runs of each that are timed; one before them warms up."""
FEWEST_TURNS, LONGEST_S = 3, 20.0
"""After so many seconds no more turns are taken, but never fewer than so many: a run of seconds differs little from the
next."""
CROPS = 8
"""Crops that a recognizer reads at once while it is timed."""

Spec = DetectorSpec | RecognizerSpec


@dataclass(frozen=True)
class Timed:
    """One contender's time for one input."""

    median_ms: float
    """Wall clock, median over the turns."""
    best_ms: float
    """Wall clock, the fastest turn."""
    cpu_ms: float
    """Processor time of all threads together, median: it does not wait for other processes."""


def take_turns(contenders: Mapping[str, Callable[[], object]], turns: int = TURNS) -> dict[str, Timed]:
    """Time all contenders, one after the other, again and again."""
    for run in contenders.values():
        run()
    walls: dict[str, list[float]] = {name: [] for name in contenders}
    cpus: dict[str, list[float]] = {name: [] for name in contenders}
    start = time.perf_counter()
    for turn in range(turns):
        if turn >= FEWEST_TURNS and time.perf_counter() - start > LONGEST_S:
            break
        for name, run in contenders.items():
            wall, cpu = time.perf_counter(), time.process_time()
            run()
            walls[name].append(1000 * (time.perf_counter() - wall))
            cpus[name].append(1000 * (time.process_time() - cpu))
    return {name: Timed(median(walls[name]), min(walls[name]), median(cpus[name])) for name in contenders}


def default_canvas(spec: Spec) -> tuple[int, int]:
    """Return height and width, pixels, of what a network is timed on: a 16:9 photo's canvas, or a usual crop."""
    if isinstance(spec, RecognizerSpec):
        return spec.usual_hw
    return plan_fit(*PHOTO_HW, long_side_px=spec.long_side_px, enlarge=1, plain=spec.as_easyocr).canvas_hw


def timed_input(spec: Spec, canvas_hw: tuple[int, int]) -> NDArray[np.uint8]:
    """Return one canvas (1, H, W, 3), or `CROPS` crops (N, H, W, C)."""
    crops = isinstance(spec, RecognizerSpec)
    channels = spec.channels if isinstance(spec, RecognizerSpec) else 3
    return random_images((CROPS if crops else 1, *canvas_hw, channels), seed=0)


def graph_runner(path: Path, spec: Spec, canvas_hw: tuple[int, int]) -> Callable[[], object]:
    """Return what runs an ONNX file on one input, as the runtime does on ``cpu``."""
    session, images = OnnxRuntimeSession(Checked(path, path.read_bytes())), timed_input(spec, canvas_hw)
    binding = bind_images(session, spec, images.shape)
    binding.inputs["image" if isinstance(spec, DetectorSpec) else "crops"][:] = images
    return lambda: binding.run(len(images))


def network_runner(checkpoint: Path, spec: Spec, canvas_hw: tuple[int, int]) -> Callable[[], object]:
    """Return what runs the PyTorch network of a checkpoint on an input of the same size, in float32 on the CPU.

    Raises:
        CheckpointError: it is not the checkpoint of such a network, or one of another width.
    """
    import torch

    images = timed_input(spec, canvas_hw)
    numbers = torch.from_numpy(images.transpose(0, 3, 1, 2) / np.float32(255))
    network: Any
    if isinstance(spec, RecognizerSpec):
        network = load_recognizer(checkpoint, spec.image_hw, spec.max_length, even_contrast=spec.even_contrast)
    else:
        network = load_craft(checkpoint)
    width = network.config.width if isinstance(spec, RecognizerSpec) else network.width
    if width != spec.width:
        raise CheckpointError(
            f"{checkpoint}: expected a network of width {spec.width}, got {width}; give the bundle's own"
        )

    def run() -> object:
        with torch.inference_mode():
            return network(numbers)

    return run
