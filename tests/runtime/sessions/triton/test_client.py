"""The client beside a stand-in of a server: what is lost on the way, and answers that are no answers."""

import os
import sys
import threading
import time
from concurrent import futures

import msgspec
import numpy as np
import pytest

from edgereader.runtime import Reader
from edgereader.runtime.errors import BackendError, BackendUnavailable
from edgereader.runtime.sessions.binding import bind_images
from edgereader.runtime.sessions.onnx_runtime import OnnxRuntimeSession
from edgereader.runtime.sessions.opening import open_session
from edgereader.runtime.sessions.triton import client
from edgereader.runtime.sessions.triton.client import Connection

from .conftest import KINDS

grpc = pytest.importorskip("grpc", reason="needs the extra triton")
messages = pytest.importorskip("tritonclient.grpc.service_pb2")
stubs = pytest.importorskip("tritonclient.grpc.service_pb2_grpc")


class Server(stubs.GRPCInferenceServiceServicer):
    """Runs a bundle's graphs as they are; `wrong` changes what it answers, `lost` answers are never sent."""

    def __init__(self, bundle, describe):
        self.graphs = {kind: OnnxRuntimeSession(bundle.read(kind))._session for kind in KINDS}
        self.told = {kind: msgspec.json.encode(describe(kind)).decode() for kind in KINDS}
        self.wrong, self.refusal, self.lost, self.asked, self.wait_s = str, "", 0, [], 0.0

    def start(self, port=0):
        self.server = grpc.server(futures.ThreadPoolExecutor(4), options=[("grpc.so_reuseport", 0)])
        stubs.add_GRPCInferenceServiceServicer_to_server(self, self.server)
        self.port = self.server.add_insecure_port(f"127.0.0.1:{port}")
        self.server.start()
        return f"triton://127.0.0.1:{self.port}"

    def ModelConfig(self, request, _context):
        response = messages.ModelConfigResponse()
        response.config.parameters["edgereader"].string_value = self.told[request.name]
        return response

    def ModelInfer(self, request, context):
        self.asked.append(request)
        time.sleep(self.wait_s)
        if self.refusal:
            context.abort(grpc.StatusCode.INVALID_ARGUMENT, self.refusal)
        if self.lost:
            self.lost -= 1
            context.abort(grpc.StatusCode.UNAVAILABLE, "connection lost")
        types = {"UINT8": np.uint8, "FP32": np.float32}
        inputs = {
            told.name: np.frombuffer(data, types[told.datatype]).reshape(told.shape)
            for told, data in zip(request.inputs, request.raw_input_contents, strict=True)
        }
        if "allowed" in inputs:
            inputs["allowed"] = inputs["allowed"][0]
        graph = self.graphs[request.model_name]
        response = messages.ModelInferResponse(model_name=request.model_name)
        for output, array in zip(graph.get_outputs(), graph.run(None, inputs), strict=True):
            kind = {"float32": "FP32", "int64": "INT64"}[str(array.dtype)]
            response.outputs.add(name=output.name, datatype=kind, shape=array.shape)
            response.raw_output_contents.append(array.tobytes())
        self.wrong(response)
        return response


@pytest.fixture
def server(bundle, describe, monkeypatch):
    monkeypatch.setattr(client, "PAUSE_S", 0.02)
    server = Server(bundle, describe)
    server.address = server.start()
    yield server
    server.server.stop(0).wait()


def seen(readings):
    return [(reading.text, reading.confidence, reading.quad.tolist()) for reading in readings]


def test_it_reads_what_the_networks_read_here(server, bundle, scene):
    reader = Reader(bundle, server.address, alphabet=None)
    assert {session.backend for session in reader.sessions.values()} == {server.address}
    readings = reader.read(scene)
    assert {reading.text for reading in readings} == {"7", "c", "5"}
    assert seen(readings) == seen(Reader(bundle, "cpu", alphabet=None).read(scene))
    assert seen(next(reader.read_many([scene, scene]))) == seen(readings)
    assert {request.parameters["identity"].string_param for request in server.asked} == {
        msgspec.json.decode(told)["identity"] for told in server.told.values()
    }


