import pytest

from edgereader.runtime.bundles.bundle import Bundle
from edgereader.runtime.diagnosis import trials as module
from edgereader.runtime.diagnosis.trials import ask_driver, try_backend
from edgereader.runtime.sessions.nvidia import Driver, Gpu

BOTH = ["detector", "recognizer"]


@pytest.fixture
def bundle(proven_folder):
    return Bundle.open(proven_folder)


def test_cpu_runs_the_canary(bundle):
    trials = try_backend(bundle, "cpu", BOTH, 60)
    assert [(each.kind, each.state, each.backend, each.precision) for each in trials] == [
        ("detector", "ok", "cpu", "fp32"),
        ("recognizer", "ok", "cpu", "fp32"),
    ]
    assert [each.input_shape for each in trials] == [(1, 64, 96, 3), (1, 32, 100, 1)]
    assert [each.seen for each in trials] == ["maps 0.0% off, 4% allowed", "reads '7'"]
    assert all(each.open_ms > 0 and each.run_ms > 0 and each.reason is None for each in trials)


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


def test_a_crash_after_the_answer_is_told_too(bundle, stand_in):
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
    assert [(each.state, each.reason) for each in trials] == [("crashed", says)] * 2


def test_an_exit_in_the_middle(bundle, stand_in):
    stand_in("""
real = process.open_unproven
process.open_unproven = lambda b, kind, *x: real(b, kind, *x) if kind == "detector" else os._exit(0)
""")
    assert [each.state for each in try_backend(bundle, "cpu", BOTH, 60)] == ["ok", "crashed"]


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
