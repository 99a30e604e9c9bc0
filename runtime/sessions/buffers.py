"""What all backends' buffers are: of one thread at a time, never run empty, and never sent to another process."""

import threading
from abc import ABC, abstractmethod
from collections.abc import Collection, Mapping
from typing import Any, NoReturn

from numpy.typing import NDArray

from ..errors import BackendError


class StaysHere:
    """Something that lives in the process that opened it."""

    def __reduce__(self) -> NoReturn:
        raise BackendError(
            f"expected what can be sent to another process, got a {type(self).__name__}, which cannot; "
            "send a Reader, Detector or Recognizer, which opens its own there"
        )


class Buffers(StaysHere, ABC):
    """Arrays of fixed shapes; see :class:`~edgereader.runtime.sessions.base.Binding`.

    The thread that first starts them has them for as long as it lives, or until `release`; another one is refused, as
    it would write over what the first has not read yet.
    """

    inputs: dict[str, NDArray[Any]]
    outputs: dict[str, NDArray[Any]]

    def __init__(self, shapes: Mapping[str, tuple[int, ...]], batched: Collection[str]) -> None:
        """Expect batches of the rows that these shapes have; ``batched`` ones have a batch axis.

        Raises:
            BackendError: a shape is empty.
        """
        empty = {name: shape for name, shape in shapes.items() if 0 in shape}
        if empty:
            raise BackendError(f"expected sizes of 1 or more, got {empty}; bind nothing for no pictures")
        self.rows = min((shape[0] for name, shape in shapes.items() if name in batched), default=0)
        """Largest batch; 0 = nothing has a batch axis."""
        self._thread: threading.Thread | None = None
        self._taking = threading.Lock()

    def run(self, batch: int) -> None:
        """Start and wait; errors are those of both."""
        self.start(batch)
        self.wait()

    def start(self, batch: int) -> None:
        """Begin to run the first ``batch`` rows of what has a batch axis.

        An empty batch is refused for all graphs: an LSTM of no rows ends the whole process (ONNX Runtime 1.32).

        Raises:
            BackendError: another thread has these buffers, there are not so many rows, or the backend failed.
        """
        self._take()
        if self.rows and not 1 <= batch <= self.rows:
            raise BackendError(f"expected a batch of 1 to {self.rows}, got {batch}; split it, or leave it out")
        self._start(batch)

    @abstractmethod
    def _start(self, batch: int) -> None:
        """What `start` does, after it was found that it may."""

    def wait(self) -> None:
        """Return when what was started is done; where a backend has nothing else to say, it is."""

    def release(self) -> None:
        """Let the next thread that starts them have them; what ran here must have been read."""
        self._thread = None

    def _take(self) -> None:
        thread = threading.current_thread()
        with self._taking:
            if self._thread is not thread and self._thread is not None and self._thread.is_alive():
                raise BackendError(
                    f"expected {self._thread.name}, which has these buffers, got {thread.name}; "
                    "share the session, and bind other buffers for each thread"
                )
            self._thread = thread
