"""Buffers for a model: what the shapes of its outputs are follows from its input's (DESIGN, "Graphs")."""

from collections.abc import Mapping

from ..bundles.manifest import DetectorSpec, RecognizerSpec
from ..errors import BundleError
from ..geometry.canvases import MAP_STRIDE
from .base import Binding, Session

Shape = tuple[int, ...]


def bind_canvases(session: Session, shape: Shape, more: Mapping[str, Shape] | None = None) -> Binding:
    """Allocate the buffers of a detector for canvases (N, H, W, 3), and for more outputs of a graph that has more.

    Raises:
        BackendError: see `Session.bind`.
    """
    batch, height, width, _ = shape
    maps = (batch, height // MAP_STRIDE, width // MAP_STRIDE)
    shapes = {"image": shape, "region": maps, "affinity": maps}
    return session.bind({**shapes, **(more or {})}, batched=tuple(shapes))


def bind_images(
    session: Session, spec: DetectorSpec | RecognizerSpec, shape: Shape, more: Mapping[str, Shape] | None = None
) -> Binding:
    """Allocate buffers of either model for images (N, H, W, C); errors are those of the other two."""
    if isinstance(spec, RecognizerSpec):
        return bind_crops(session, spec, shape, more)
    return bind_canvases(session, shape, more)


def bind_crops(
    session: Session, spec: RecognizerSpec, shape: Shape, more: Mapping[str, Shape] | None = None
) -> Binding:
    """Allocate the buffers of a recognizer for crops (N, H, W, C), every symbol allowed, and for more outputs.

    Raises:
        BundleError: the graph's steps or classes are not those that the bundle says.
        BackendError: see `Session.bind`.
    """
    _, steps, classes = session.output_shape("log_probs")
    if (steps is None) != spec.open_steps or classes != spec.classes:
        expected = f"{'open' if spec.open_steps else 'fixed'} steps and {spec.classes} classes"
        got = f"{steps or 'open'} steps and {classes or 'open'} classes"
        raise BundleError(f"recognizer: expected {expected}, got {got}; export it again")
    steps = steps or spec.steps(shape[2])
    rows = {"crops": shape, "symbols": (shape[0], steps), "log_probs": (shape[0], steps, spec.classes)}
    binding = session.bind({**rows, "allowed": (spec.classes,), **(more or {})}, batched=tuple(rows))
    binding.inputs["allowed"][:] = 0
    return binding
