"""The same network in PyTorch, run as well as it can be without changing it."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any

import numpy as np
import torch

from ...export.graphs import DetectorGraph
from ...export.networks import load_craft, load_recognizer
from ...runtime.bundles.manifest import Kind
from ...runtime.errors import BackendUnavailable
from ..networks import BytesToText
from .jobs import Contender, Job
from .runners import Arrays, Run, Runner, images_of


def torch_runner(contender: Contender, kind: Kind, folder: Path, *, gpu: bool) -> Runner:
    """PyTorch with the checkpoint that the bundle was exported from.

    fp32 has the memory layout of the published code, fp16 the one that tensor cores want; cuDNN may choose its
    algorithms by trying them.
    """
    if gpu and not torch.cuda.is_available():
        raise BackendUnavailable(f"PyTorch {torch.__version__} has no CUDA here; install one that has")
    plain = contender.runner != "PyTorch eager without TF32"
    torch.backends.cudnn.benchmark, torch.backends.cudnn.allow_tf32 = True, plain
    device, half = torch.device("cuda" if gpu else "cpu"), contender.precision == "fp16"
    network: Any = torch_network(kind, folder).to(device)
    whole = half and kind == "detector"
    if half:
        network = network.to(memory_format=torch.channels_last)
    if whole:
        network = network.half()
    if contender.runner == "PyTorch compiled":
        network = torch.compile(network, dynamic=False)

    def mixed() -> AbstractContextManager[Any]:
        return torch.autocast(device.type, torch.float16) if half and not whole else nullcontext()

    return lambda size: torch_run(network, size, device, mixed)


def torch_network(kind: Kind, folder: Path) -> torch.nn.Module:
    """The random network as the papers draw it, with bytes in and what the contract says out."""
    if kind == "detector":
        return DetectorGraph(load_craft(folder / "detector.pt")).eval()
    return BytesToText(load_recognizer(folder / "recognizer.pt")).eval()


def torch_run(
    network: torch.nn.Module, size: str, device: torch.device, mixed: Callable[[], AbstractContextManager[Any]]
) -> Run:
    """Page-locked buffers on both ends, as ours has."""
    on_gpu = device.type == "cuda"
    images = torch.from_numpy(np.ascontiguousarray(images_of(size)))
    images = images.pin_memory() if on_gpu else images
    names = ("symbols", "log_probs") if size.endswith("crops") else ("region", "affinity")
    kept: dict[str, torch.Tensor] = {}

    def run() -> Arrays:
        with torch.inference_mode(), mixed():
            outputs = network(images.to(device, non_blocking=True))
            for name, output in zip(names, outputs, strict=True):
                if name not in kept:
                    kept[name] = torch.empty_like(output, device="cpu", pin_memory=on_gpu)
                kept[name].copy_(output, non_blocking=True)
        if on_gpu:
            torch.cuda.synchronize()
        return {name: each.numpy() for name, each in kept.items()}

    return run


def product(job: Job, side: int) -> Run:
    """A product of two square matrices in PyTorch; fp32 may round to TF32 unless the contender says not.

    Raises:
        BackendUnavailable: PyTorch has no CUDA here.
    """
    if not job.scale.dry and not torch.cuda.is_available():
        raise BackendUnavailable(f"PyTorch {torch.__version__} has no CUDA here; install one that has")
    torch.backends.cuda.matmul.allow_tf32 = job.contender.runner != "PyTorch eager without TF32"
    kind = torch.float16 if job.contender.precision == "fp16" else torch.float32
    left, right = (torch.randn(side, side, dtype=kind, device="cpu" if job.scale.dry else "cuda") for _ in range(2))

    def run() -> Arrays:
        torch.mm(left, right)
        if not job.scale.dry:
            torch.cuda.synchronize()
        return {}

    return run
