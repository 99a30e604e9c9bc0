"""Ranges are those of numpy, and what is not finite is refused."""

from __future__ import annotations

import numpy as np
import pytest

from edgereader.export.precision.ranges import measure_ranges
from edgereader.runtime.errors import ExportError

from ..networks_in_onnx import small_craft


def test_the_extremes_over_all_inputs() -> None:
    rng = np.random.default_rng(0)
    images = [factor * rng.normal(0, 1, (1, 4, 16, 16)).astype(np.float32) for factor in (1, 3, 2)]
    found = measure_ranges(small_craft(), ["image", "skip"], ({"image": each} for each in images))
    assert found["image"] == pytest.approx((min(map(np.min, images)), max(map(np.max, images))))
    assert found["skip"][0] == 0
    assert found["skip"][1] > 0


def test_infinity_names_its_tensor_and_nothing_is_refused() -> None:
    broken = np.full((1, 4, 16, 16), np.inf, np.float32)
    with pytest.raises(ExportError, match="finite activations.* image"):
        measure_ranges(small_craft(), ["image"], [{"image": broken}])
    with pytest.raises(ExportError, match="something to calibrate on"):
        measure_ranges(small_craft(), ["image"], [])
