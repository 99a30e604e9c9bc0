"""A file of weights -> its network: what it is, its sizes, and its weights, strictly loaded.

Importing this package imports no torch.
"""


class CheckpointError(ValueError):
    """A file cannot be turned into the network that was asked for: the one error of this package."""
