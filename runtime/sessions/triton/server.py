"""The models of a Triton server's Python backend; `edgereader export triton` writes the files that name them.

`detector` and `recognizer` run what Triton hands them together, rows of several clients, in one batch; `reader` asks
the other two (business logic scripting) and does all else as `Reader` does it anywhere. `triton_python_backend_utils`
is there inside Triton only. Arrays pass as DLPack: in Triton 2.51, tensors made of NumPy 2's arrays are empty.
"""

from __future__ import annotations

import ctypes
import json
import threading
from collections import defaultdict
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from ...bundles.bundle import Bundle
from ...bundles.manifest import Kind
from ...commands.batch import described, sight_of
from ...errors import BackendError, EdgeReaderError, ImageError
from ...geometry.crops import batch_size
from ...geometry.files import decode_photo
from ...reader import Reader
from ..base import Binding
from ..binding import bind_canvases, bind_crops
from ..lending import Lender
from ..opening import MORE, open_session
from .contract import IDENTITY, IMAGES, OUTPUTS, PARAMETER, Fleet, Served, expect_same
from .remote import Arrays, RemoteSession

BUSINESS_LOGIC = "triton-bls"
"""The reader's backend: the other models of its server."""
PHOTOS = 16
"""So many are read at once."""
CANVAS_STEP_PX = 32
"""A canvas's sides are multiples of this."""
TAKEN = ctypes.c_char_p(b"used_dltensor")
"""The name of a DLPack capsule whose array somebody has; it must stay where it is."""
Shape = tuple[int, ...]


def _opened(arguments: dict[str, str]) -> tuple[Bundle, bytes]:
    """A model's bundle, and its description."""
    folder = Path(arguments["model_repository"], arguments["model_version"], "bundle")
    return Bundle.open(folder), json.loads(arguments["model_config"])["parameters"][PARAMETER]["string_value"].encode()


def _tensor(request: Any, name: str) -> NDArray[Any]:
    import triton_python_backend_utils as triton

    return np.from_dlpack(triton.get_input_tensor_by_name(request, name))


def _made(name: str, array: NDArray[Any]) -> Any:
    """A tensor for Triton. It marks a capsule that it has taken in another way than NumPy looks for."""
    import triton_python_backend_utils as triton

    capsule = np.ascontiguousarray(array).__dlpack__()
    tensor = triton.Tensor.from_dlpack(name, capsule)
    ctypes.pythonapi.PyCapsule_SetName(ctypes.py_object(capsule), TAKEN)
    return tensor


def _answer(outputs: Arrays) -> Any:
    import triton_python_backend_utils as triton

    return triton.InferenceResponse([_made(name, array) for name, array in outputs.items()])


def _refused(exc: EdgeReaderError) -> Any:
    import triton_python_backend_utils as triton

    return triton.InferenceResponse([], triton.TritonError(str(exc), triton.TritonError.INVALID_ARG))


