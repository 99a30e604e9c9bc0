"""PyTorch's networks on the processor, in eager mode or compiled, in place of ONNX Runtime's graphs.

Everything around the networks is EdgeReader's own, so that only they differ.
"""

from __future__ import annotations

import os
import shutil
import sysconfig
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ...runtime import Bundle, Reader
from ...runtime.bundles.bundle import shipped
from ...runtime.bundles.manifest import Kind, ShapeRange
from ...runtime.extras import pip_install
from ...runtime.sessions.binding import Shape
from ...runtime.sessions.buffers import Buffers, StaysHere
from ...runtime.sessions.opening import MORE
from . import Contender, Options, Unavailable
from .edgereader import EdgeReader
from .peer import library, limit_opencv

if TYPE_CHECKING:
    import torch
    from numpy.typing import NDArray

COMPILED = "pytorch-compile"
PACKAGES = ("torch", "edgereader", "numpy", "opencv-python-headless")
TRAINED = Path(__file__).parents[2] / "models/training/checkpoints"
"""What the shipped bundle was exported from, in a clone of the repository."""


class TorchSession(StaysHere):
    """A network in float32; see :class:`~edgereader.runtime.sessions.base.Session`."""

    precision = "fp32"

    def __init__(self, backend: str, network: torch.nn.Module, shapes: Mapping[str, tuple[int | None, ...]]) -> None:
        """`network` takes and gives what the bundle's graph does; `shapes` are its outputs', in their order."""
        import torch

        self.backend, self._shapes = backend, shapes
        self._network: Any = torch.compile(network) if backend == COMPILED else network

    def output_shape(self, name: str) -> tuple[int | None, ...]:
        """Return the shape of an output, None where it is open."""
        return self._shapes[name]

    def limits(self, name: str) -> ShapeRange | None:  # noqa: ARG002, one as the other
        """Return None: the network takes any shape."""
        return None

    def bind(self, shapes: Mapping[str, Shape], *, batched: tuple[str, ...]) -> TorchBinding:
        """Allocate buffers of these shapes; ``batched`` ones have a batch axis."""
        return TorchBinding(self._network, shapes, list(self._shapes), batched)


class TorchBinding(Buffers):
    """Arrays whose memory PyTorch reads; its outputs are copied to others."""

    def __init__(self, network: Any, shapes: Mapping[str, Shape], outputs: list[str], batched: tuple[str, ...]) -> None:
        import torch

        super().__init__(shapes, batched)
        kinds = {"image": torch.uint8, "crops": torch.uint8, "symbols": torch.int64}
        tensors = {name: torch.zeros(shape, dtype=kinds.get(name, torch.float32)) for name, shape in shapes.items()}
        self._network, self._batched = network, batched
        self._results = {name: tensors.pop(name) for name in outputs}
        self._given = tensors
        self.inputs: dict[str, NDArray[Any]] = {name: tensor.numpy() for name, tensor in tensors.items()}
        self.outputs: dict[str, NDArray[Any]] = {name: tensor.numpy() for name, tensor in self._results.items()}

    def _start(self, batch: int) -> None:
        import torch

        with torch.inference_mode():
            given = (tensor[:batch] if name in self._batched else tensor for name, tensor in self._given.items())
            for kept, found in zip(self._results.values(), self._network(*given), strict=True):
                kept[:batch] = found


def open_contender(name: str, options: Options) -> Contender:
    """Load the checkpoints of a bundle, and see each read the bundle's canary.

    Raises:
        Unavailable: no PyTorch, no checkpoints, or no compiler for what torch.compile writes.
        BundleError, CheckpointError: no such bundle, or a damaged checkpoint.
        BackendError: a checkpoint is not the one that the bundle was made of.
    """
    torch = library("torch", pip_install("export"))
    if name == COMPILED:
        expect_compiler()
    limit_opencv(options.threads)
    if options.threads:
        torch.set_num_threads(options.threads)
    MORE[name] = lambda bundle, kind: open_network(name, bundle, kind)
    return EdgeReader(Reader(options.bundle, name, long_side_px=options.canvas_px), PACKAGES)


def expect_compiler() -> None:
    """Refuse to go on where torch.compile could not build what it writes.

    Raises:
        Unavailable: no compiler, or none of Python's headers.
    """
    compiler, header = os.environ.get("CXX", "g++"), Path(sysconfig.get_path("include"), "Python.h")
    if shutil.which(compiler) is None:
        raise Unavailable(f"torch.compile needs a C++ compiler, and {compiler} is not here: apt-get install g++")
    if not header.is_file():
        raise Unavailable(
            f"torch.compile needs Python's headers, and {header} is not here: apt-get install python3-dev"
        )


def open_network(name: str, bundle: Bundle, kind: Kind) -> TorchSession:
    """Return the network that a bundle's graph was exported from, as it was handed to the exporter.

    Raises:
        Unavailable: there is no checkpoint of it.
        CheckpointError: it is damaged, or of another size than the bundle says.
    """
    import torch

    from ...export.graphs import DetectorGraph, RecognizerGraph
    from ...export.networks import load_craft, load_recognizer

    path = (TRAINED if bundle.root == shipped("digits-edge") else bundle.root) / f"{kind}.pt"
    if not path.is_file():
        fix = "python -m edgereader.benchmarks.wide makes a bundle that has them"
        raise Unavailable(f"{path}: expected the weights that the bundle was exported from, got none; {fix}")
    if kind == "detector":
        shape = (None, None, None)
        return TorchSession(name, DetectorGraph(load_craft(path)).eval(), {"region": shape, "affinity": shape})
    spec = bundle.recognizer
    network = load_recognizer(path, spec.image_hw, spec.max_length, even_contrast=spec.even_contrast)
    graph = RecognizerGraph(network).eval()
    crop, allowed = torch.zeros(1, *spec.usual_hw, spec.channels, dtype=torch.uint8), torch.zeros(spec.classes)
    with torch.inference_mode():
        _, steps, classes = graph(crop, allowed)[1].shape
    opened = None if spec.open_steps else steps
    return TorchSession(name, graph, {"symbols": (None, opened), "log_probs": (None, opened, classes)})
