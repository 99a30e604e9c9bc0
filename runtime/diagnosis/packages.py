"""Python packages that matter to a backend, and those that stand in each other's way."""

import re
from importlib.metadata import distributions
from importlib.util import find_spec
from pathlib import Path

from msgspec import Struct

from .host import Host

OF_INTEREST = re.compile(
    r"numpy|click|msgspec|opencv-.+|onnxruntime.*|tensorrt(-rtx)?(-cu\d+)?|pycuda|cuda-(bindings|python)"
    r"|nvidia-(cudnn|cuda-runtime).*|torch|jetson-stats"
)
RIVALS = (
    (re.compile(r"onnxruntime(-(gpu|openvino|directml|rocm|migraphx))?"), "onnxruntime-gpu"),
    (re.compile(r"opencv-(contrib-)?python(-headless)?"), "opencv-python-headless"),
)
"""Packages that write into one folder, so that only the one installed last is whole → the one to keep."""


class OpenCv(Struct, frozen=True, kw_only=True):
    """The library ``cv2``."""

    version: str
    """Its version."""
    gstreamer: bool
    """Whether it opens GStreamer pipelines, as the cameras of a Jetson need."""
    ffmpeg: bool
    """Whether it opens videos and network streams with FFmpeg."""
    path: str
    """Where it lies: JetPack's lies outside of a virtual environment."""


def package_facts(_: Host) -> dict[str, str]:
    """Name → version of what is installed and matters here, by name."""
    found: dict[str, str] = {}
    for each in distributions():
        name = re.sub(r"[-_.]+", "-", each.metadata["Name"] or "").lower()
        if OF_INTEREST.fullmatch(name):
            found.setdefault(name, each.version)  # the first on sys.path is the one that is imported
    for name in ("tensorrt", "tensorrt_rtx"):  # JetPack's may come without its papers
        if find_spec(name) is not None:
            found.setdefault(name.replace("_", "-"), "of unknown version")
    return dict(sorted(found.items()))


def opencv_facts(_: Host) -> OpenCv:
    """What the library ``cv2`` was built with."""
    import cv2

    built = cv2.getBuildInformation()
    has = {name: bool(re.search(rf"^\s*{name}:\s*YES", built, re.MULTILINE)) for name in ("GStreamer", "FFMPEG")}
    path = str(Path(cv2.__file__).parent)
    return OpenCv(version=cv2.__version__, gstreamer=has["GStreamer"], ffmpeg=has["FFMPEG"], path=path)


def clashes(packages: dict[str, str]) -> list[str]:
    """What is wrong with the packages together, with the fix."""
    advice = []
    for family, keep in RIVALS:
        if len(both := [name for name in packages if family.fullmatch(name)]) > 1:
            names = " ".join(both)
            advice.append(
                f"{' and '.join(both)} write into one folder, and only the one installed last works: "
                f"pip uninstall -y {names} && pip install {keep if keep in both else both[0]}"
            )
    return advice
