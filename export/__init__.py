"""Export: checkpoint -> network -> ONNX graph -> parity -> bundle, each step a file.

Importing this package imports no torch.
"""

from .pipeline import Exported, Target, export_detector, export_recognizer
from .published import export_published

__all__ = ["Exported", "Target", "export_detector", "export_published", "export_recognizer"]
