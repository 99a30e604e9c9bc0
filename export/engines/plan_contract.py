"""Is a TensorRT network, and the engine built from it, what the runtime expects? And what of it is float32?"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ...runtime.bundles.manifest import Kind, Profile
from ...runtime.errors import ExportError
from ...runtime.sessions.tensorrt.engines import Engine
from ..onnx_file import CONTRACTS, Contract

Tensor = tuple[str, str, tuple[int, ...]]
""""INPUT" or "OUTPUT", element type, and shape, -1 where it is open."""

ARITHMETIC = frozenset(
    ("ACTIVATION", "CONVOLUTION", "DECONVOLUTION", "EINSUM", "ELEMENTWISE", "GRID_SAMPLE", "MATRIX_MULTIPLY")
    + ("NORMALIZATION", "POOLING", "REDUCE", "RESIZE", "SCALE", "SOFTMAX", "TOPK", "UNARY")
)
"""Types of layers that calculate; the others only move numbers, or find shapes."""


def check_network(network: Any) -> tuple[Kind, dict[str, Tensor]]:
    """Return which contract (DESIGN, "Graphs") a parsed network has, and its inputs and outputs; more outputs may be.

    Raises:
        ExportError: it has none.
    """
    found = interface(network)
    inputs = {name for name, (side, *_) in found.items() if side == "INPUT"}
    kind: Kind = "detector" if "image" in inputs else "recognizer"
    contract = CONTRACTS[kind]
    if inputs != set(contract.inputs) or not fits(contract, found):
        raise ExportError(
            f"expected the inputs and outputs of a {kind}, {contract}, got {found}; export the model again"
        )
    return kind, found


def interface(network: Any) -> dict[str, Tensor]:
    """Return name -> what a parsed network's input or output is."""
    sides = (
        ("INPUT", [network.get_input(index) for index in range(network.num_inputs)]),
        ("OUTPUT", [network.get_output(index) for index in range(network.num_outputs)]),
    )
    return {item.name: (side, item.dtype.name, tuple(item.shape)) for side, group in sides for item in group}


def fits(contract: Contract, found: Mapping[str, Tensor]) -> bool:
    """Return whether all that a contract names is there, with its element type and shape."""
    sides = (("INPUT", contract.inputs), ("OUTPUT", contract.outputs))
    for side, tensors in sides:
        for name, (kind, rank) in tensors.items():
            got = found.get(name)
            if got is None or got[:2] != (side, kind) or len(got[2]) != rank:
                return False
    shapes = {name: found[name][2] for name in (*contract.inputs, *contract.outputs)}
    if "image" in shapes:
        return shapes == {"image": (-1, -1, -1, 3), "region": (-1, -1, -1), "affinity": (-1, -1, -1)}
    _, *crop = shapes["crops"]
    steps, classes = shapes["log_probs"][1:]
    expected = {"crops": (-1, *crop), "allowed": (classes,), "symbols": (-1, steps), "log_probs": (-1, steps, classes)}
    height, width, channels = crop
    opened = {-1} if width == -1 else set[int]()  # a width that is open may leave the steps open too
    known = height > 0 and classes > 0 and all(size > 0 or size in opened for size in (width, steps))
    return shapes == expected and known and channels in {1, 3}


def check_profile(optimization_profile: Any, found: Mapping[str, Tensor], profile: Profile) -> None:
    """Check that TensorRT holds these shapes, for every input whose shape is open and for no other.

    Raises:
        ExportError: it does not.
    """
    opened = {name for name, (side, _, shape) in found.items() if side == "INPUT" and -1 in shape}
    if opened != set(profile):
        raise ExportError(f"expected a profile of {sorted(opened)}, got one of {sorted(profile)}; give these")
    for name, sizes in profile.items():
        expected, got = (
            [sizes.min, sizes.opt, sizes.max],
            [tuple(shape) for shape in optimization_profile.get_shape(name)],
        )
        if got != expected:
            raise ExportError(f"{name}: expected TensorRT to take {expected} (min, opt, max), got {got}; give others")


def check_engine(engine: Engine, kind: Kind, found: Mapping[str, Tensor], profile: Profile) -> None:
    """Check that an engine, loaded from its plan, has the inputs, outputs and profile that it was built with.

    Raises:
        BackendError, ExportError: it has not.
    """
    engine.check(kind, profile)
    for name, (_, _, shape) in found.items():
        got = tuple(-1 if size is None else size for size in engine.shape(name))
        if len(got) != len(shape) or any(size not in {-1, other} for size, other in zip(shape, got, strict=True)):
            raise ExportError(f"{name}: expected a shape of {shape} in the engine, got {got}; build it again")


def single_layers(network: Any) -> tuple[tuple[str, ...], int]:
    """Return the ONNX nodes that calculate in float32, in the network's order, and how many calculate at all.

    Precision is in the graph, and a strongly typed network keeps it, so that this is what the engine does.
    """
    layers = [network.get_layer(index) for index in range(network.num_layers)]
    arithmetic = [layer for layer in layers if layer.metadata and layer.type.name in ARITHMETIC]
    numbers = [
        (str(layer.metadata).removeprefix("[ONNX Layer: ").removesuffix("]"), number_type(layer))
        for layer in arithmetic
    ]
    single = [name for name, number in numbers if number == "FLOAT"]
    return tuple(dict.fromkeys(single)), len({name for name, number in numbers if number})


def number_type(layer: Any) -> str:
    """Return what a layer gives, "FLOAT" or "HALF"; nothing, where that is a whole number."""
    names = [str(layer.get_output(index).dtype.name) for index in range(layer.num_outputs)]
    return next((name for name in names if name in {"FLOAT", "HALF"}), "")
