"""The models on the real server: that of nvidia-pytriton's wheel, with its Python backend on the CPU.

All tests share one server; those that start others are slow. Servers listen on 127.0.0.1 only.
"""

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import sysconfig
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path

import cv2
import numpy as np
import pytest
from click.testing import CliRunner

from edgereader.export.triton.repository import write_repository
from edgereader.runtime import Reader
from edgereader.runtime.bundles.bundle import Bundle, shipped
from edgereader.runtime.cli import main
from edgereader.runtime.commands.batch import described
from edgereader.runtime.errors import BackendError
from edgereader.runtime.geometry.files import read_photo
from edgereader.runtime.sessions.triton.contract import IDENTITY

grpc = pytest.importorskip("grpc", reason="needs the extra triton")
messages = pytest.importorskip("tritonclient.grpc.service_pb2")
stubs = pytest.importorskip("tritonclient.grpc.service_pb2_grpc")

HOME = Path(sys.prefix, "tritonserver")
"""Where `make` puts the wheel."""
MEMORY, REGIONS = Path("/dev/shm"), "triton_python_backend_shm_region_*"
START_S = 120


def command(repository, port, folder):
    """The server's command and environment; its Python backend needs the stub of this Python beside it."""
    files, version = HOME / "pytriton" / "tritonserver", f"{sys.version_info.major}.{sys.version_info.minor}"
    stub = files / "python_backend_stubs" / version / "triton_python_backend_stub"
    if not stub.exists():
        pytest.skip(f"{stub} is absent: nvidia-pytriton has none, or `make` did not install it")
    backends = shutil.copytree(files / "backends", folder / "backends", dirs_exist_ok=True)
    shutil.copy(stub, backends / "python")
    libraries = [
        str(HOME / "nvidia_pytriton.libs"),
        sysconfig.get_config_var("LIBDIR"),
        os.environ.get("LD_LIBRARY_PATH"),
    ]
    environment = {
        **os.environ,
        "LD_LIBRARY_PATH": ":".join(filter(None, libraries)),
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
    }
    arguments = {
        "model-repository": repository,
        "backend-directory": backends,
        "grpc-address": "127.0.0.1",
        "grpc-port": port,
        "allow-http": "false",
        "allow-metrics": "false",
        "exit-timeout-secs": 1,
    }
    words = [f"--{name}={value}" for name, value in arguments.items()]
    return [files / "bin" / "tritonserver", "--disable-auto-complete-config", *words], environment


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as found:
        return found.getsockname()[1]


@contextmanager
def serving(repository, folder, port=None):
    """Run a server; gives its process and HOST:PORT."""
    port = port or free_port()
    words, environment = command(repository, port, folder)
    before = set(MEMORY.glob(REGIONS))
    with (folder / "log.txt").open("w") as log:
        process = subprocess.Popen(words, env=environment, stdout=log, stderr=subprocess.STDOUT, start_new_session=True)
    try:
        wait_for(process, port, folder / "log.txt")
        yield process, f"127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(30)
        with suppress(ProcessLookupError):  # its models, where it was killed
            os.killpg(process.pid, signal.SIGKILL)
        for region in set(MEMORY.glob(REGIONS)) - before:  # one that was killed leaves them
            region.unlink(missing_ok=True)


def wait_for(process, port, log):
    until = time.monotonic() + START_S
    server = stub(f"127.0.0.1:{port}")
    while time.monotonic() < until and process.poll() is None:
        try:
            if server.ServerReady(messages.ServerReadyRequest(), timeout=5).ready:
                return
        except grpc.RpcError:
            time.sleep(0.2)
    pytest.fail(f"the server did not start:\n{log.read_text()[:5000]}")


def stub(address):
    return stubs.GRPCInferenceServiceStub(grpc.insecure_channel(address, [("grpc.max_receive_message_length", -1)]))


@pytest.fixture(scope="module")
def fleet(tmp_path_factory):
    root = tmp_path_factory.mktemp("new") / "fleet"
    write_repository(Bundle.open("digits-edge"), root, threads=1)
    return root


@pytest.fixture(scope="module")
def server(fleet, tmp_path_factory):
    """HOST:PORT of the server that all tests share."""
    with serving(fleet, tmp_path_factory.mktemp("server")) as (process, address):
        yield address
        assert process.poll() is None, "the server lives to the end"


def request(model, **arrays):
    """A request; arrays are uint8 or float32."""
    made = messages.ModelInferRequest(model_name=model)
    for name, array in arrays.items():
        made.inputs.add(name=name, datatype={"uint8": "UINT8", "float32": "FP32"}[str(array.dtype)], shape=array.shape)
        made.raw_input_contents.append(array.tobytes())
    return made


def photo_request(data):
    return request("reader", photo=np.frombuffer(data, np.uint8)[np.newaxis])


def ask(address, made):
    return stub(address).ModelInfer(made, timeout=60)


