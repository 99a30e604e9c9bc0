"""The whole examination: facts of machine and bundle, trials of every backend, and what follows from them."""

from collections.abc import Callable, Iterator
from functools import partial
from importlib.metadata import version
from itertools import chain
from time import perf_counter

from msgspec import Struct
from msgspec.structs import replace

from ...bundles.bundle import Bundle
from ...bundles.manifest import Kind
from ...errors import BundleError
from ...sessions.canary import AGAIN
from ...sessions.opening import BACKENDS
from . import machine
from .machine import Host
from .trials import AUTO, Trial, ask_driver, try_backend

SCHEMA = 1
ON_CPU = "cpu"
FASTEST_MODE = "MAXN"
"""What the name of a Jetson's fastest power mode begins with."""


class Model(Struct, frozen=True, kw_only=True):
    """One model of a bundle."""

    architecture: str  # its networks or stages
    precisions: list[str]  # those that it has a file in
    preferred: dict[str, str]  # backend → the precision that it runs unless asked otherwise; fp32 where none is named


class Engine(Struct, frozen=True, kw_only=True):
    """One of TensorRT's plans."""

    file: str  # its name under ``engines/``
    kind: Kind  # the model it runs
    precision: str
    flavour: str  # "tensorrt" or "tensorrt-rtx"
    version: str  # of that library: it was built with it, and runs with it only
    targets: list[str]  # GPUs that it was built for, as "sm87"


class BundleFacts(Struct, frozen=True, kw_only=True):
    """A bundle."""

    name: str
    folder: str
    models: dict[Kind, Model]
    engines: list[Engine]
    canary: bool  # whether it has a picture on which a backend shows that it works
    problems: list[str]  # files that are missing or altered, with the fix


class Report(Struct, frozen=True, kw_only=True):
    """What `edgereader doctor --json` writes."""

    schema: int = SCHEMA  # version of this layout
    edgereader: str
    system: machine.System
    cpu: machine.Cpu | None  # None = not known, as ``unknown`` says why
    memory: machine.Memory | None  # the same
    nvidia: machine.Nvidia
    jetson: machine.Jetson | None  # None = this is none
    packages: dict[str, str]  # name → version
    opencv: machine.OpenCv | None  # None = not known
    bundle: BundleFacts
    trials: list[Trial]  # every backend with every model of the bundle, best first
    auto: list[Trial]  # what backend "auto" takes for every model, with the reason
    unknown: list[str]  # what could not be found out, with the reason
    seconds: float  # all this took
    working: list[str] = []  # backends that run all models of the bundle, best first
    ok: bool = False  # whether "auto" works, and where there is a GPU, a backend on it
    verdict: str = ""  # the same in a sentence
    advice: list[str] = []  # what should be put right; reasons of single backends are in ``trials``

    @property
    def has_gpu(self) -> bool:
        """Whether the machine has a GPU of NVIDIA's, be it usable or not."""
        return bool(self.nvidia.hardware or self.nvidia.gpus)


def examine(bundle: Bundle, host: Host, timeout_s: float, progress: Callable[[str], None]) -> Report:
    """Find everything out and judge it; ``timeout_s`` for each trial of a model, ``progress`` hears what goes on."""
    begun = perf_counter()
    system = machine.system_facts(host)
    facts = bundle_facts(bundle)
    progress("asking the NVIDIA driver")
    nvidia = machine.nvidia_facts(host, ask_driver())
    trials: dict[str, list[Trial]] = {}
    for backend in (*BACKENDS, AUTO):
        progress(f"trying {backend}")
        trials[backend] = _trials(bundle, backend, list(facts.models), timeout_s, nvidia)
    report = Report(
        edgereader=host.learn("version of edgereader", lambda _: version("edgereader"), "of unknown version"),
        system=system,
        cpu=host.learn("CPU", lambda host: machine.cpu_facts(host, system.architecture), None),
        memory=host.learn("memory", machine.memory_facts, None),
        nvidia=nvidia,
        jetson=host.learn("Jetson", machine.jetson_facts, None),
        packages=host.learn("packages", machine.package_facts, {}),
        opencv=host.learn("OpenCV", machine.opencv_facts, None),
        bundle=facts,
        auto=trials.pop(AUTO),
        trials=list(chain.from_iterable(trials.values())),
        unknown=host.unknown,
        seconds=round(perf_counter() - begun, 1),
    )
    return judge(report)


def _trials(bundle: Bundle, backend: str, kinds: list[Kind], timeout_s: float, nvidia: machine.Nvidia) -> list[Trial]:
    """Try a backend; without a GPU that answers, no GPU backend need be tried."""
    if backend in {ON_CPU, AUTO} or nvidia.problem is None:
        return try_backend(bundle, backend, kinds, timeout_s)
    return [Trial(asked=backend, kind=kind, state="unavailable", reason=nvidia.problem) for kind in kinds]


