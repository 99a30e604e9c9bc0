import sys

import pytest

from edgereader.benchmarks.speed import peak
from edgereader.benchmarks.speed.peak import KERNELS, LEAST_RUNS, fastest_s, peak_gops
from edgereader.runtime.errors import BackendUnavailable


@pytest.mark.parametrize("precision", list(KERNELS))
def test_a_peak_is_measured_once(precision, monkeypatch):
    monkeypatch.setattr(peak, "SIDE", 64)
    found = peak_gops(precision, 1, 0.0)
    assert 0 < found < 1e5
    assert peak_gops(precision, 1, 0.0) == found


def test_the_fastest_kernel_counts(monkeypatch):
    monkeypatch.setattr(peak, "runner", lambda _operator, left, _right, _threads: left)
    monkeypatch.setattr(peak, "fastest_s", lambda run, _seconds: {"uint8": 0.001, "int8": 0.5}[run])
    assert peak_gops("int8", 3) == pytest.approx(2 * peak.SIDE**3 / 1e6)


def test_a_kernel_runs_a_few_times_at_least():
    runs = []
    assert fastest_s(lambda: runs.append(1), 0.0) >= 0
    assert len(runs) == LEAST_RUNS


def test_another_precision_is_refused():
    with pytest.raises(ValueError, match="'fp16': expected fp32 or int8"):
        peak_gops("fp16")


def test_without_onnx_the_fix_is_told(monkeypatch):
    monkeypatch.setitem(sys.modules, "onnx", None)
    with pytest.raises(BackendUnavailable, match=r"needs onnx: pip install .* 'onnx>="):
        peak_gops("fp32", 7)