def prints(count, seed=0):
    """Photos of one to four numbers, each another one."""
    random = np.random.RandomState(seed)
    for _ in range(count):
        frame = np.full((random.randint(200, 500), random.randint(500, 900), 3), random.randint(150, 250), np.uint8)
        for line in range(random.randint(1, 4)):
            text, at = str(random.randint(10, 10**6)), (random.randint(10, 60), 80 + 90 * line)
            cv2.putText(frame, text, at, cv2.FONT_HERSHEY_SIMPLEX, random.uniform(1, 2.4), (20, 40, 60), 4, cv2.LINE_AA)
        yield cv2.add(frame, random.randint(0, 9, frame.shape).astype(np.uint8))


def samples():
    return [read_photo(path).frame for path in sorted(shipped("samples").glob("*.jpg"))]


def seen(readings):
    """Batches of other sizes may round otherwise."""
    return [(reading.text, round(reading.confidence, 3), reading.quad.round(2).tolist()) for reading in readings]


def test_readings_are_those_of_a_reader_here(server):
    here, there = Reader(backend="cpu", threads=1), Reader(backend=f"triton://{server}")
    frames = [*samples(), *prints(3)]
    expected = [seen(here.read(frame)) for frame in frames]
    assert sum(map(len, expected)) > 6
    assert [seen(there.read(frame)) for frame in frames] == expected
    assert [seen(readings) for readings in there.read_many(frames[-2:])] == expected[-2:]
    assert {(session.backend, session.precision) for session in there.sessions.values()} == {
        (f"triton://{server}", "int8")
    }


