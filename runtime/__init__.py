"""EdgeReader's runtime: reads the numbers in pictures, without PyTorch."""

from .bundle import Bundle
from .decoding import NUMBERS, Text
from .detector import Detector
from .errors import EdgeReaderError
from .heatmaps import Region
from .reader import Reader, Reading
from .recognizer import Recognizer

__all__ = ["NUMBERS", "Bundle", "Detector", "EdgeReaderError", "Reader", "Reading", "Recognizer", "Region", "Text"]
