"""TensorRT's session: against a stand-in of TensorRT and CUDA (`stand_in.py`), and at the end on a real GPU."""

import gc
import os
import re
import shutil
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from msgspec.structs import replace

from edgereader.runtime.bundles.bundle import Bundle, write_bundle
from edgereader.runtime.bundles.manifest import ShapeRange
from edgereader.runtime.errors import BackendError, BackendUnavailable
from edgereader.runtime.extras import pip_install
from edgereader.runtime.reader import Reader
from edgereader.runtime.sessions.nvidia import nvidia_driver
from edgereader.runtime.sessions.tensorrt.plans import usable_plan
from edgereader.runtime.sessions.tensorrt.session import Launch, TensorRTSession

from ...graphs import CHARSET
from .. import stand_in
from ..engine_bundles import PROFILES, VERSIONS, add_plan

CLASSES = len(CHARSET) + 1
CROPS = {"crops": (8, 32, 100, 1), "allowed": (CLASSES,), "symbols": (8, 1), "log_probs": (8, 1, CLASSES)}
BACKENDS = tuple(VERSIONS)


def maps(height, width, rows=1):
    return {
        "image": (rows, height, width, 3),
        "region": (rows, height // 2, width // 2),
        "affinity": (rows, height // 2, width // 2),
    }


def opened(folder, kind="detector", backend="tensorrt", precision=None):
    return TensorRTSession(Bundle.open(folder), kind, backend, precision)


def bound(session, height=64, width=96, rows=1):
    return session.bind(maps(height, width, rows), batched=tuple(maps(1, 1)))


def seen_in_turn(session, levels, *size):
    """What two bindings compute of grey levels in turn: the input of one is written and copied while the other runs."""
    pair, seen = (bound(session, *size), bound(session, *size)), []
    for number, level in enumerate(levels):
        now, before = pair[number % 2], pair[1 - number % 2]
        now.inputs["image"][..., 2] = level
        now.start(1)
        if number:
            before.wait()
            seen.append(float(before.outputs["region"].mean()) * 255)
    return seen


@pytest.mark.parametrize("eager", [False, True])
@pytest.mark.parametrize("integrated", [False, True])
@pytest.mark.parametrize("backend", BACKENDS)
def test_stand_in_computes_what_was_written(folder, monkeypatch, backend, integrated, eager):
    gpu = stand_in.Gpu(integrated=integrated, eager=eager)
    stand_in.install(monkeypatch, gpu)
    session = opened(folder, "detector", backend)
    assert (session.backend, session.precision) == (backend, "fp32")
    assert session.output_shape("region") == (None, None, None)
    binding = bound(session)
    for level in (255, 51, 102, 0):
        binding.inputs["image"][..., 2] = level
        binding.run(1)
        assert np.allclose(binding.outputs["region"], level / 255)
    assert integrated == ("memcpy_htod_async" not in gpu.calls) == ("memcpy_dtoh_async" not in gpu.calls)


def test_stand_in_a_plan_is_read_once_so_that_what_runs_is_what_was_checked(folder, monkeypatch):
    read, original = [], Path.open

    def counted(path, *arguments, **options):
        read.append(path.suffix)
        return original(path, *arguments, **options)

    stand_in.install(monkeypatch, stand_in.Gpu())
    monkeypatch.setattr(Path, "open", counted)
    monkeypatch.setattr(Path, "read_bytes", lambda path: read.append(path.suffix) or b"swapped")
    opened(folder)
    assert read.count(".engine") == 1


@pytest.fixture
def readable_folder(canary_folder, tmp_path):
    """A bundle with a canary, and plans of both kinds for both backends."""
    folder = tmp_path / "bundle"
    shutil.copytree(canary_folder, folder)
    for backend in BACKENDS:
        for kind in PROFILES:
            add_plan(folder, kind, backend)
    return folder


@pytest.mark.parametrize("backend", BACKENDS)
def test_stand_in_reads_as_cpu_does(readable_folder, gpu, scene, backend):
    expected = Reader(readable_folder, "cpu").read(scene)
    got = Reader(readable_folder, backend).read(scene)
    assert [(reading.text, reading.confidence) for reading in got] == [
        (reading.text, reading.confidence) for reading in expected
    ]
    assert {reading.text for reading in got} >= {"7", "5"}


def test_stand_in_allocates_once_per_binding(folder, gpu):
    session = opened(folder, "recognizer")
    binding = session.bind(CROPS, batched=("crops", "symbols", "log_probs"))
    for batch in (8, 8, 3, 3, 1, 1, 5):
        binding.run(batch)
    before, addresses = gpu.calls.copy(), [array.ctypes.data for array in (binding.inputs | binding.outputs).values()]
    held = gpu.held
    for batch in (1, 3, 8, 4, 2, 2, 7, 6) * 5:
        binding.run(batch)
    made = ("mem_alloc", "pagelocked_empty", "Stream", "Event", "create_execution_context")
    assert [gpu.calls.count(call) for call in made] == [before.count(call) + (call == made[-1]) for call in made]
    assert addresses == [array.ctypes.data for array in (binding.inputs | binding.outputs).values()]
    after = gpu.held
    assert after[:2] == held[:2]  # and batch 2 was new: one context and one graph


def test_stand_in_runs_the_first_rows_only_and_the_rest_whole(folder, gpu):
    session = opened(folder, "recognizer")
    binding = session.bind(CROPS, batched=("crops", "symbols", "log_probs"))
    assert session.output_shape("log_probs") == (None, 1, CLASSES)
    binding.outputs["symbols"][...] = -1
    binding.inputs["crops"][...] = 255
    binding.run(3)
    assert binding.outputs["symbols"][:, 0].tolist() == [CLASSES - 1] * 3 + [-1] * 5
    binding.inputs["allowed"][-1] = -1e4
    binding.run(5)
    assert binding.outputs["symbols"][:, 0].tolist() == [CLASSES - 2] * 5 + [-1] * 3
    assert gpu.launches == [4, 8]


def test_stand_in_without_a_batch_axis_runs_all(folder, gpu):
    binding = opened(folder).bind(maps(64, 96, 2), batched=())
    binding.inputs["image"][..., 2] = 255
    binding.run(1)
    assert np.all(binding.outputs["region"] == 1)
    assert gpu.launches == [2]


def test_stand_in_rows_stay_within_the_plans_batch(folder, gpu):
    profile = {"crops": ShapeRange(min=(3, 32, 100, 1), opt=(3, 32, 100, 1), max=(6, 32, 100, 1))}
    onnx = Bundle.open(folder).file("recognizer").read_bytes()
    add_plan(folder, "recognizer", contents=stand_in.make_plan(onnx, profile), profile=profile)
    shapes = {name: (6, *shape[1:]) if shape[0] == 8 else shape for name, shape in CROPS.items()}
    binding = opened(folder, "recognizer").bind(shapes, batched=("crops", "symbols", "log_probs"))
    for batch in (1, 2, 3, 5, 6):
        binding.run(batch)
    assert gpu.launches == [3, 3, 4, 6, 6]
    for batch in (0, 7):
        with pytest.raises(BackendError, match="batch of 1 to 6"):
            binding.run(batch)


@pytest.mark.parametrize("eager", [False, True])
def test_stand_in_of_two_bindings_in_turn(folder, monkeypatch, eager):
    stand_in.install(monkeypatch, stand_in.Gpu(eager=eager))
    assert np.allclose(seen_in_turn(opened(folder), range(0, 160, 20)), range(0, 140, 20))


def test_stand_in_copies_in_before_the_run_before_is_done(folder, gpu):
    session = opened(folder)
    first, second = bound(session), bound(session)
    first.start(1)
    second.inputs["image"][...] = 200
    second.start(1)
    with session.device.current():
        session.uploads.wait()
    assert gpu.launches == []
    arrived = gpu.at(second._arrays["image"].address, 64 * 96 * 3)
    assert np.all(arrived == 200)


def test_stand_in_starts_again_after_waiting(folder, gpu):
    binding = bound(opened(folder))
    binding.start(1)
    binding.start(1)
    assert gpu.launches == [1]
    binding.wait()
    binding.wait()
    assert gpu.launches == [1, 1]


def test_stand_in_captures_the_second_run_and_replays_it(folder, gpu):
    binding = bound(opened(folder))
    for level in (0, 85, 170, 255):
        binding.inputs["image"][..., 2] = level
        binding.run(1)
        assert np.allclose(binding.outputs["region"], level / 255)
    assert gpu.calls.count("execute_async_v3") == 2  # plainly, then into the graph
    assert gpu.calls.count("cuGraphLaunch") == 3
    assert gpu.launches == [1] * 4


def test_stand_in_of_tensorrt_rtx_captures_by_itself(folder, gpu):
    session = opened(folder, backend="tensorrt-rtx")
    binding = bound(session)
    for _ in range(3):
        binding.run(1)
    assert "cuStreamBeginCapture" not in gpu.calls
    assert gpu.calls.count("execute_async_v3") == 3
    assert session.engine._contexts.cuda_graph_strategy.name == "WHOLE_GRAPH_CAPTURE"


@pytest.mark.parametrize("broken", ["cuStreamBeginCapture", "cuStreamEndCapture", "cuGraphInstantiate", "capture"])
def test_stand_in_launches_plainly_where_capture_fails(folder, gpu, caplog, broken):
    gpu.fail(broken)
    session = opened(folder)
    for binding in (bound(session), bound(session)):
        for level in (51, 102, 255):
            binding.inputs["image"][..., 2] = level
            binding.run(1)
            assert np.allclose(binding.outputs["region"], level / 255)
    assert "cuGraphLaunch" not in gpu.calls
    assert len([record for record in caplog.records if "without CUDA graphs" in record.message]) == 1


def test_stand_in_graphs_are_captured_anew_when_memory_moves(folder, gpu):
    session = opened(folder)
    small = bound(session)
    for _ in range(3):
        small.run(1)
    large = bound(session, 640, 640)
    for binding in (large, small) * 3:
        binding.inputs["image"][..., 2] = 255
        binding.run(1)
        assert np.all(binding.outputs["region"] == 1)
        binding.outputs["region"][...] = 0
    assert gpu.calls.count("cuGraphInstantiate") == 3
    assert gpu.calls.count("execute_async_v3") == 6  # plainly first, each time


def test_stand_in_memory_moves_when_nothing_runs_in_it(folder, gpu):
    session = opened(folder)
    small = bound(session)
    small.inputs["image"][..., 2] = 255
    small.start(1)
    bound(session, 640, 640)
    small.wait()
    assert np.all(small.outputs["region"] == 1)
    assert gpu.faults == []


def test_stand_in_out_of_memory_leaves_a_smaller_canvas_usable(folder, monkeypatch):
    gpu = stand_in.Gpu(capacity=2_000_000)
    stand_in.install(monkeypatch, gpu)
    session = opened(folder)
    small = bound(session)
    small.run(1)
    held = gpu.held
    with pytest.raises(BackendError, match=r"out of device memory: .*; use a smaller canvas \(long_side_px\)"):
        bound(session, 640, 640)
    gc.collect()
    assert gpu.held[1:] == held[1:]
    assert len(gpu.memory) <= held[0]
    for binding in (small, bound(session, 320, 320), small):
        binding.inputs["image"][..., 2] = 255
        binding.run(1)
        assert np.all(binding.outputs["region"] == 1)


FAILING = {
    "open": (
        "init Device retain_primary_context Context.push Stream Runtime deserialize_cuda_engine create_runtime_config "
        "set_runtime_cache"
    ),
    "bind": (
        "Context.push pagelocked_empty mem_alloc Event create_execution_context set_input_shape set_tensor_address"
    ),
    "run": (
        "Context.push memcpy_htod_async memcpy_dtoh_async Event.record Stream.wait_for_event execute_async_v3 "
        "Event.synchronize"
    ),
    "replay": "cuGraphLaunch",
}
STEPS = [(step, call) for step, calls in FAILING.items() for call in calls.split()]


@pytest.mark.parametrize("after", [0, 1])
@pytest.mark.parametrize(("step", "call"), STEPS)
def test_stand_in_checks_every_status_and_frees_all(folder, gpu, step, call, after):
    backend = "tensorrt-rtx" if call in {"create_runtime_config", "set_runtime_cache"} else "tensorrt"
    steps = [
        ("open", lambda: opened(folder, backend=backend)),
        ("bind", lambda: bound(held["open"])),
        ("run", lambda: held["bind"].run(1)),
        ("replay", lambda: [held["bind"].run(1) for _ in range(3)]),
    ]
    held, said = {}, ""
    for name, act in steps:
        if name == step:
            gpu.fail(call, after)
        try:
            held[name] = act()
        except BackendError as exc:
            said = str(exc)
            break
    assert said or gpu.failing[call] >= 0, f"{call} failed, and nobody said so"
    if said:
        assert re.search(r"; (use|see|build|the GPU|start)", said), "names no fix"
        assert "\n" not in said
    if said and call in {"Runtime", "deserialize_cuda_engine", "create_execution_context", "execute_async_v3"}:
        assert "Error Code 1: stand-in" in said
    gpu.failing.clear()
    if step in {"run", "replay"}:
        held["bind"].run(1)
    del act, steps
    held.clear()
    gc.collect()
    assert gpu.held == (0, 0, 0)
    assert gpu.leaked == []


def test_stand_in_frees_what_is_forgotten(folder, gpu):
    session = opened(folder)
    binding = bound(session)
    for _ in range(3):
        binding.run(1)
    view = binding.outputs["region"][0, :2]
    held = gpu.held
    for size in (64, 96, 128, 64) * 5:
        other = bound(session, size, 128)
        other.run(1)
        other.run(1)
        del other
    assert gpu.held == held
    binding.start(1)
    del binding, session
    assert gpu.faults == []
    assert gpu.held == (0, 1, 0)  # the array that is still looked at
    assert view.shape == (2, 48)
    del view
    assert gpu.held == (0, 0, 0)
    assert gpu.leaked == []


def test_stand_in_frees_all_at_exit(folder):
    """Also when a run has been started, and nobody waits for it."""
    here = Path(__file__)
    code = f"""
import atexit, importlib, sys
import pytest
sys.path.insert(0, {str(here.parents[1])!r})
import stand_in
gpu = stand_in.Gpu()
atexit.register(lambda: print(gpu.held, gpu.leaked, gpu.faults, gpu.launches))
stand_in.install(pytest.MonkeyPatch(), gpu)
from edgereader.runtime.bundles.bundle import Bundle
from edgereader.runtime.sessions.tensorrt.session import TensorRTSession
session = TensorRTSession(Bundle.open({str(folder)!r}), "detector", "tensorrt", None)
shapes = {maps(64, 96)!r}
binding = session.bind(shapes, batched=tuple(shapes))
binding.start(1)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.stdout.strip(), done.stderr) == ("(0, 0, 0) [] [] [1]", "")


def test_stand_in_closed_sessions_and_bindings_do_not_run(folder, gpu):
    session = opened(folder)
    first, second = bound(session), bound(session)
    first.start(1)
    first.close()
    first.close()
    assert gpu.launches == [1]
    second.run(1)
    session.close()
    for binding in (first, second):
        with pytest.raises(BackendError, match="got a closed one"):
            binding.run(1)
    with pytest.raises(BackendError, match="got a closed one"):
        bound(session)
    del first, second, binding
    assert gpu.held == (0, 0, 0)


@pytest.mark.parametrize("backend", BACKENDS)
def test_stand_in_of_threads_that_share_a_session(folder, gpu, backend):
    """Each with bindings of its own, some of which are forgotten, and a canvas that moves the common memory."""
    session, wrong = opened(folder, backend=backend), []

    def work(level, height):
        for size in (height, 640) * 4:
            binding = bound(session, size, 96)
            for _ in range(3):
                binding.inputs["image"][..., 2] = level
                binding.run(1)
                if not np.allclose(binding.outputs["region"], level / 255):
                    wrong.append(level)
                binding.outputs["region"][...] = -1

    with ThreadPoolExecutor(3) as pool:
        list(pool.map(work, (51, 102, 204), (64, 128, 192)))
    assert wrong == []
    assert gpu.faults == []
    session.close()
    assert gpu.held == (0, 0, 0)
    assert gpu.leaked == []


def test_stand_in_threads_queue_one_after_the_other(folder, gpu, monkeypatch):
    """Else one would queue into the other's CUDA graph, or take the memory that it is given."""
    session, inside, most = opened(folder), [], []
    queue = Launch.queue

    def slowly(launch):
        inside.append(launch)
        time.sleep(0.01)
        most.append(len(inside))
        queue(launch)
        inside.remove(launch)

    monkeypatch.setattr(Launch, "queue", slowly)
    with ThreadPoolExecutor(3) as pool:
        for done in [pool.submit(lambda: bound(session).run(1)) for _ in range(9)]:
            done.result()
    assert most == [1] * 9


def test_stand_in_closes_a_session_that_another_thread_runs(folder, gpu):
    session, said = opened(folder), []

    def work():
        try:
            binding = bound(session)
            while True:
                binding.run(1)
        except BackendError as exc:
            said.append(str(exc))

    thread = threading.Thread(target=work)
    thread.start()
    while not gpu.launches:
        time.sleep(0.001)
    session.close()
    thread.join()
    assert "got a closed one" in said[0]
    assert gpu.faults == []


def test_stand_in_of_a_forked_process(folder, gpu, monkeypatch):
    """CUDA does not come along: what would run is an error, what is forgotten there is left alone."""
    session = opened(folder)
    binding, held, calls = bound(session), gpu.held, len(gpu.calls)
    parent = os.getpid()
    monkeypatch.setattr(os, "getpid", lambda: parent + 1)
    for act in (lambda: binding.run(1), lambda: bound(session)):
        with pytest.raises(BackendError, match=f"expected process {parent}, which opened the GPU, .* spawn"):
            act()
    binding.close()
    session.close()
    assert (gpu.held, len(gpu.calls)) == (held, calls)


def test_stand_in_refuses_shapes_and_names_that_are_not_the_plans(folder, gpu):
    session = opened(folder)
    assert session.limits("image") == PROFILES["detector"]["image"]
    assert session.limits("region") is None
    with pytest.raises(BackendError, match=r"image of \(1, 32, 32, 3\) to .*smaller|another canvas \(long_side_px\)"):
        bound(session, 64, 1312)
    with pytest.raises(BackendError, match="'image'"):
        session.bind({"image": (1, 64, 64, 3)}, batched=())
    with pytest.raises(BackendError, match="output 'mask'"):
        session.output_shape("mask")
    with pytest.raises(BackendError, match=r"expected outputs .*\(1, 5, 5\)"):
        session.bind({**maps(64, 96), "region": (1, 5, 5)}, batched=())


def test_stand_in_refuses_an_engine_that_is_not_the_contracts(folder, gpu):
    onnx = Bundle.open(folder).file("recognizer").read_bytes()
    add_plan(folder, "detector", contents=stand_in.make_plan(onnx, PROFILES["recognizer"]))
    with pytest.raises(BackendError, match=r"expected .*'image': 'uint8'.* in and out of a detector, got"):
        opened(folder)
    add_plan(folder, "recognizer", profile={"crops": replace(PROFILES["recognizer"]["crops"], max=(16, 32, 100, 1))})
    with pytest.raises(BackendError, match=r"expected the profile .*16.*got .*32"):
        opened(folder, "recognizer")
    assert gpu.held == (0, 0, 0)


@pytest.mark.parametrize("damage", ["altered", "gone", "link"])
def test_stand_in_never_loads_a_plan_that_the_bundle_does_not_vouch_for(folder, gpu, damage, tmp_path):
    path = add_plan(folder, "detector")
    contents = path.read_bytes()
    path.unlink()
    if damage == "altered":
        path.write_bytes(contents[:-1] + bytes([contents[-1] ^ 1]))
    if damage == "link":
        (tmp_path / "elsewhere").write_bytes(contents)
        path.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(BackendUnavailable, match=f"{path.name}: .*expected"):
        opened(folder)
    assert "deserialize_cuda_engine" not in gpu.calls


def test_stand_in_loads_the_plan_that_was_checked(folder, gpu, monkeypatch):
    """And not what lies there by then."""
    path = add_plan(folder, "detector")

    def usable(*given):
        found = usable_plan(*given)
        path.write_bytes(b"something else")
        return found

    monkeypatch.setattr("edgereader.runtime.sessions.tensorrt.session.usable_plan", usable)
    assert opened(folder).precision == "fp32"


def test_stand_in_takes_a_lean_runtime_from_a_version_compatible_plan_only(folder, gpu):
    import tensorrt

    opened(folder)
    assert tensorrt._host_code is False
    add_plan(folder, "detector", version="10.1.0", flags=["version-compatible"], precision="fp32")
    bundle = Bundle.open(folder)
    engines = [engine for engine in bundle.manifest.engines if engine.version == "10.1.0"]
    write_bundle(folder, replace(bundle.manifest, engines=engines))
    opened(folder)
    assert tensorrt._host_code is True


@pytest.mark.parametrize("missing", ["tensorrt", "pycuda.driver"])
@pytest.mark.parametrize("backend", BACKENDS)
def test_stand_in_names_the_package_that_is_missing(folder, gpu, monkeypatch, backend, missing):
    name = backend.replace("-", "_") if missing == "tensorrt" else missing
    monkeypatch.setitem(sys.modules, name, None)
    package = name.partition(".")[0]
    with pytest.raises(BackendUnavailable, match=rf"needs {package}.*{re.escape(pip_install(backend))}"):
        opened(folder, backend=backend)


@pytest.fixture(params=BACKENDS)
def real_backend(request):
    """A backend that really runs here."""
    pytest.importorskip(request.param.replace("-", "_"), reason=f"pip install {request.param}")
    try:
        nvidia_driver()
    except BackendUnavailable as exc:
        pytest.skip(f"needs a GPU: {exc}")
    pytest.importorskip("pycuda.driver", reason="pip install pycuda, which needs the CUDA toolkit")
    return request.param


@pytest.fixture
def real_folder(real_backend, canary_folder, tmp_path):
    """A bundle with plans that this machine's library built for its GPU."""
    from edgereader.export.engines.engine import build_engine

    folder = tmp_path / "bundle"
    shutil.copytree(canary_folder, folder)
    for kind in PROFILES:
        build_engine(Bundle.open(folder), kind, real_backend)
    return folder


@pytest.mark.gpu
def test_on_a_gpu_it_reads_as_cpu_does(real_backend, real_folder, scene):
    expected = Reader(real_folder, "cpu").read(scene)
    for _ in range(3):  # plainly, captured, replayed
        got = Reader(real_folder, real_backend).read(scene)
        assert [reading.text for reading in got] == [reading.text for reading in expected]
        assert np.allclose(
            [reading.confidence for reading in got], [reading.confidence for reading in expected], atol=1e-3
        )


@pytest.mark.gpu
def test_on_a_gpu_two_bindings_in_turn_compute_what_was_written(real_backend, real_folder):
    session = opened(real_folder, backend=real_backend)
    assert np.allclose(seen_in_turn(session, range(200), 480, 640), range(199), atol=1e-2)


@pytest.mark.gpu
def test_on_a_gpu_rows_of_any_batch_are_those_of_batch_1(real_backend, real_folder):
    binding = opened(real_folder, "recognizer", real_backend).bind(CROPS, batched=("crops", "symbols", "log_probs"))
    for batch in (1, 2, 3, 5, 8) * 3:
        levels = np.arange(batch) * 255 // (CLASSES - 1)
        binding.inputs["crops"][:batch] = levels[:, None, None, None]
        binding.run(batch)
        assert binding.outputs["symbols"][:batch, 0].tolist() == list(range(batch))


@pytest.mark.gpu
def test_on_a_gpu_memory_stays_the_same_over_many_bindings(real_backend, real_folder):
    import pycuda.driver

    session = opened(real_folder, backend=real_backend)
    kept, free = bound(session, 640, 640), []
    for number in range(60):
        binding = bound(session, 64 + 32 * (number % 5), 128)
        for used in (binding, kept, binding):
            used.run(1)
        del binding, used
        with session.device.current():
            free.append(pycuda.driver.mem_get_info()[0])
    assert max(free[10:]) - min(free[10:]) < 8 << 20, free


@pytest.mark.gpu
def test_on_a_gpu_two_threads_have_a_reader_each(real_backend, real_folder, scene):
    expected = [reading.text for reading in Reader(real_folder, "cpu").read(scene)]

    def work(_):
        reader = Reader(real_folder, real_backend)
        return [[reading.text for reading in reader.read(scene)] for _ in range(20)]

    with ThreadPoolExecutor(2) as pool:
        assert list(pool.map(work, range(2))) == [[expected] * 20] * 2
