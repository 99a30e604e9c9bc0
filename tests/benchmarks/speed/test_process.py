import subprocess
import sys

from edgereader.benchmarks.memory import MIB, host_bytes
from edgereader.benchmarks.speed.process import allocations_per_frame, device_mib, peak_bytes, resident_mib


def test_the_peak_stays_when_memory_is_given_back():
    program = (
        "from edgereader.benchmarks.speed.process import peak_bytes\n"
        "from edgereader.benchmarks.memory import host_bytes\n"
        "held = bytearray(200 << 20); del held\n"
        "print(peak_bytes() - host_bytes())"
    )
    said = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout
    assert int(said) > 150 << 20


def test_the_peak_is_at_least_what_is_resident():
    assert peak_bytes() >= host_bytes()


def test_what_the_harness_holds_is_left_out():
    assert abs(resident_mib(0) - resident_mib(50 * MIB) - 50) < 5


def test_frames_that_leave_nothing_count_nothing(fake, frames):
    reader = fake()
    reader.read = lambda _: []
    assert abs(allocations_per_frame(reader, frames, 100)) < 0.2


def test_frames_that_leave_objects_are_told(fake, frames):
    kept = []
    reader = fake()
    reader.read = lambda _: kept.append([object(), object()])
    assert allocations_per_frame(reader, frames, 100) >= 2.5


def test_no_device_memory_for_what_does_not_run_there():
    assert device_mib("cpu") is None
    assert device_mib(None) is None
