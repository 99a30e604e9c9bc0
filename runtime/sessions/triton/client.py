"""Backend ``triton://HOST:PORT``: the networks run on a Triton server, and all else here; KServe v2 over gRPC."""

import math
import os
import time
from collections.abc import Callable
from typing import Any

import msgspec
import numpy as np

from ...bundles.bundle import Bundle
from ...bundles.manifest import Kind
from ...errors import BackendError, BackendUnavailable, one_line
from ...extras import pip_install
from ..buffers import StaysHere
from .contract import ADDRESS, DTYPES, IDENTITY, OUTPUTS, PARAMETER, SCHEME, TYPES, Served
from .remote import Arrays, RemoteSession

PATIENCE_S = 30.0
"""A request may take so long in all: a server that is away may come back within it."""
PAUSE_S = 0.2
"""From a lost connection to the next try."""
CHANNEL = (
    ("grpc.max_send_message_length", -1),
    ("grpc.max_receive_message_length", -1),
    ("grpc.max_reconnect_backoff_ms", 1000),
    ("grpc.use_local_subchannel_pool", 1),
    ("grpc.enable_http_proxy", 0),
)
"""Pictures of any size; a server that comes back is seen at once; no connection is another session's, or a proxy's."""


def open_remote(bundle: Bundle, kind: Kind, backend: str, precision: str | None = None) -> RemoteSession:
    """Connect to a server that serves a network of a bundle.

    Raises:
        BackendUnavailable: not HOST:PORT, or tritonclient is not installed.
        BackendError: the server cannot be reached, or serves none or another one.
        BundleError: it serves it in another precision.
    """
    link = Connection(backend)
    return RemoteSession(link, bundle, kind, link.served(kind), precision)


class Connection(StaysHere):
    """A connection to a Triton server; safe to share between threads."""

    def __init__(self, backend: str) -> None:
        """Prepare a connection; nothing is sent yet. Errors are those of `open_remote`."""
        found = ADDRESS.fullmatch(backend)
        if found is None:
            raise BackendUnavailable(f"backend {backend!r}: expected {SCHEME}HOST:PORT, got something else; correct it")
        try:
            import grpc
            from tritonclient.grpc import service_pb2, service_pb2_grpc
        except ImportError as exc:
            raise BackendUnavailable(f"backend {backend} needs tritonclient: {pip_install('triton')}") from exc
        self.name = backend
        self._grpc, self._messages, self._process = grpc, service_pb2, os.getpid()
        self._server = service_pb2_grpc.GRPCInferenceServiceStub(grpc.insecure_channel(found[1], CHANNEL))

    def served(self, kind: Kind) -> Served:
        """Return what the server says of a network; errors are those of `open_remote`."""
        asked = self._messages.ModelConfigRequest(name=kind)
        found = self._asking(lambda left: self._server.ModelConfig.future(asked, timeout=left, wait_for_ready=True))()
        try:
            return msgspec.json.decode(found.config.parameters[PARAMETER].string_value, type=Served)
        except msgspec.DecodeError as exc:
            fix = "serve a repository of `edgereader export triton` of this version"
            raise BackendError(f"{self.name}: expected EdgeReader's {kind}, got: {one_line(exc)}; {fix}") from exc

    def send(self, kind: Kind, identity: str, inputs: Arrays) -> Callable[[], Arrays]:
        """Send arrays to a network; see `Link.send`.

        Where the connection is lost, it is tried again until ``PATIENCE_S`` are over; a server that then serves another
        network refuses.
        """
        request = self._messages.ModelInferRequest(model_name=kind)
        request.parameters[IDENTITY].string_param = identity
        for name, array in inputs.items():
            request.inputs.add(name=name, datatype=DTYPES[name], shape=array.shape)
            request.raw_input_contents.append(array.tobytes())
        for name in OUTPUTS[kind]:
            request.outputs.add(name=name)
        answer = self._asking(lambda left: self._server.ModelInfer.future(request, timeout=left, wait_for_ready=True))
        return lambda: self._arrays(answer())

    def _arrays(self, response: Any) -> Arrays:
        """The outputs of a response; what cannot be read as it says is left out, and then missed."""
        found = {}
        for told, data in zip(response.outputs, response.raw_output_contents, strict=False):
            dtype, shape = TYPES.get(told.datatype), tuple(told.shape)
            if dtype is not None and min(shape, default=0) > 0:
                array = np.frombuffer(data, dtype) if len(data) % np.dtype(dtype).itemsize == 0 else np.empty(0, dtype)
                found[told.name] = array.reshape(shape) if array.size == math.prod(shape) else array
        return found

    def _asking(self, call: Callable[[float], Any]) -> Callable[[], Any]:
        """Begin a call, which is told how many seconds are left; what is returned waits for its answer."""
        if os.getpid() != self._process:
            raise BackendError(f"{self.name}: expected the process that connected, got a fork; open the reader there")
        until = time.monotonic() + PATIENCE_S
        begun = call(PATIENCE_S)

        def wait() -> Any:
            asked = begun
            while True:
                try:
                    return asked.result()
                except self._grpc.RpcError as exc:
                    left = until - time.monotonic() - PAUSE_S
                    if exc.code() != self._grpc.StatusCode.UNAVAILABLE or left <= 0:
                        raise self._translated(exc) from exc
                time.sleep(PAUSE_S)
                asked = call(left)

        return wait

    def _translated(self, exc: Any) -> BackendError:
        code, said = exc.code(), one_line(exc.details())
        if code in {self._grpc.StatusCode.UNAVAILABLE, self._grpc.StatusCode.DEADLINE_EXCEEDED}:
            got, fix = f"none ({said})", "see whether the server runs, is ready and can be reached"
            return BackendError(f"{self.name}: expected an answer within {PATIENCE_S:g} s, got {got}; {fix}")
        fix = "see the server's log, and serve a repository of `edgereader export triton`"
        return BackendError(f"{self.name}: expected an answer, got {code.name}: {said}; {fix}")
