"""Checkpoints of thin networks."""

import pytest
import torch

from edgereader.models.link_refiner import LinkRefiner


@pytest.fixture(scope="session")
def refiner():
    torch.manual_seed(0)
    return LinkRefiner(0.0625).eval()


@pytest.fixture
def save(tmp_path):
    """Save what torch can save, or a network's weights: `save(network, "a.pt")` -> path."""

    def write(contents, name="checkpoint.pt"):
        torch.save(contents.state_dict() if isinstance(contents, torch.nn.Module) else contents, tmp_path / name)
        return tmp_path / name

    return write
