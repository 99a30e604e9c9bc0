"""Every error that EdgeReader raises on purpose; a message says what, expected, got, and the fix.

::

    EdgeReaderError
    ├── BundleError          (ValueError)         bundle.json or a file of the bundle is wrong
    │   └── BundleNotFound   (FileNotFoundError)  no such bundle
    ├── ImageError           (ValueError)         a picture cannot be read or has the wrong layout
    ├── BackendUnavailable   (ImportError)        the backend asked for cannot run here
    ├── BackendError         (RuntimeError)       a backend failed while loading or running a graph
    ├── AlphabetError        (ValueError)         alphabet, pattern or check does not fit the recognizer
    ├── SourceError          (OSError)            frames cannot be had from where they should come
    │   └── SourceLost                            a camera does not answer, or gives no more frames
    ├── CheckpointError      (ValueError)         a checkpoint cannot be turned into a network
    ├── DatasetError         (ValueError)         a labelled data set is wrong
    ├── ConfigError          (ValueError)         the configuration of a stream is wrong
    ├── SinkError            (OSError)            events cannot be written or kept
    ├── ServiceError         (OSError)            the live page and its data cannot be served
    └── ExportError          (RuntimeError)       an export failed
        └── ParityError                           the exported graph differs from its network
"""


class EdgeReaderError(Exception):
    """Base of all errors that EdgeReader raises on purpose."""


class BundleError(EdgeReaderError, ValueError):
    """A bundle's manifest or one of its files is wrong, tampered with, or lacks what was asked for."""


class BundleNotFound(BundleError, FileNotFoundError):
    """No bundle has this name or lies at this path."""


class ImageError(EdgeReaderError, ValueError):
    """A picture cannot be read, or an array is not a picture."""


class BackendUnavailable(EdgeReaderError, ImportError):
    """The backend that was asked for is unknown or cannot run on this machine."""


class BackendError(EdgeReaderError, RuntimeError):
    """A backend failed while it loaded or ran a graph."""


class AlphabetError(EdgeReaderError, ValueError):
    """An alphabet, a pattern or a check does not fit the recognizer."""


class SourceError(EdgeReaderError, OSError):
    """A camera, video or folder cannot give frames; trying again does not help."""


class SourceLost(SourceError):
    """A camera does not answer, or gives no more frames; it may come back."""


class CheckpointError(EdgeReaderError, ValueError):
    """A checkpoint cannot be turned into the network that was asked for."""


class DatasetError(EdgeReaderError, ValueError):
    """A labelled data set does not have the layout that was expected."""


class ConfigError(EdgeReaderError, ValueError):
    """The configuration of a stream is wrong."""

    problems: tuple[str, ...] = ()
    """A line for each mistake."""


class SinkError(EdgeReaderError, OSError):
    """A file or database of events cannot be opened, read or written, is damaged, or is not EdgeReader's."""


class ServiceError(EdgeReaderError, OSError):
    """The live page and its data cannot be served: the address is taken, or it needs a token."""


class ExportError(EdgeReaderError, RuntimeError):
    """An export failed; no file was left behind."""


class ParityError(ExportError):
    """The exported graph does not give its network's numbers."""


TRY_AGAIN = 75
"""Exit code, EX_TEMPFAIL of sysexits.h, for what may pass: a full disk, a taken port, a file that another process
holds. 2 is for wrong words only."""


def one_line(error: object) -> str:
    """Return what an error says on one line."""
    return " ".join(str(error).split())
