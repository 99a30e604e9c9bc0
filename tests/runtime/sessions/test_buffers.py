import pickle
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from edgereader.runtime.errors import BackendError

from ..graphs import model

SHAPES = {"image": (3, 64, 96, 3), "region": (3, 32, 48), "affinity": (3, 32, 48)}


@pytest.fixture
def binding(session):
    return session.bind(SHAPES, batched=tuple(SHAPES))


def in_a_thread(work):
    """What a thread that has ended gave."""
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(work).result()


def test_buffers_are_of_the_thread_that_starts_them_until_released(binding):
    binding.run(3)
    with pytest.raises(BackendError, match="expected MainThread, which has .*, got ThreadPool.*for each thr"):
        in_a_thread(lambda: binding.run(3))
    binding.run(3)
    binding.release()
    in_a_thread(lambda: binding.run(3))


def test_buffers_of_a_thread_that_has_ended_are_free(binding):
    in_a_thread(lambda: binding.run(3))
    binding.run(3)


def test_another_thread_is_refused_while_the_first_lives(binding):
    ran, end = threading.Event(), threading.Event()

    def work():
        binding.run(1)
        ran.set()
        end.wait(60)

    thread = threading.Thread(target=work, name="worker")
    thread.start()
    assert ran.wait(60)
    with pytest.raises(BackendError, match="expected worker, which has these buffers"):
        binding.start(1)
    end.set()
    thread.join()


def test_threads_share_a_session_with_buffers_of_their_own(session):
    def work(level):
        binding, wrong = session.bind(SHAPES, batched=tuple(SHAPES)), 0
        for _ in range(50):
            binding.inputs["image"][..., 2] = level
            binding.run(3)
            wrong += not np.allclose(binding.outputs["region"], level / 255)
            binding.outputs["region"][...] = -1
        return wrong

    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(work, (51, 102, 204, 255))) == [0] * 4


@pytest.mark.parametrize("batch", [0, -1, 4])
def test_a_batch_that_there_is_not(binding, batch):
    with pytest.raises(BackendError, match=f"expected a batch of 1 to 3, got {batch}; split it, or leave it out"):
        binding.run(batch)


def test_buffers_for_nothing(session):
    for empty in ((0, 64, 96, 3), (1, 0, 96, 3)):
        with pytest.raises(BackendError, match="expected sizes of 1 or more, got {'image'"):
            session.bind({**SHAPES, "image": empty}, batched=tuple(SHAPES))


def test_an_lstm_of_no_rows_does_not_end_the_process(tmp_path):
    """ONNX Runtime 1.32 would: so in a process of its own."""
    from onnx import TensorProto, helper

    weights = {"w": np.ones((1, 8, 2), np.float32), "r": np.ones((1, 8, 2), np.float32)}
    node = helper.make_node("LSTM", ["image", "w", "r"], ["region"], hidden_size=2)
    given, found = (1, "N", 2), (1, 1, "N", 2)
    graph = model([node], weights, [("image", TensorProto.FLOAT, given)], [("region", TensorProto.FLOAT, found)])
    (tmp_path / "lstm.onnx").write_bytes(graph)
    code = f"""
from pathlib import Path
from edgereader.runtime.bundles.bundle import Checked
from edgereader.runtime.errors import BackendError
from edgereader.runtime.sessions.onnx_runtime import OnnxRuntimeSession
path = Path({str(tmp_path / "lstm.onnx")!r})
session = OnnxRuntimeSession(Checked(path, path.read_bytes()))
session.bind({{"image": (1, 1, 2), "region": (1, 1, 1, 2)}}, batched=()).run(1)
try:
    session.bind({{"image": (1, 0, 2), "region": (1, 1, 0, 2)}}, batched=()).run(0)
except BackendError as exc:
    print(exc)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("expected sizes of 1 or more")


def test_sessions_and_bindings_do_not_leave_their_process(session, binding):
    for owner, name in ((session, "OnnxRuntimeSession"), (binding, "OnnxRuntimeBinding")):
        with pytest.raises(BackendError, match=f"got a {name}, which cannot; send a Reader"):
            pickle.dumps(owner)


def test_large_buffers_are_not_a_forked_processes_too(bundle_folder):
    code = f"""
import os
from pathlib import Path
from edgereader.runtime.bundles.bundle import Checked
from edgereader.runtime.sessions.onnx_runtime import OnnxRuntimeSession
path = Path({str(bundle_folder / "detector.onnx")!r})
session = OnnxRuntimeSession(Checked(path, path.read_bytes()), threads=1)
shapes = {{"image": (1, 256, 256, 3), "region": (1, 128, 128), "affinity": (1, 128, 128)}}
binding = session.bind(shapes, batched=tuple(shapes))
binding.inputs["image"][:] = 51
child = os.fork()
if child == 0:
    binding.inputs["image"][:] = 255
    binding.run(1)
    os._exit(0 if (binding.outputs["region"] == 1).all() else 1)
print(os.waitpid(child, 0)[1], binding.inputs["image"].max(), binding.outputs["region"].max())
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["0", "51", "0.0"]
