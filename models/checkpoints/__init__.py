"""A file of weights -> its network: what it is, its sizes, and its weights, strictly loaded.

Importing this package imports no torch. All errors are `CheckpointError`.
"""

from .errors import CheckpointError

__all__ = ["CheckpointError"]
