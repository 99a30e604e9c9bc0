"""EdgeReader's runtime: reads the numbers in pictures, without PyTorch."""

import os

# ONNX Runtime 1.31 keeps a device's identity and sends usage to its maker, from its import on, unless this is set.
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")

from .bundles.bundle import Bundle
from .detector import Detector, Sight
from .errors import EdgeReaderError
from .geometry.heatmaps import Region
from .reader import Reader, Reading
from .recognizer import Recognizer
from .text.alignment import Character
from .text.alphabets import NUMBERS
from .text.decoding import Text

__all__ = [
    "NUMBERS",
    "Bundle",
    "Character",
    "Detector",
    "EdgeReaderError",
    "Reader",
    "Reading",
    "Recognizer",
    "Region",
    "Sight",
    "Text",
]
