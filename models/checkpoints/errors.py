"""The one error of this package."""


class CheckpointError(ValueError):
    """A file cannot be turned into the network that was asked for."""
