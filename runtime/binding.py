"""Buffers for a model: what the shapes of its outputs are follows from its input's (DESIGN, "Graphs")."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from .errors import BundleError

if TYPE_CHECKING:
    from .sessions import Binding, Session

Shape = tuple[int, ...]
MAP_STRIDE = 2
"""Canvas pixels per map pixel."""


def bind_canvases(session: "Session", shape: Shape, more: Mapping[str, Shape] | None = None) -> "Binding":
    """Buffers of a detector for canvases (N, H, W, 3), and for more outputs of a graph that has more.

    Raises:
        BackendError: see `Session.bind`.
    """
    batch, height, width, _ = shape
    maps = (batch, height // MAP_STRIDE, width // MAP_STRIDE)
    shapes = {"image": shape, "region": maps, "affinity": maps}
    return session.bind({**shapes, **(more or {})}, batched=tuple(shapes))


def bind_crops(session: "Session", shape: Shape, more: Mapping[str, Shape] | None = None) -> "Binding":
    """Buffers of a recogniser for crops (N, H, W, C), every symbol allowed, and for more outputs.

    Raises:
        BundleError: the graph leaves its steps or classes open.
        BackendError: see `Session.bind`.
    """
    _, steps, classes = session.output_shape("log_probs")
    if steps is None or classes is None:
        raise BundleError(f"recognizer: expected fixed steps and classes, got {steps} and {classes}; export it again")
    rows = {"crops": shape, "symbols": (shape[0], steps), "log_probs": (shape[0], steps, classes)}
    binding = session.bind({**rows, "allowed": (classes,), **(more or {})}, batched=tuple(rows))
    binding.inputs["allowed"][:] = 0
    return binding
