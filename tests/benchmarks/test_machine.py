import platform

from edgereader.benchmarks.machine import this_machine


def test_the_machine_is_described():
    machine = this_machine()
    assert machine.processor
    assert machine.cores >= 1
    assert machine.memory_gib > 0.1
    assert machine.versions["python"] == platform.python_version()
    assert "numpy" in machine.versions
