"""The whole examination."""

from collections.abc import Callable
from importlib.metadata import version
from itertools import chain
from time import perf_counter

from msgspec import Struct

from ..bundles.bundle import Bundle
from ..bundles.manifest import Kind
from ..sessions.opening import BACKENDS
from .gpu import Jetson, Nvidia, jetson_facts, nvidia_facts
from .host import Host
from .machine import Cpu, Memory, System, cpu_facts, memory_facts, system_facts
from .models import BundleFacts, bundle_facts
from .packages import OpenCv, opencv_facts, package_facts
from .trials import AUTO, Trial, ask_driver, try_backend

SCHEMA = 1
ON_CPU = "cpu"


class Report(Struct, frozen=True, kw_only=True):
    """What `edgereader doctor --json` writes."""

    schema: int = SCHEMA
    """Version of this layout."""
    edgereader: str
    """Version of EdgeReader."""
    system: System
    """Python and the operating system."""
    cpu: Cpu | None
    """The processor; None = not known, as ``unknown`` says why."""
    memory: Memory | None
    """The machine's memory; None = not known."""
    nvidia: Nvidia
    """NVIDIA's hardware and software."""
    jetson: Jetson | None
    """What a Jetson says about itself; None = this is none."""
    packages: dict[str, str]
    """Name → version of the Python packages that matter."""
    opencv: OpenCv | None
    """The library ``cv2``; None = not known."""
    bundle: BundleFacts
    """The bundle that was tried."""
    trials: list[Trial]
    """Every backend with every model of the bundle, best first."""
    auto: list[Trial]
    """What backend "auto" takes for every model, with the reason."""
    unknown: list[str]
    """What could not be found out, with the reason."""
    seconds: float
    """How long all this took."""
    working: list[str] = []
    """Backends that run all models of the bundle, best first."""
    ok: bool = False
    """Whether "auto" works, and where there is a GPU, a backend on it."""
    verdict: str = ""
    """The same in a sentence."""
    advice: list[str] = []
    """What should be put right; reasons of single backends are in ``trials``."""

    @property
    def has_gpu(self) -> bool:
        """Whether the machine has a GPU of NVIDIA's, be it usable or not."""
        return bool(self.nvidia.hardware or self.nvidia.gpus)


def examine(bundle: Bundle, host: Host, timeout_s: float, say: Callable[[str], None]) -> Report:
    """Find everything out; ``timeout_s`` for each trial of a model, ``say`` is told what goes on."""
    begun = perf_counter()
    system = system_facts(host)
    facts = bundle_facts(bundle)
    kinds = list(facts.models)
    say("asking the NVIDIA driver")
    nvidia = nvidia_facts(host, ask_driver())
    trials: dict[str, list[Trial]] = {}
    for backend in (*BACKENDS, AUTO):
        say(f"trying {backend}")
        trials[backend] = _trials(bundle, backend, kinds, timeout_s, nvidia)
    return Report(
        edgereader=host.learn("version of edgereader", lambda _: version("edgereader"), "of unknown version"),
        system=system,
        cpu=host.learn("CPU", lambda host: cpu_facts(host, system.architecture), None),
        memory=host.learn("memory", memory_facts, None),
        nvidia=nvidia,
        jetson=host.learn("Jetson", jetson_facts, None),
        packages=host.learn("packages", package_facts, {}),
        opencv=host.learn("OpenCV", opencv_facts, None),
        bundle=facts,
        auto=trials.pop(AUTO),
        trials=list(chain.from_iterable(trials.values())),
        unknown=host.unknown,
        seconds=round(perf_counter() - begun, 1),
    )


def _trials(bundle: Bundle, backend: str, kinds: list[Kind], timeout_s: float, nvidia: Nvidia) -> list[Trial]:
    """Without a GPU that answers, no GPU backend need be tried."""
    if backend in {ON_CPU, AUTO} or nvidia.problem is None:
        return try_backend(bundle, backend, kinds, timeout_s)
    return [Trial(asked=backend, kind=kind, state="unavailable", reason=nvidia.problem) for kind in kinds]
