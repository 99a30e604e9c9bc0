"""Export: checkpoint -> network -> ONNX graph -> parity -> bundle, each step a file.

Importing this package imports no torch.
"""