def bundle_facts(bundle: Bundle) -> BundleFacts:
    """Return what a bundle holds; reads all of its files."""
    manifest = bundle.manifest
    models: dict[Kind, Model] = {}
    checks: list[Callable[[], object]] = []
    if (detector := manifest.detector) is not None:
        models["detector"] = Model(
            architecture=detector.architecture, precisions=list(detector.files), preferred=detector.preferred
        )
    if (recognizer := manifest.recognizer) is not None:
        models["recognizer"] = Model(
            architecture=recognizer.stages, precisions=list(recognizer.files), preferred=recognizer.preferred
        )
    for kind, model in models.items():
        checks += (partial(bundle.file, kind, precision) for precision in model.precisions)
    checks += (partial(bundle.engine, passport) for passport in manifest.engines)
    if (canary := manifest.canary) is not None:
        checks += (partial(bundle.canary_file, file) for file in (canary.image, canary.maps) if file is not None)
    names = [name for name in Engine.__struct_fields__ if name != "file"]
    return BundleFacts(
        name=manifest.name,
        folder=str(bundle.root),
        models=models,
        engines=[
            Engine(file=passport.file.path, **{name: getattr(passport, name) for name in names})
            for passport in manifest.engines
        ],
        canary=canary is not None,
        problems=list(_problems(checks)),
    )


def _problems(checks: list[Callable[[], object]]) -> Iterator[str]:
    for check in checks:
        try:
            check()
        except (BundleError, OSError) as exc:
            yield str(exc)


def judge(report: Report) -> Report:
    """Return the report with what follows from its facts and trials: whether all is well, and what to put right."""
    failing = {trial.asked for trial in report.trials if not trial.works}
    working = [backend for backend in BACKENDS if backend not in failing]
    ok = all(trial.works for trial in report.auto) and not (report.has_gpu and set(working) <= {ON_CPU})
    verdict = _verdict(report.auto, working, ok=ok)
    return replace(report, working=working, ok=ok, verdict=verdict, advice=list(_advice(report)))


def _verdict(auto: list[Trial], working: list[str], *, ok: bool) -> str:
    if not working:
        return "nothing works: no backend runs all models of the bundle; each says why"
    if not all(trial.works for trial in auto):
        return f"backend auto does not work, but {working[0]} does: ask for it (--backend {working[0]})"
    taken = {trial.kind: (trial.backend, trial.precision) for trial in auto}
    chosen = ", ".join(f"{kind} on {backend} in {precision}" for kind, (backend, precision) in taken.items())
    if len(set(taken.values())) == 1:
        chosen = "{} in {}".format(*next(iter(taken.values())))
    if not ok:
        return f"the GPU lies idle, as no GPU backend works; each says why. What runs: {chosen}"
    checked = all(trial.state == "ok" for trial in auto)
    return f"works, {'as the canary shows' if checked else 'unchecked, for want of a canary'}: {chosen}"


def _advice(report: Report) -> Iterator[str]:
    """Yield what should be put right, apart from what single backends say."""
    if not report.system.python_ok:
        yield f"Python {report.system.python}: expected {report.system.python_needed}; make a new virtual environment"
    if report.has_gpu and report.nvidia.problem is not None:
        yield report.nvidia.problem
    if report.jetson is not None:
        yield from _advice_on_jetson(report.jetson, report)
    yield from machine.clashes(report.packages)
    yield from report.bundle.problems
    if not report.bundle.canary:
        folder = report.bundle.folder
        yield f"{folder}: no canary, so that no result can be checked, and no GPU is used; {AGAIN}"


def _advice_on_jetson(jetson: machine.Jetson, report: Report) -> Iterator[str]:
    outside = "which a virtual environment sees when made with --system-site-packages"
    if jetson.power_mode is not None and not jetson.power_mode.startswith(FASTEST_MODE):
        yield (
            f"power mode {jetson.power_mode} is not the fastest: `nvpmodel -p --verbose` lists all, "
            "`sudo nvpmodel -m ID` takes one"
        )
    if jetson.tensorrt is not None and "tensorrt" not in report.packages:
        yield f"this Python does not find JetPack's TensorRT {jetson.tensorrt}, {outside}"
    if report.opencv is not None and not report.opencv.gstreamer:
        yield (
            "this OpenCV has no GStreamer, which a Jetson's cameras need: pip uninstall -y opencv-python-headless, "
            f"and use JetPack's, {outside}"
        )
