"""A network at the end of a link, a stand-in of a Triton server, and the real one."""

import pytest

from edgereader.runtime.bundles.bundle import Bundle
from edgereader.runtime.bundles.manifest import ShapeRange
from edgereader.runtime.sessions.onnx_runtime import OnnxRuntimeSession
from edgereader.runtime.sessions.profiles import default_profile
from edgereader.runtime.sessions.triton.contract import IMAGES, OUTPUTS, Served, identity_of

KINDS = "detector", "recognizer"


@pytest.fixture
def bundle(canary_folder):
    """A test bundle with a canary."""
    return Bundle.open(canary_folder)


@pytest.fixture
def describe(bundle):
    """What a server says of a network of the test bundle: describe(kind, **changes) -> Served."""

    def make(kind, **changes):
        graph = OnnxRuntimeSession(bundle.read(kind))
        said = {
            "identity": identity_of(bundle, kind),
            "backend": "cpu",
            "precision": "fp32",
            "threads": 1,
            "limits": default_profile(bundle, kind)[IMAGES[kind]],
            "outputs": {name: graph.output_shape(name) for name in OUTPUTS[kind]},
        }
        return Served(**said | changes)

    return make


@pytest.fixture
def small():
    """Limits of a detector: one canvas of up to 64 by 96 pixels."""
    return ShapeRange(min=(1, 32, 32, 3), opt=(1, 32, 32, 3), max=(1, 64, 96, 3))
