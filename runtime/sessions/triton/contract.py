"""What a Triton server serves: two networks under the names and shapes of DESIGN's graphs, and how each is described.

A model's description stands in its `config.pbtxt`, as the parameter ``edgereader``: `edgereader export triton` writes
it, the server's models check it, and clients read it from the server.
"""

import hashlib
import re

import msgspec
import numpy as np

from ...bundles.bundle import Bundle
from ...bundles.manifest import Kind, ShapeRange
from ...errors import BackendError

SCHEME = "triton://"
"""What the name of the backend begins with; the server's HOST:PORT follows."""
ADDRESS = re.compile(rf"{SCHEME}((?:\[[\w:.%]+\]|[^\s:@/\[\]]+):\d{{1,5}})")
"""The whole name."""
PARAMETER = "edgereader"
"""Where a model's configuration has its description."""
IDENTITY = "identity"
"""The parameter of a request that says for which network it is meant."""
IMAGES: dict[Kind, str] = {"detector": "image", "recognizer": "crops"}
"""The input of a network that has pictures."""
OUTPUTS: dict[Kind, tuple[str, ...]] = {"detector": ("region", "affinity"), "recognizer": ("symbols", "log_probs")}
"""What a network gives."""
TYPES = {"UINT8": np.uint8, "FP32": np.float32, "INT64": np.int64}
"""Triton's name of a type → numpy's."""
DTYPES = {
    "image": "UINT8",
    "region": "FP32",
    "affinity": "FP32",
    "crops": "UINT8",
    "allowed": "FP32",
    "symbols": "INT64",
    "log_probs": "FP32",
}
"""Input or output → Triton's name of its type."""


class Served(msgspec.Struct, frozen=True, kw_only=True):
    """What a server says of a network."""

    identity: str
    """See `identity_of`."""
    backend: str
    """What it runs on, by the names of `sessions.opening`."""
    precision: str
    """"fp32", …"""
    threads: int | None
    """How many it computes with on a CPU; None = one for each core."""
    limits: ShapeRange
    """Shapes that it takes, see ``IMAGES``; of the first axis, so many are run at once."""
    outputs: dict[str, tuple[int | None, ...]]
    """Output → its shape, None where it is open."""


class Fleet(msgspec.Struct, frozen=True, kw_only=True):
    """What a server says of its reader, which asks the two networks."""

    networks: dict[Kind, Served]
    """What they say of themselves."""
    options: dict[str, str | int | float | bool | None]
    """Arguments of `Reader`."""


def identity_of(bundle: Bundle, kind: Kind) -> str:
    """Return a checksum of all that a bundle says of a network, its files' checksums among it, but not its engines.

    Raises:
        BundleError: no such model.
    """
    spec = bundle.detector if kind == "detector" else bundle.recognizer
    return hashlib.sha256(msgspec.json.encode(spec)).hexdigest()


def expect_same(bundle: Bundle, kind: Kind, got: str, where: str) -> None:
    """Raise BackendError where a network is not that of a bundle."""
    expected = identity_of(bundle, kind)
    if got != expected:
        raise BackendError(
            f"{where}: expected the {kind} of {bundle.root} ({expected[:12]}), got another one ({got[:12]}); give both "
            "sides the same bundle and version of edgereader, with `edgereader export triton`"
        )
