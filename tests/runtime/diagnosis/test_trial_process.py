import json
import os
import subprocess
import sys

import pytest

from edgereader.runtime.bundles.bundle import Bundle
from edgereader.runtime.diagnosis import trial_process as module
from edgereader.runtime.diagnosis.trial_process import _trial
from edgereader.runtime.errors import BackendError, BackendUnavailable

from .conftest import add_canary


@pytest.fixture
def trial(proven_folder):
    def trial(backend, kind="detector", folder=proven_folder):
        return _trial(Bundle.open(folder), backend, kind)

    return trial


def test_auto_says_why(trial, monkeypatch):
    monkeypatch.setattr("edgereader.runtime.sessions.opening.nvidia_driver", _refuse)
    found = trial("auto")
    assert (found.asked, found.backend, found.state) == ("auto", "cpu", "ok")
    assert found.reason == "no NVIDIA driver (none); install it"


def test_a_canary_that_comes_out_wrong(trial, make_bundle):
    wrong = add_canary(make_bundle(), text="8")
    found = trial("cpu", "recognizer", wrong)
    assert found.state == "failed"
    assert "expected to read '8' on the bundle's canary, got '7'" in found.reason


def test_no_canary_is_a_state_of_its_own(trial, bundle_folder):
    for kind, shape in (("detector", (1, 256, 256, 3)), ("recognizer", (1, 32, 100, 1))):
        found = trial("cpu", kind, bundle_folder)
        assert (found.state, found.works, found.input_shape) == ("unchecked", True, shape)


def test_no_gpu_passes_without_canary(trial, bundle_folder, monkeypatch):
    monkeypatch.setattr(module, "open_unproven", lambda bundle, kind, *_: Disguised(bundle, kind))
    found = trial("cuda", "detector", bundle_folder)
    assert found.state == "failed"
    assert "expected a canary to check cuda with" in found.reason


@pytest.mark.parametrize(
    ("error", "state", "says"),
    [
        (BackendUnavailable("cuda: pip install this"), "unavailable", "cuda: pip install this"),
        (BackendError("cuda: out of memory; do that"), "failed", "cuda: out of memory; do that"),
        (KeyError("x"), "failed", "KeyError: 'x'; not foreseen: please report it"),
    ],
)
def test_errors(trial, monkeypatch, error, state, says):
    def fail(*_):
        raise error

    monkeypatch.setattr(module, "open_unproven", fail)
    found = trial("cuda")
    assert found.state == state
    assert found.reason.startswith(says)


def test_what_libraries_print_is_no_answer(proven_folder):
    program = (
        "import os; from edgereader.runtime.diagnosis import trial_process as process\n"
        "def nvidia_driver():\n"
        "    print('noise', flush=True); os.write(1, b'more')\n"
        "    return process.Driver((12, 6), ())\n"
        "process.nvidia_driver = nvidia_driver\n"
        "process.main(['driver'])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, check=True)
    assert json.loads(done.stdout) == {"cuda_version": [12, 6], "gpus": []}
    assert done.stderr == b"noise\nmore"


def test_a_process_imports_no_network(proven_folder):
    program = (
        "import sys; from edgereader.runtime.diagnosis.trial_process import main\n"
        f"main([{os.fspath(proven_folder)!r}, 'cpu', 'detector', 'recognizer'])\n"
        "print(*sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, check=True, text=True)
    assert len(done.stdout.splitlines()) == 2
    assert not {"torch", "onnx", "edgereader.models", "edgereader.export"} & set(done.stderr.split())
    assert "onnxruntime" in done.stderr.split()


class Disguised:
    """A session of the CPU that calls itself cuda."""

    def __init__(self, bundle, kind):
        session = module.open_session(bundle, kind, "cpu")
        self.backend, self.precision = "cuda", session.precision
        self.output_shape, self.limits, self.bind = session.output_shape, session.limits, session.bind


def _refuse():
    raise BackendUnavailable("no NVIDIA driver (none); install it")
