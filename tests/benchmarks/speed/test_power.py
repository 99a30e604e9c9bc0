import ctypes
import sys
import time
from types import SimpleNamespace

import pytest

from edgereader.benchmarks.gpu.figures import Clocks
from edgereader.benchmarks.speed import power
from edgereader.benchmarks.speed.power import clocks_mhz, metered


@pytest.fixture
def counters(tmp_path, monkeypatch):
    """Two packages and a part of one, which is counted in it already."""
    for name, microjoules in (("intel-rapl:0", 900), ("intel-rapl:1", 50), ("intel-rapl:0:0", 7)):
        (tmp_path / name).mkdir()
        (tmp_path / name / "energy_uj").write_text(f"{microjoules}\n")
        (tmp_path / name / "max_energy_range_uj").write_text("999\n")
    monkeypatch.setattr(power, "POWERCAP", tmp_path)
    return tmp_path


def test_rapl_adds_the_packages_and_counters_may_begin_again(counters):
    with metered(on_gpu=False) as energy:
        (counters / "intel-rapl:0/energy_uj").write_text("100\n")
        (counters / "intel-rapl:1/energy_uj").write_text("250\n")
        (counters / "intel-rapl:0:0/energy_uj").write_text("500\n")
        time.sleep(0.01)
    assert energy.source == "rapl"
    assert energy.joules == pytest.approx(400e-6)
    assert energy.seconds >= 0.01


def test_counters_that_may_not_be_read_tell_nothing(counters):
    (counters / "intel-rapl:0/energy_uj").write_text("")
    with metered(on_gpu=False) as energy:
        pass
    assert energy.source is None


def test_a_machine_without_counters_tells_nothing(tmp_path, monkeypatch):
    monkeypatch.setattr(power, "POWERCAP", tmp_path)
    with metered(on_gpu=False) as energy:
        pass
    assert energy.source is None


def test_nvml_gives_the_gpus_energy(monkeypatch):
    used = iter((5000, 7500))

    def total(device, pointer):
        pointer._obj.value = next(used)
        return 0

    library = SimpleNamespace(
        nvmlInit_v2=lambda: 0,
        nvmlDeviceGetHandleByIndex_v2=lambda *_: 0,
        nvmlDeviceGetTotalEnergyConsumption=total,
    )
    monkeypatch.setattr(ctypes, "CDLL", lambda _: library)
    with metered(on_gpu=True) as energy:
        pass
    assert (energy.source, energy.joules) == ("nvml", 2.5)


def test_a_driver_that_does_not_start_tells_nothing(monkeypatch):
    monkeypatch.setattr(ctypes, "CDLL", lambda _: SimpleNamespace(nvmlInit_v2=lambda: 9))
    with metered(on_gpu=True) as energy:
        pass
    assert energy.source is None


def test_jtop_comes_first_and_is_asked_again_and_again(counters, monkeypatch):
    class Board:
        def start(self):
            self.power, self.closed = {"tot": {"power": 8000}}, False

        def close(self):
            self.closed = True

    board = Board()
    monkeypatch.setitem(sys.modules, "jtop", SimpleNamespace(jtop=lambda: board))
    monkeypatch.setattr(power, "JTOP_EVERY_S", 0.01)
    with metered(on_gpu=False) as energy:
        time.sleep(0.5)
    assert energy.source == "jtop"
    assert energy.joules == pytest.approx(8 * energy.seconds, rel=0.2)
    assert board.closed


def test_clocks_of_the_cores(tmp_path, monkeypatch):
    monkeypatch.setattr(power, "CPUINFO", tmp_path / "cpuinfo")
    (tmp_path / "cpuinfo").write_text("processor\t: 0\ncpu MHz\t\t: 2400.5\nprocessor\t: 1\ncpu MHz\t\t: 1800\n")
    assert clocks_mhz(on_gpu=False) == [2400.5, 1800.0]


@pytest.mark.parametrize(("said", "clocks"), [(None, []), (1980.0, [1980.0])])
def test_clocks_of_the_gpu(monkeypatch, said, clocks):
    found = Clocks(sm_mhz=said, memory_mhz=None, power_w=None, temperature_c=None)
    monkeypatch.setattr(power.state, "clocks", lambda: found)
    assert clocks_mhz(on_gpu=True) == clocks
