"""Which of a bundle's TensorRT plans runs here: their passports against the bundle, the library and the GPU."""

import logging

from ...bundles.bundle import Bundle, Checked
from ...bundles.manifest import DetectorSpec, Kind, Passport, RecognizerSpec
from ...errors import BackendUnavailable, BundleError

BEST_FIRST = ("fp16", "fp32", "int8-trt")
"""Where the bundle prefers none; int8 loses the most, so that it must be asked for or preferred."""
NEWER_MAJOR = (10, 11)
"""TensorRT 11 runs version-compatible plans of TensorRT 10."""
HARDWARE_COMPATIBLE_FROM = 80
"""Such plans run from compute capability 8.0 on (HardwareCompatibilityLevel.AMPERE_PLUS)."""
log = logging.getLogger("edgereader")


def usable_plan(
    bundle: Bundle, kind: Kind, backend: str, precision: str | None, version: str, capability: str
) -> tuple[Passport, Checked]:
    """Return the best plan that runs here, and its file.

    Args:
        bundle: an opened bundle.
        kind: which of its models.
        backend: "tensorrt" or "tensorrt-rtx".
        precision: "fp32", …; None = what the bundle prefers on the backend, else the first of ``BEST_FIRST``.
        version: the library's, as it says it.
        capability: the GPU's, "sm86".

    Raises:
        BundleError: no such model.
        BackendUnavailable: none runs here; the message says of each why, and how to build one.
    """
    spec = bundle.detector if kind == "detector" else bundle.recognizer
    reasons = []
    for passport in _candidates(bundle, spec, kind, backend, precision):
        problem = obstacle(passport, spec, version, capability)
        if problem is None:
            try:
                return passport, bundle.engine(passport)
            except BundleError as exc:
                problem = str(exc)
                log.warning("%s is not run: %s", passport.file.path, problem)
        reasons.append(f"{passport.file.path}: {problem}")
    wanted = f" --precision {precision.removesuffix('-trt')}" if precision else ""
    raise BackendUnavailable(
        f"{backend}: expected a plan of the {kind} for {backend} {version} on {capability}, got "
        f"{'; '.join(reasons) or 'none'}; build one with `edgereader engine {bundle.root} --flavour {backend}{wanted}`"
    )


def _candidates(
    bundle: Bundle, spec: DetectorSpec | RecognizerSpec, kind: Kind, backend: str, precision: str | None
) -> list[Passport]:
    """Plans of a model for a backend, best first."""
    preferred = spec.preferred.get(backend)
    order = [*([preferred] if preferred else []), *BEST_FIRST]
    found = [
        engine
        for engine in bundle.manifest.engines
        if (engine.kind, engine.flavour) == (kind, backend) and precision in {None, engine.precision}
    ]
    return sorted(
        found, key=lambda passport: order.index(passport.precision) if passport.precision in order else len(order)
    )


def obstacle(passport: Passport, spec: DetectorSpec | RecognizerSpec, version: str, capability: str) -> str | None:
    """Return why a plan does not run with this version on this GPU, or is not of the bundle's graph; None = it does and
    is.
    """
    if not _same_version(passport, version):
        return f"expected {passport.flavour} {passport.version}, which built it, got {version}"
    if capability not in passport.targets and not _any_hardware(passport, capability):
        return f"expected a GPU of {', '.join(passport.targets)}, got {capability}"
    graph = spec.files.get(passport.precision)
    if graph is None:
        return f"expected a graph in {passport.precision} in the bundle, got none"
    if graph.sha256 != passport.onnx_sha256:
        return f"expected the bundle's graph {graph.sha256[:12]}, got one built from {passport.onnx_sha256[:12]}"
    return None


def _same_version(passport: Passport, version: str) -> bool:
    """TensorRT's rule: the version that built it; a version-compatible plan also runs with a later one of the same
    major version, and TensorRT 10's with 11 (Developer Guide 11.4, "Engine Portability" in the support matrix).
    """
    if passport.version == version or "version-compatible" not in passport.flags:
        return passport.version == version
    built, here = (tuple(map(int, number.split("."))) for number in (passport.version, version))
    return built <= here and (built[0] == here[0] or (built[0], here[0]) == NEWER_MAJOR)


def _any_hardware(passport: Passport, capability: str) -> bool:
    return "hardware-compatible" in passport.flags and int(capability[2:]) >= HARDWARE_COMPATIBLE_FROM
