"""EdgeReader's runtime: reads the numbers in pictures, without PyTorch."""

import os

# ONNX Runtime 1.31 keeps a device's identity and sends usage to its maker, from its import on, unless this is set.
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")

from .alignment import Character
from .alphabets import NUMBERS
from .bundle import Bundle
from .decoding import Text
from .detector import Detector, Sight
from .errors import EdgeReaderError
from .heatmaps import Region
from .reader import Reader, Reading
from .recognizer import Recognizer

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
