"""What follows from an examination: whether all is well, and what should be put right."""

from collections.abc import Iterator

from msgspec.structs import replace

from ..sessions.canary import AGAIN
from ..sessions.opening import BACKENDS
from .gpu import Jetson
from .packages import clashes
from .report import ON_CPU, Report
from .trials import Trial

FASTEST_MODE = "MAXN"
"""What the name of a Jetson's fastest power mode begins with."""


def judge(report: Report) -> Report:
    """Fill in what follows from the facts and the trials."""
    working = [each for each in BACKENDS if all(trial.works for trial in report.trials if trial.asked == each)]
    ok = all(each.works for each in report.auto) and not (report.has_gpu and set(working) <= {ON_CPU})
    verdict = _verdict(report.auto, working, ok=ok)
    return replace(report, working=working, ok=ok, verdict=verdict, advice=list(_advice(report)))


def _verdict(auto: list[Trial], working: list[str], *, ok: bool) -> str:
    if not working:
        return "nothing works: no backend runs all models of the bundle; each says why"
    if not all(each.works for each in auto):
        return f"backend auto does not work, but {working[0]} does: ask for it (--backend {working[0]})"
    chosen = _chosen(auto)
    if not ok:
        return f"the GPU lies idle, as no GPU backend works; each says why. What runs: {chosen}"
    checked = "as the canary shows" if all(each.state == "ok" for each in auto) else "unchecked, for want of a canary"
    return f"works, {checked}: {chosen}"


def _chosen(auto: list[Trial]) -> str:
    """For example "cpu in int8", or "detector on cuda in fp16, recognizer on cpu in int8"."""
    taken = {each.kind: (each.backend, each.precision) for each in auto}
    if len(set(taken.values())) == 1:
        return "{} in {}".format(*next(iter(taken.values())))
    return ", ".join(f"{kind} on {backend} in {precision}" for kind, (backend, precision) in taken.items())


def _advice(report: Report) -> Iterator[str]:
    """What should be put right, apart from what single backends say."""
    if not report.system.python_ok:
        yield f"Python {report.system.python}: expected {report.system.python_needed}; make a new virtual environment"
    if report.has_gpu and report.nvidia.problem is not None:
        yield report.nvidia.problem
    if report.jetson is not None:
        yield from _advice_on_jetson(report.jetson, report)
    yield from clashes(report.packages)
    yield from report.bundle.problems
    if not report.bundle.canary:
        folder = report.bundle.folder
        yield f"{folder}: no canary, so that no result can be checked, and no GPU is used; {AGAIN}"


def _advice_on_jetson(jetson: Jetson, report: Report) -> Iterator[str]:
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