def test_the_canary_is_read_first(server, bundle):
    def dim(response):
        if response.outputs[0].name == "region":
            response.raw_output_contents[0] = bytes(len(response.raw_output_contents[0]))

    server.wrong = dim
    with pytest.raises(BackendError, match=r"triton://.*: expected maps .* on the bundle's canary, .*; see what it"):
        open_session(bundle, "detector", server.address)


def test_what_is_lost_is_asked_again(server, bundle, scene):
    reader = Reader(bundle, server.address)
    expected, server.lost = seen(reader.read(scene)), 3
    assert seen(reader.read(scene)) == expected
    assert server.lost == 0


def test_a_server_that_comes_back_is_waited_for(server, bundle, scene):
    reader = Reader(bundle, server.address)
    expected, before = seen(reader.read(scene)), len(server.asked)
    server.server.stop(0).wait()
    timer = threading.Timer(0.5, server.start, [server.port])
    timer.start()
    assert seen(reader.read(scene)) == expected
    timer.join()
    assert len(server.asked) > before


@pytest.mark.parametrize("trouble", ["away", "slow", "lost"])
def test_patience_ends(trouble, server, bundle, scene, monkeypatch):
    reader = Reader(bundle, server.address)
    monkeypatch.setattr(client, "PATIENCE_S", 0.5)
    if trouble == "away":
        server.server.stop(0).wait()
    server.wait_s, server.lost = 1.0 * (trouble == "slow"), 1000 * (trouble == "lost")
    with pytest.raises(
        BackendError, match=r"triton://.*: expected an answer within 0.5 s, got none \(.+\); see whether"
    ):
        reader.read(scene)


@pytest.mark.parametrize("kind", KINDS)
def test_what_the_server_says_against_it_is_the_error(kind, server, bundle):
    session = open_session(bundle, kind, server.address)
    server.refusal, spec = "expected something else", getattr(bundle, kind)
    shape = (1, 64, 64, 3) if kind == "detector" else (1, *spec.usual_hw, spec.channels)
    with pytest.raises(BackendError, match="got INVALID_ARGUMENT: expected something else; see the server's log"):
        bind_images(session, spec, shape).run(1)


def cut(response):
    response.raw_output_contents[0] = response.raw_output_contents[0][:-3]


def short(response):
    response.raw_output_contents[0] = response.raw_output_contents[0][:-4]


def none(response):
    del response.raw_output_contents[:]


def claims(response):
    response.outputs[0].shape[1] = 2**40


def other(response):
    response.outputs[0].datatype = "BYTES"


@pytest.mark.parametrize("wrong", [cut, short, none, claims, other])
def test_an_answer_that_is_none(wrong, server, bundle, scene):
    reader = Reader(bundle, server.address)
    server.wrong = wrong
    with pytest.raises(BackendError, match=r"triton://.*: region: expected float32 .*, got .*; export the server's"):
        reader.read(scene)


@pytest.mark.parametrize("told", ["", "{}", '{"identity": 3}'])
def test_a_model_that_is_not_edgereaders(told, server, bundle):
    server.told["detector"] = told
    with pytest.raises(BackendError, match="expected EdgeReader's detector, got: .*; serve a repository of"):
        open_session(bundle, "detector", server.address)


@pytest.mark.parametrize("address", ["", "localhost", "a b:1", "http://a:1", "::1:8001", "h:123456", "u@h:1"])
def test_an_address_that_is_none(address, bundle):
    with pytest.raises(BackendUnavailable, match="expected triton://HOST:PORT, got something else"):
        Reader(bundle, f"triton://{address}")


def test_addresses():
    assert [Connection(f"triton://{address}").name for address in ("h:1", "10.0.0.1:8001", "[::1]:8001")]


def test_without_tritonclient_the_error_says_how_to_install_it(bundle, monkeypatch):
    monkeypatch.setitem(sys.modules, "tritonclient", None)
    monkeypatch.setitem(sys.modules, "tritonclient.grpc", None)
    with pytest.raises(BackendUnavailable, match=r"needs tritonclient: pip install .*tritonclient"):
        Reader(bundle, "triton://localhost:8001")


def test_a_fork_does_not_go_on_with_it(server, bundle, scene, monkeypatch):
    reader = Reader(bundle, server.address)
    monkeypatch.setattr(os, "getpid", lambda: -1)
    with pytest.raises(BackendError, match="expected the process that connected, got a fork; open the reader there"):
        reader.read(scene)
