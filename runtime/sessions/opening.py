"""Opens a model of a bundle as a `Session`, on the backend that was asked for or on the best one that works."""

import logging
from collections.abc import Callable

from ..bundles.bundle import Bundle
from ..bundles.manifest import Kind
from ..errors import BackendUnavailable, EdgeReaderError
from .base import Session
from .canary import prove
from .nvidia import NoGpu, nvidia_driver
from .profiles import default_profile
from .triton.contract import SCHEME

BACKENDS = ("tensorrt", "tensorrt-rtx", "cuda", "tensorrt-ep", "cpu")
"""Backends, best first."""
AUTOMATIC: tuple[str, ...] = ("tensorrt", "tensorrt-rtx", "cuda", "cpu")
"""Those that "auto" tries; ``tensorrt-ep`` is not among them, as it may build for minutes on its first run."""
log = logging.getLogger("edgereader")


MORE: dict[str, Callable[[Bundle, Kind], Session]] = {}
"""Backends of others, for as long as they put them here: name → what opens a model."""


def open_session(
    bundle: Bundle, kind: Kind, backend: str = "auto", precision: str | None = None, threads: int | None = None
) -> Session:
    """Load a model, and on a GPU see it read the bundle's canary as it should.

    Args:
        bundle: an opened bundle.
        kind: which of its models.
        backend: a backend's name, or "triton://HOST:PORT", which then runs or is an error; or "auto" = the best one
            that works here, which the log of "edgereader" names with the reason.
        precision: "fp32", …; None = what the bundle prefers on the backend.
        threads: how many a backend computes with on the CPU; None = one for each core.

    Raises:
        BundleError: no such model or precision, or a damaged file.
        BackendUnavailable: unknown backend, or it cannot run on this machine.
        BackendError: the backend cannot load the model, or does not read the canary.
    """
    if backend == "auto":
        return _best(bundle, kind, precision, threads)
    session = open_unproven(bundle, kind, backend, precision, threads)
    if backend != "cpu":
        prove(session, bundle, kind)
    return session


def _best(bundle: Bundle, kind: Kind, precision: str | None, threads: int | None) -> Session:
    """The first backend that works, said in the log: as a warning where a GPU lies idle or a backend is broken."""
    reasons, level, candidates = [], logging.INFO, AUTOMATIC
    try:
        nvidia_driver()
    except BackendUnavailable as exc:
        reasons, candidates = [str(exc)], AUTOMATIC[-1:]
        level = logging.INFO if isinstance(exc, NoGpu) else logging.WARNING
    for backend in candidates:
        try:
            session = open_session(bundle, kind, backend, precision, threads)
            break
        except EdgeReaderError as exc:
            if backend == candidates[-1]:
                raise
            reasons.append(f"{backend}: {exc}")
            level = level if isinstance(exc, BackendUnavailable) else logging.WARNING
    idle = session.backend == "cpu" and len(candidates) > 1
    why = "; ".join(reasons) or "the best backend, and it works here"
    log.log(logging.WARNING if idle else level, "%s: %s in %s (%s)", kind, session.backend, session.precision, why)
    return session


def open_unproven(
    bundle: Bundle, kind: Kind, backend: str, precision: str | None, threads: int | None = None
) -> Session:
    """Do as `open_session` with a backend's name, but without the canary: for what finds out why it is read wrongly."""
    if backend in MORE:
        return MORE[backend](bundle, kind)
    if backend.startswith(SCHEME):
        from .triton.client import open_remote

        return open_remote(bundle, kind, backend, precision)
    if backend in {"tensorrt", "tensorrt-rtx"}:
        from .tensorrt.session import TensorRTSession

        return TensorRTSession(bundle, kind, backend, precision)
    if backend in {"cpu", "cuda", "tensorrt-ep"}:
        precision = precision or bundle.precision(kind, backend)
        graph = bundle.read(kind, precision)
        if backend == "cpu":
            from .onnx_runtime import OnnxRuntimeSession

            return OnnxRuntimeSession(graph, backend, precision, None, threads)
        from .onnx_runtime_gpu import OnnxRuntimeGpuSession

        profile = default_profile(bundle, kind) if backend == "tensorrt-ep" else None
        return OnnxRuntimeGpuSession(graph, backend, precision, profile, threads)
    raise BackendUnavailable(
        f"backend {backend!r}: this version of edgereader has {', '.join(BACKENDS)}; use one of these, or auto"
    )
