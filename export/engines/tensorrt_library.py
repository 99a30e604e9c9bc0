"""TensorRT and TensorRT for RTX as one library: which GPUs each builds for, and what can be chosen."""

from __future__ import annotations

import importlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, get_args

from ...runtime.errors import BackendUnavailable, ExportError
from ...runtime.extras import pip_install
from ...runtime.sessions.nvidia import nvidia_driver

Flavour = Literal["tensorrt", "tensorrt-rtx"]


@dataclass(frozen=True)
class Options:
    """Choices of the builder; each default is TensorRT's own."""

    optimization_level: int | None = None
    """0 to 5: higher builds longer, for an engine that may be faster."""
    version_compatible: bool = False
    """A plan that later versions of TensorRT run too; `tensorrt` only."""
    hardware_compatible: bool = False
    """A plan that GPUs of compute capability 8.0 and later run too; `tensorrt` only."""
    workspace_mib: int | None = None
    """Most scratch memory that a layer may take, MiB; None = all there is."""
    timing_cache: Path | None = None
    """File that earlier measurements are taken from, and new ones kept in; None = neither. `tensorrt` only."""

    @property
    def flags(self) -> list[str]:
        """Return the choices as passports say them."""
        named = {
            "version-compatible": self.version_compatible,
            "hardware-compatible": self.hardware_compatible,
            f"optimization-level={self.optimization_level}": self.optimization_level is not None,
            f"workspace-mib={self.workspace_mib}": self.workspace_mib is not None,
        }
        return [name for name, chosen in named.items() if chosen]


DEFAULTS = Options()


def load_library(flavour: str) -> Any:
    """Return the module of a flavour. Raise BackendUnavailable if there is none, or it cannot be imported."""
    if flavour not in get_args(Flavour):
        raise BackendUnavailable(f"flavour {flavour!r}: expected tensorrt or tensorrt-rtx; use one of these")
    try:
        return importlib.import_module(flavour.replace("-", "_"))
    except (ImportError, OSError) as exc:
        fix = pip_install(flavour) + (", or on a Jetson JetPack's" if flavour == "tensorrt" else "")
        raise BackendUnavailable(f"{flavour}: its Python package cannot be imported ({exc}); {fix}") from exc


def resolve_targets(trt: Any, flavour: Flavour, wanted: Sequence[str]) -> tuple[str, ...]:
    """Return the GPUs that a plan is to be built for, each once and in order; () = this machine's.

    Raises:
        BackendUnavailable: `tensorrt`, which times kernels on the GPU, and there is none.
        ExportError: a GPU that the library does not build for, or none given and none here.
    """
    if flavour == "tensorrt":
        own = nvidia_driver().gpus[0].compute_capability
        if set(wanted) - {own}:
            raise ExportError(
                f"--target {' '.join(wanted)}: expected {own}, as tensorrt builds for this machine's GPU only; "
                "build on the other machine, or take --flavour tensorrt-rtx"
            )
        return (own,)
    numbers = sorted((name[2:] for name in trt.ComputeCapability.__members__ if name.startswith("SM")), key=int)
    known = [f"sm{number}" for number in numbers]
    names = ", ".join(known)
    try:
        chosen = tuple(wanted) or (nvidia_driver().gpus[0].compute_capability,)
    except BackendUnavailable as exc:
        raise ExportError(f"expected --target, as this machine has no GPU to build for; give any of {names}") from exc
    unknown = [name for name in chosen if name not in known]
    if unknown:
        fix = "take one of these, or --flavour tensorrt on the machine itself"
        raise ExportError(f"target {unknown[0]}: expected one that {flavour} {trt.__version__} has: {names}; {fix}")
    return tuple(name for name in known if name in chosen)


def expect_known(flavour: Flavour, options: Options) -> None:
    """Refuse what TensorRT for RTX does not have, rather than build without it."""
    if flavour == "tensorrt":
        return
    refused = {
        "--version-compatible: it has no lean runtime to put into a plan; build for each version": (
            options.version_compatible
        ),
        "--hardware-compatible: it is built for the GPUs that are named; give several --target": (
            options.hardware_compatible
        ),
        "--timing-cache: it times nothing before it runs; leave it out": options.timing_cache is not None,
    }
    for reason, given in refused.items():
        if given:
            raise ExportError(f"tensorrt-rtx has no {reason}")


def strongly_typed(trt: Any) -> int:
    """Return the flag that keeps every tensor's type as the graph says it; TensorRT 11 knows nothing else."""
    flag = getattr(trt.NetworkDefinitionCreationFlag, "STRONGLY_TYPED", None)
    return 0 if flag is None else 1 << int(flag)


def configure(trt: Any, builder: Any, flavour: Flavour, targets: Sequence[str], options: Options) -> Any:
    """Return the builder's configuration."""
    config = builder.create_builder_config()
    if flavour == "tensorrt-rtx":
        config.num_compute_capabilities = len(targets)
        for index, target in enumerate(targets):
            config.set_compute_capability(getattr(trt.ComputeCapability, target.upper()), index)
    if options.optimization_level is not None:
        config.builder_optimization_level = options.optimization_level
    if options.version_compatible:
        config.set_flag(trt.BuilderFlag.VERSION_COMPATIBLE)
    if options.hardware_compatible:
        config.hardware_compatibility_level = trt.HardwareCompatibilityLevel.AMPERE_PLUS
    if options.workspace_mib is not None:
        config.set_memory_pool_limit(trt.MemoryPoolType.WORKSPACE, options.workspace_mib << 20)
    return config


def runs_here(targets: Sequence[str]) -> bool:
    """Return whether this machine's GPU is one of these."""
    try:
        return nvidia_driver().gpus[0].compute_capability in targets
    except BackendUnavailable:
        return False