class NetworkModel:
    """``detector`` or ``recognizer``: pictures of one shape → what the network gives."""

    def initialize(self, arguments: dict[str, str]) -> None:
        """Open the network; what is wrong ends the start of the server, with the reason in its log."""
        self._kind: Kind = "detector" if arguments["model_name"] == "detector" else "recognizer"
        self._bundle, described = _opened(arguments)
        self._served = served = msgspec.json.decode(described, type=Served)
        expect_same(self._bundle, self._kind, served.identity, arguments["model_repository"])
        self._session = open_session(self._bundle, self._kind, served.backend, served.precision, served.threads)
        self._buffers = Lender(self._bind)

    def execute(self, requests: Sequence[Any]) -> list[Any]:
        """Answer requests; those that go together are run together."""
        answers: dict[int, Any] = {}
        groups: dict[tuple[Shape, bytes], list[tuple[int, NDArray[Any]]]] = defaultdict(list)
        for at, request in enumerate(requests):
            try:
                pictures, allowed = self._expected(request)
                groups[pictures.shape[1:], allowed].append((at, pictures))
            except EdgeReaderError as exc:
                answers[at] = _refused(exc)
        for (shape, allowed), members in groups.items():
            try:
                found = self._run(shape, allowed, np.concatenate([pictures for _, pictures in members]))
            except EdgeReaderError as exc:
                answers |= {at: _refused(exc) for at, _ in members}
                continue
            end = 0
            for at, pictures in members:
                start, end = end, end + len(pictures)
                answers[at] = _answer({name: array[start:end] for name, array in found.items()})
        return [answers[at] for at in range(len(requests))]

    def _expected(self, request: Any) -> tuple[NDArray[Any], bytes]:
        """The pictures of a request, and its allowed symbols.

        Raises:
            BackendError: it is for another bundle's network, or of shapes or symbols that this one does not take.
        """
        asked = json.loads(request.parameters() or "{}").get(IDENTITY)
        if asked is not None:
            expect_same(self._bundle, self._kind, str(asked), "request")
        name, limits = IMAGES[self._kind], self._served.limits
        pictures = _tensor(request, name)
        _, height, width, _ = pictures.shape
        sides = (height, width) if self._kind == "detector" else ()
        widths = () if self._kind == "detector" else self._bundle.recognizer.crop_widths
        inside = len(pictures) > 0 and limits.holds((limits.min[0], *pictures.shape[1:]))
        if not inside or any(side % CANVAS_STEP_PX for side in sides) or (widths and width not in widths):
            steps = f"in widths of {', '.join(map(str, widths))}" if widths else f"in steps of {CANVAS_STEP_PX}"
            raise BackendError(
                f"{name}: expected {limits.min[1:]} to {limits.max[1:]} {steps}, got {pictures.shape[1:]}; fill it up, "
                "or make it smaller"
            )
        if not widths:
            return pictures, b""
        allowed = _tensor(request, "allowed")
        if (allowed != allowed[0]).any():
            raise BackendError("allowed: expected one row of symbols, repeated, got others; send two requests")
        return pictures, allowed[0].tobytes()

    def _run(self, shape: Shape, allowed: bytes, pictures: NDArray[Any]) -> Arrays:
        """The outputs for pictures of one shape, batch after batch."""
        parts: dict[str, list[NDArray[Any]]] = defaultdict(list)
        with self._buffers.lent(shape) as binding:
            inputs = binding.inputs[IMAGES[self._kind]]
            for start in range(0, len(pictures), len(inputs)):
                batch = pictures[start : start + len(inputs)]
                inputs[: len(batch)] = batch
                if allowed:
                    binding.inputs["allowed"][:] = np.frombuffer(allowed, np.float32)
                binding.run(len(batch))
                for name in OUTPUTS[self._kind]:
                    parts[name].append(binding.outputs[name][: len(batch)].copy())
        return {name: np.concatenate(arrays) for name, arrays in parts.items()}

    def _bind(self, shape: Shape) -> Binding:
        """Buffers for as many pictures (H, W, C) as are run at once."""
        rows = self._served.limits.max[0]
        if self._kind == "detector":
            return bind_canvases(self._session, (rows, *shape))
        spec = self._bundle.recognizer
        return bind_crops(self._session, spec, (min(rows, batch_size(spec, shape[1])), *shape))


class BusinessLogic:
    """The way from the reader to the other models of its server; see :class:`~.remote.Link`."""

    name = BUSINESS_LOGIC

    def send(self, kind: Kind, identity: str, inputs: Arrays) -> Callable[[], Arrays]:
        """Have a network run."""
        import triton_python_backend_utils as triton

        names, tensors = list(OUTPUTS[kind]), [_made(name, array) for name, array in inputs.items()]
        asked = triton.InferenceRequest(
            model_name=kind, requested_output_names=names, inputs=tensors, parameters={IDENTITY: identity}
        )
        answer = asked.exec()
        if answer.has_error():
            raise BackendError(f"{kind}: expected an answer, got: {answer.error().message()}; see the server's log")
        return lambda: {name: np.from_dlpack(triton.get_output_tensor_by_name(answer, name)) for name in names}


class ReaderModel:
    """``reader``: a picture's file → its readings as JSON, with the fields of `edgereader read --json`."""

    def initialize(self, arguments: dict[str, str]) -> None:
        """Prepare; the other models may not be there yet, so the reader opens when it is first asked."""
        self._bundle, described = _opened(arguments)
        fleet = msgspec.json.decode(described, type=Fleet)
        self._options: dict[str, Any] = dict(fleet.options)
        link = BusinessLogic()
        MORE[BUSINESS_LOGIC] = lambda bundle, kind: RemoteSession(link, bundle, kind, fleet.networks[kind])
        self._opening = threading.Lock()
        self._reader: Reader | None = None
        self._threads = ThreadPoolExecutor(PHOTOS)

    def execute(self, requests: Sequence[Any]) -> list[Any]:
        """Read a picture for each request, side by side: their crops meet in the recognizer."""
        return list(self._threads.map(self._read, requests))

    def finalize(self) -> None:
        """End the threads."""
        self._threads.shutdown()

    def _read(self, request: Any) -> Any:
        try:
            files = _tensor(request, "photo")
            if len(files) != 1:
                raise ImageError(f"photo: expected one file, got {len(files)}; send a request for each")
            reader, photo = self._opened(), decode_photo(files.tobytes(), "photo")
            found = {
                "readings": described(reader.read(photo.frame), photo.shrunk),
                "smallest_text_px": sight_of(reader, photo).smallest_text_px,
            }
        except EdgeReaderError as exc:
            return _refused(exc)
        return _answer({"readings": np.frombuffer(bytearray(msgspec.json.encode(found)), np.uint8)[np.newaxis]})

    def _opened(self) -> Reader:
        with self._opening:
            if self._reader is None:
                self._reader = Reader(self._bundle, BUSINESS_LOGIC, **self._options)
            return self._reader
