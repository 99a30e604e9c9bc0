import json
import os
import subprocess
import sys

import pytest

from edgereader.runtime.bundles.bundle import Bundle
from edgereader.runtime.commands.diagnosis import trials as module
from edgereader.runtime.commands.diagnosis.trials import _trial, ask_driver, try_backend
from edgereader.runtime.errors import BackendError, BackendUnavailable
from edgereader.runtime.sessions.nvidia import Driver, Gpu

from .conftest import add_canary

BOTH = ["detector", "recognizer"]


@pytest.fixture
def bundle(proven_folder):
    return Bundle.open(proven_folder)


def test_cpu_runs_the_canary(bundle):
    trials = try_backend(bundle, "cpu", BOTH, 60)
    assert [(trial.kind, trial.state, trial.backend, trial.precision) for trial in trials] == [
        ("detector", "ok", "cpu", "fp32"),
        ("recognizer", "ok", "cpu", "fp32"),
    ]
    assert [trial.input_shape for trial in trials] == [(1, 64, 96, 3), (1, 32, 100, 1)]
    assert [trial.seen for trial in trials] == ["maps 0.0% off, 4% allowed", "reads '7'"]
    assert all(trial.open_ms > 0 and trial.run_ms > 0 and trial.reason is None for trial in trials)


def test_a_relative_folder_of_the_working_directory(proven_folder, monkeypatch):
    monkeypatch.chdir(proven_folder.parent)
    (trial,) = try_backend(Bundle.open(f"./{proven_folder.name}"), "cpu", ["detector"], 60)
    assert trial.works


def test_nothing_in_the_working_directory_is_run(bundle, tmp_path, monkeypatch):
    (tmp_path / "numpy.py").write_text("raise SystemExit('taken for numpy')")
    monkeypatch.chdir(tmp_path)
    (trial,) = try_backend(bundle, "cpu", ["detector"], 60)
    assert trial.works


def test_a_crash_ends_its_model_only(bundle, stand_in):
    stand_in("""
real = process.open_unproven
def open_unproven(bundle, kind, *rest):
    if kind == "detector":
        os.abort()
    return real(bundle, kind, *rest)
process.open_unproven = open_unproven
""")
    crashed, ran = try_backend(bundle, "cpu", BOTH, 60)
    assert (crashed.kind, crashed.state, crashed.works) == ("detector", "crashed", False)
    assert crashed.reason.startswith("SIGABRT in open_unproven (<string>); most likely a library does not fit")
    assert (ran.kind, ran.state) == ("recognizer", "ok")


@pytest.mark.parametrize(("name", "fix"), [("SIGILL", "another processor"), ("SIGKILL", "memory ran out")])
def test_signals_with_a_cause_of_their_own(bundle, stand_in, name, fix):
    stand_in(f"import signal\nprocess.open_unproven = lambda *_: os.kill(os.getpid(), signal.{name})")
    (trial,) = try_backend(bundle, "cpu", ["detector"], 60)
    assert trial.state == "crashed"
    assert name in trial.reason
    assert fix in trial.reason


def test_a_crash_after_the_answer_is_reported_too(bundle, stand_in):
    stand_in("import atexit\natexit.register(os.abort)")
    detector, recognizer = try_backend(bundle, "cpu", BOTH, 60)
    assert detector.state == "ok"
    assert (recognizer.state, recognizer.run_ms is None) == ("crashed", False)
    assert recognizer.reason.startswith("after its answer: SIGABRT")


def test_a_process_that_hangs(bundle, stand_in):
    stand_in("process.open_unproven = lambda *_: time.sleep(600)")
    (trial,) = try_backend(bundle, "tensorrt-ep", ["detector"], 3)
    assert (trial.state, trial.works) == ("timeout", False)
    assert trial.reason.startswith("no answer in 3 s; it hangs, or builds engines")


@pytest.mark.parametrize(("code", "says"), [(3, "exit code 3: sorry"), (0, "exit code 0: sorry")])
def test_a_process_that_ends_without_an_answer(bundle, stand_in, code, says):
    stand_in(f"process.open_unproven = lambda *_: (os.write(2, b'sorry'), os._exit({code}))")
    trials = try_backend(bundle, "cpu", BOTH, 60)
    assert [(trial.state, trial.reason) for trial in trials] == [("crashed", says)] * 2


def test_an_exit_in_the_middle(bundle, stand_in):
    stand_in("""
real = process.open_unproven
process.open_unproven = lambda b, kind, *x: real(b, kind, *x) if kind == "detector" else os._exit(0)
""")
    assert [trial.state for trial in try_backend(bundle, "cpu", BOTH, 60)] == ["ok", "crashed"]


def test_a_driver_that_answers(stand_in):
    gpu = Gpu("Orin", "sm87", 8 << 30, integrated=True)
    stand_in(
        "from edgereader.runtime.sessions.nvidia import Driver, Gpu\n"
        f"process.nvidia_driver = lambda: {Driver((12, 6), (gpu,))}"
    )
    assert ask_driver() == Driver((12, 6), (gpu,))


def test_a_driver_that_refuses(stand_in):
    stand_in("""
def nvidia_driver():
    raise process.BackendUnavailable("no NVIDIA GPU: make one visible")
process.nvidia_driver = nvidia_driver
""")
    assert ask_driver() == "no NVIDIA GPU: make one visible"


def test_a_driver_that_crashes_or_hangs(stand_in, monkeypatch):
    stand_in("process.nvidia_driver = os.abort")
    assert ask_driver().startswith("NVIDIA driver: crashed: SIGABRT")
    monkeypatch.setattr(module, "DRIVER_TIMEOUT_S", 2)
    stand_in("process.nvidia_driver = lambda: time.sleep(600)")
    assert ask_driver().startswith("NVIDIA driver: timeout: no answer in 2 s; see")


def test_a_process_that_no_signal_ends(bundle, stand_in, monkeypatch):
    monkeypatch.setattr(module.subprocess.Popen, "kill", lambda _: None)
    monkeypatch.setattr(module, "GOODBYE_S", 0.1)
    stand_in("process.open_unproven = lambda *_: time.sleep(4)")
    (trial,) = try_backend(bundle, "cpu", ["detector"], 2)
    assert trial.state == "timeout"


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
        "import os; from edgereader.runtime.commands.diagnosis import trials as process\n"
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
        "import sys; from edgereader.runtime.commands.diagnosis.trials import main\n"
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
