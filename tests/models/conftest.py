"""The golden weights and outputs of the original networks, and the fonts of generated data."""

import importlib.util
import json
from pathlib import Path

import numpy as np
import pytest
import torch

from edgereader.models.synthesis import fonts as font_module
from edgereader.models.synthesis.fonts import FONT_FOLDERS, FontPool
from edgereader.models.synthesis.scenes import installed_stock

FEW = (Path("/usr/share/fonts/truetype/dejavu"),)


class Golden:
    """The golden folder: layouts, weights and expected outputs."""

    def __init__(self, root):
        self.layouts = json.loads((root / "layouts.json").read_text())
        self.special = np.load(root / "special.npz")
        self.expected = np.load(root / "expected.npz")
        self.weights = load_module(root / "weights.py")

    def load(self, network, name):
        """Strictly load the golden weights of the network called `name`."""
        arrays = self.weights.state_dict(self.layouts[name], self.special)
        network.load_state_dict({key: torch.from_numpy(np.asarray(array)) for key, array in arrays.items()})
        return network.eval()

    def images(self, shape, seed):
        """The golden input, (N, C, H, W) float32 in -1..1."""
        return torch.from_numpy(self.weights.image_batch(shape, seed))


def load_module(path):
    spec = importlib.util.spec_from_file_location(path.stem, path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="session")
def golden(shared_golden):
    return Golden(shared_golden)


@pytest.fixture(scope="session")
def fonts():
    """A few fonts, the same on every machine; `make debian` installs them, and without them the tests fail."""
    return FontPool(FEW)


@pytest.fixture(scope="module", autouse=True)
def few_fonts():
    """Where a machine's fonts would be looked for, these few are found: looking through hundreds takes 25 s."""
    find = font_module.find_fonts
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(font_module, "find_fonts", lambda folders: find(FEW if folders == FONT_FOLDERS else folders))
        yield
    installed_stock.cache_clear()
