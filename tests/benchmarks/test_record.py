import platform

import pytest

from edgereader.benchmarks.record import this_machine, write_file


def test_a_file_that_cannot_be_written_leaves_nothing(tmp_path):
    (tmp_path / "report.json").mkdir()
    with pytest.raises(OSError):
        write_file(tmp_path / "report.json", "text")
    assert [path.name for path in tmp_path.iterdir()] == ["report.json"]


def test_the_machine_is_described():
    machine = this_machine()
    assert machine.processor
    assert machine.cores >= 1
    assert machine.memory_gib > 0.1
    assert machine.versions["python"] == platform.python_version()
    assert "numpy" in machine.versions
