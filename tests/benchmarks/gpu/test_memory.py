import numpy as np

from edgereader.benchmarks.gpu.memory import growth
from edgereader.benchmarks.memory import MIB


def test_memory_that_stays_is_constant():
    found = growth([700 * MIB] * 100, 100, 2.0)
    assert (found.slope_mib, found.low_mib, found.high_mib) == (0, 0, 0)
    assert found.constant


def test_a_leak_among_noise_is_found_with_its_size():
    noise = np.random.default_rng(0).normal(0, 1, 100)
    found = growth([int((500 + 0.05 * sample + each) * MIB) for sample, each in enumerate(noise)], 100, 2.0)
    assert found.low_mib < 5 < found.high_mib  # 0.05 MiB in 100 frames
    assert found.low_mib > 2
    assert not found.constant


def test_what_is_too_noisy_to_tell_is_not_called_constant():
    noise = np.random.default_rng(1).normal(0, 30, 100)
    found = growth([int((500 + each) * MIB) for each in noise], 100, 2.0)
    assert found.low_mib < 0 < found.high_mib
    assert not found.constant


def test_one_step_early_on_is_not_a_slope_of_nothing():
    found = growth([500 * MIB] * 50 + [540 * MIB] * 50, 100, 2.0)
    assert found.most_mib - found.first_mib == 40
    assert not found.constant
