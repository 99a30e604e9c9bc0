"""What a bundle holds, and whether its files are what bundle.json vouches for."""

from collections.abc import Callable, Iterator
from functools import partial

from msgspec import Struct

from ..bundles.bundle import Bundle
from ..bundles.manifest import Kind
from ..errors import BundleError

Check = Callable[[], object]


class Model(Struct, frozen=True, kw_only=True):
    """One model of a bundle."""

    architecture: str
    """Its networks or stages."""
    precisions: list[str]
    """Those that it has a file in."""
    preferred: dict[str, str]
    """Backend → the precision that it runs unless told otherwise; fp32 where none is named."""


class Engine(Struct, frozen=True, kw_only=True):
    """One of TensorRT's plans."""

    file: str
    """Its name under ``engines/``."""
    kind: Kind
    """The model it runs."""
    precision: str
    """"fp16", …"""
    flavour: str
    """"tensorrt" or "tensorrt-rtx"."""
    version: str
    """Version of that library that it was built with, and runs with."""
    targets: list[str]
    """GPUs that it was built for, as "sm87"."""


class BundleFacts(Struct, frozen=True, kw_only=True):
    """A bundle."""

    name: str
    """Its name."""
    folder: str
    """Where it lies."""
    models: dict[Kind, Model]
    """Its models."""
    engines: list[Engine]
    """TensorRT's plans in it."""
    canary: bool
    """Whether it has a picture on which a backend shows that it works."""
    problems: list[str]
    """Files that are missing or altered, with the fix."""


def bundle_facts(bundle: Bundle) -> BundleFacts:
    """What a bundle holds; reads all of its files."""
    manifest = bundle.manifest
    models: dict[Kind, Model] = {}
    if (detector := manifest.detector) is not None:
        models["detector"] = Model(
            architecture=detector.architecture, precisions=list(detector.files), preferred=detector.preferred
        )
    if (recognizer := manifest.recognizer) is not None:
        models["recognizer"] = Model(
            architecture=recognizer.stages, precisions=list(recognizer.files), preferred=recognizer.preferred
        )
    engines = [
        Engine(
            file=each.file.path,
            kind=each.kind,
            precision=each.precision,
            flavour=each.flavour,
            version=each.version,
            targets=each.targets,
        )
        for each in manifest.engines
    ]
    return BundleFacts(
        name=manifest.name,
        folder=str(bundle.root),
        models=models,
        engines=engines,
        canary=manifest.canary is not None,
        problems=list(_problems(_checks(bundle, models))),
    )


def _checks(bundle: Bundle, models: dict[Kind, Model]) -> Iterator[Check]:
    for kind, model in models.items():
        yield from (partial(bundle.file, kind, precision) for precision in model.precisions)
    yield from (partial(bundle.engine, each) for each in bundle.manifest.engines)
    if (canary := bundle.manifest.canary) is not None:
        yield from (partial(bundle.canary_file, each) for each in (canary.image, canary.maps) if each is not None)


def _problems(checks: Iterator[Check]) -> Iterator[str]:
    for check in checks:
        try:
            check()
        except (BundleError, OSError) as exc:
            yield str(exc)
