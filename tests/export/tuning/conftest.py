"""Crops with a number each, and few fonts for generated ones."""

from pathlib import Path

import cv2
import numpy as np
import pytest

from edgereader.models.data.labels_writer import write_labels
from edgereader.models.synthesis import fonts

FEW = (Path("/usr/share/fonts/truetype/dejavu"),)


@pytest.fixture
def few_fonts(monkeypatch):
    """Looking through hundreds of fonts takes half a minute."""
    find = fonts.find_fonts
    monkeypatch.setattr(fonts, "find_fonts", lambda _: find(FEW))


def number(text):
    image = np.full((32, 18 * len(text) + 10, 3), 230, np.uint8)
    cv2.putText(image, text, (4, 25), cv2.FONT_HERSHEY_SIMPLEX, 0.9, (20, 20, 20), 2)
    return image


@pytest.fixture
def write_crops(tmp_path):
    """Write crops with these texts into a folder: `write_crops(texts)` -> its path."""

    def write(texts, name="crops"):
        write_labels(tmp_path / name, [(number(text), [(text, None, None)]) for text in texts], suffix=".png")
        return tmp_path / name

    return write