def test_many_clients_at_once_read_what_each_reads_alone(server):
    frames = [*samples()[:1], *(cv2.resize(frame, (320, 160)) for frame in prints(5, seed=1))]
    here = Reader(backend="cpu", threads=1, alphabet="0123456789")
    expected = [seen(here.read(frame)) for frame in frames]
    readers = [Reader(backend=f"triton://{server}", alphabet=alphabet) for alphabet in ("0123456789", None)]
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda at: seen(readers[at % 2].read(frames[at // 2])), range(2 * len(frames))))
    assert found[::2] == expected, "another client's alphabet is not this one's"


def test_the_reader_gives_what_the_command_prints(server):
    here = Reader(backend="cpu", threads=1)
    for path in sorted(shipped("samples").glob("*.jpg")):
        answer = ask(server, photo_request(path.read_bytes()))
        assert (answer.outputs[0].name, answer.outputs[0].datatype) == ("readings", "UINT8")
        found, photo = json.loads(answer.raw_output_contents[0]), read_photo(path)
        expected = json.loads(json.dumps(described(here.read(photo.frame), photo.shrunk)))
        assert [reading["text"] for reading in found["readings"]] == [reading["text"] for reading in expected]
        assert [reading.keys() for reading in found["readings"]] == [reading.keys() for reading in expected]
        assert found["smallest_text_px"] == here.sight(photo.frame).smallest_text_px * photo.shrunk


def test_the_command(server):
    done = CliRunner().invoke(main, ["read", "--sample", "--json", "--triton", server])
    assert done.exit_code == 0, done.output
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    assert {"027418"} <= {reading["text"] for line in lines for reading in line["readings"]}


def test_the_command_where_no_server_is(monkeypatch):
    monkeypatch.setattr("edgereader.runtime.sessions.triton.client.PATIENCE_S", 0.5)
    done = CliRunner().invoke(main, ["read", "--sample", "--triton", f"127.0.0.1:{free_port()}"])
    assert done.exit_code == 2
    assert "expected an answer within 0.5 s, got none" in done.output


def test_the_example(server, repository):
    script = repository / "docs" / "examples" / "triton_photo.py"
    words = [sys.executable, script, server, shipped("samples") / "meter.jpg"]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "027418" in [line.split()[0] for line in done.stdout.splitlines()]


def test_a_stream_reads_there_too(server, tmp_path):
    for number in range(4):
        shutil.copy(shipped("samples") / "meter.jpg", tmp_path / f"{number}.jpg")
    done = CliRunner().invoke(main, ["stream", str(tmp_path), "--every-frame", "--json", "--triton", server])
    assert done.exit_code == 0, done.output
    assert "027418" in {json.loads(line)["text"] for line in done.stdout.splitlines()}


def canvas(*shape, dtype=np.uint8):
    return np.zeros(shape, dtype)


CROPS, ALLOWED = canvas(1, 32, 64, 1), canvas(1, 47, dtype=np.float32)


def claimed(made, size):
    """The same request with another size claimed than it has."""
    made.inputs[0].shape[:] = size
    return made


def meant(made, identity):
    made.parameters[IDENTITY].string_param = identity
    return made


HEADER = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\x80\0\0\0\x80\0\x08\2\0\0\0" + bytes(64)
HOSTILE = {
    "another type": (request("detector", image=canvas(1, 64, 64, 3, dtype=np.float32)), "expects 'UINT8'"),
    "another rank": (request("detector", image=canvas(1, 64, 3)), "unexpected shape for input 'image'"),
    "grey": (request("detector", image=canvas(1, 64, 64, 1)), "unexpected shape for input 'image'"),
    "a gigabyte": (claimed(request("detector", image=canvas(1, 32, 32, 3)), [1, 18919, 18919, 3]), "byte size"),
    "cut short": (claimed(request("detector", image=canvas(1, 32, 32, 3)), [1, 64, 64, 3]), "byte size"),
    "too large": (
        request("detector", image=canvas(1, 800, 800, 3)),
        "got (800, 800, 3); fill it up, or make it smaller",
    ),
    "no canvas": (request("detector", image=canvas(1, 64, 70, 3)), "in steps of 32, got (64, 70, 3)"),
    "too many": (request("detector", image=canvas(2, 64, 64, 3)), "batch-size must be <= 1"),
    "no width": (request("recognizer", crops=canvas(1, 32, 68, 1), allowed=ALLOWED), "in widths of 64, 96, 128"),
    "no symbols": (request("recognizer", crops=CROPS), "missing required input(s) ['allowed']"),
    "two alphabets": (
        request("recognizer", crops=canvas(2, 32, 64, 1), allowed=np.eye(2, 47, dtype=np.float32)),
        "expected one row of symbols",
    ),
    "other bundle": (
        meant(request("recognizer", crops=CROPS, allowed=ALLOWED), "0" * 64),
        "expected the recognizer of",
    ),
    "no rows": (request("detector", image=canvas(0, 64, 64, 3)), ""),
    "no picture": (photo_request(b"no picture"), "photo: expected a JPEG"),
    "a picture cut short": (photo_request((shipped("samples") / "meter.jpg").read_bytes()[:9000]), "cut short"),
    "a picture of a gigabyte": (photo_request(HEADER), "photo: expected up to"),
    "two photos": (request("reader", photo=canvas(2, 64)), "photo: expected one file, got 2"),
}


@pytest.mark.parametrize("case", HOSTILE)
def test_what_is_no_request_is_refused_and_the_server_reads_on(case, server):
    made, said = HOSTILE[case]
    with pytest.raises(grpc.RpcError) as caught:
        ask(server, made)
    assert caught.value.code() in {grpc.StatusCode.INVALID_ARGUMENT, grpc.StatusCode.INTERNAL}
    assert said in caught.value.details()
    assert ask(server, photo_request(cv2.imencode(".png", canvas(64, 64, 3))[1].tobytes())).outputs


def test_one_that_is_refused_takes_no_other_with_it(server):
    good = request("recognizer", crops=CROPS, allowed=ALLOWED)
    bad = request("recognizer", crops=canvas(1, 32, 68, 1), allowed=ALLOWED)
    with ThreadPoolExecutor(8) as pool:
        calls = [pool.submit(ask, server, made) for made in [good, bad] * 10]
    assert [call.exception() is None for call in calls] == [True, False] * 10


@pytest.mark.slow
def test_a_server_that_is_killed_and_started_again_loses_no_reading(fleet, tmp_path):
    """Clients wait for it, or fail with a clear error; what they read is right."""
    frames = [*samples(), *prints(4, seed=2)]
    here = Reader(backend="cpu", threads=1)
    expected = [seen(here.read(frame)) for frame in frames]
    with serving(fleet, tmp_path) as (process, address):
        reader = Reader(backend=f"triton://{address}")
        work = [at % len(frames) for at in range(60)]
        with ThreadPoolExecutor(4) as pool:
            calls = [pool.submit(lambda at: seen(reader.read(frames[at])), at) for at in work]
            while not any(call.done() for call in calls):
                time.sleep(0.05)
            process.kill()
            process.wait(30)
            (tmp_path / "again").mkdir()
            with serving(fleet, tmp_path / "again", int(address.split(":")[1])):
                errors = [call.exception() for call in calls]
    assert all(error is None or isinstance(error, BackendError) for error in errors)
    assert [call.result() for call, error in zip(calls, errors, strict=True) if error is None] == [
        expected[at] for at, error in zip(work, errors, strict=True) if error is None
    ]
    assert errors.count(None) > len(work) / 2


@pytest.mark.slow
def test_500_photos_of_16_clients(server):
    frames = [cv2.resize(frame, (320, 160)) for frame in prints(100, seed=3)]
    here = Reader(backend="cpu", threads=1)
    expected = [seen(here.read(frame)) for frame in frames]
    readers = [Reader(backend=f"triton://{server}") for _ in range(16)]
    with ThreadPoolExecutor(16) as pool:
        found = list(pool.map(lambda at: seen(readers[at % 16].read(frames[at % 100])), range(500)))
    assert found == expected * 5
