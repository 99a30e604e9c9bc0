"""Checkpoints of thin networks."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from edgereader.models.link_refiner import LinkRefiner


@pytest.fixture(scope="session")
def refiner() -> LinkRefiner:
    torch.manual_seed(0)
    return LinkRefiner(0.0625).eval()


@pytest.fixture
def save(tmp_path: Path) -> Callable[..., Path]:
    """Save what torch can save, or a network's weights: `save(network, "a.pt")` -> path."""

    def write(contents: Any, name: str = "checkpoint.pt") -> Path:
        torch.save(contents.state_dict() if isinstance(contents, torch.nn.Module) else contents, tmp_path / name)
        return tmp_path / name

    return write
