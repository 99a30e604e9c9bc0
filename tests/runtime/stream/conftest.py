"""Parts that several tests of streams use."""

from .broker import mosquitto

__all__ = ["mosquitto"]
