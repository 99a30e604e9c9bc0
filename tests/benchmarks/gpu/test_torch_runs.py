"""PyTorch's contenders, on the CPU and thin."""

import numpy as np
import pytest
import torch

from edgereader.benchmarks.gpu.jobs import EAGER, Contender
from edgereader.benchmarks.gpu.torch_runs import torch_runner
from edgereader.benchmarks.networks import random_craft, random_recognizer
from edgereader.runtime.errors import BackendUnavailable


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    path = tmp_path_factory.mktemp("checkpoints")
    torch.save(random_craft(0.125).state_dict(), path / "detector.pt")
    torch.save(random_recognizer(0.125).state_dict(), path / "recognizer.pt")
    return path


@pytest.mark.parametrize(
    ("kind", "size", "shapes"),
    [
        ("detector", "64x96", {"region": (1, 32, 48), "affinity": (1, 32, 48)}),
        ("recognizer", "2 crops", {"symbols": (2, 26), "log_probs": (2, 26, 38)}),
    ],
)
def test_outputs_are_those_of_the_contract_in_buffers_that_stay(folder, kind, size, shapes):
    run = torch_runner(EAGER, kind, folder, gpu=False)(size)
    first, second = run(), run()
    assert {name: each.shape for name, each in first.items()} == shapes
    assert all(first[name].ctypes.data == second[name].ctypes.data for name in shapes)
    assert all(np.isfinite(each).all() for each in first.values())


def test_half_precision_of_the_detector_is_near(folder):
    full = torch_runner(EAGER, "detector", folder, gpu=False)("64x96")()["region"].copy()
    half = torch_runner(Contender("PyTorch eager", "fp16"), "detector", folder, gpu=False)("64x96")()["region"]
    assert half.dtype == np.float16
    assert 0 < np.abs(half - full).max() < 0.05


def test_a_pytorch_without_cuda_is_skipped_with_the_reason(folder):
    if torch.cuda.is_available():
        pytest.skip("this PyTorch has CUDA")
    with pytest.raises(BackendUnavailable, match="has no CUDA here"):
        torch_runner(EAGER, "detector", folder, gpu=True)
