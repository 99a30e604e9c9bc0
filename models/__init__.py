"""PyTorch networks of EdgeReader: CRAFT, its link refiner and the four-stage recognizers.

Importing this package imports no torch; import the submodule that you need:

    from edgereader.models.craft import CRAFT
    from edgereader.models.recognizer import Recognizer, RecognizerConfig
"""
