"""TensorRT's messages and phases: nothing that happens there may raise inside of TensorRT."""

import errno
import io

import pytest

from edgereader.export.engines.build_log import BuildLog, Phases, monitor_of, recording
from edgereader.runtime.sessions.tensorrt.engines import logger_of

rtx = pytest.importorskip("tensorrt_rtx", reason="needs TensorRT for RTX: pip install tensorrt-rtx")


class FullDisk(io.StringIO):
    def write(self, _text):
        raise OSError(errno.ENOSPC, "No space left on device")


def test_warnings_are_kept_once_and_errors_quoted_last_first_to_go():
    stream = io.StringIO()
    log = BuildLog(stream)
    for text in ("one", "two", "three\n  lines", "four"):
        log.take("ERROR", text)
    for text in ("slow ", "slow", "ModelImporter.cpp:1303: Make sure output symbols has Int64 binding."):
        log.take("WARNING", text)
    log.take("INTERNAL_ERROR", "cudaError 35: no driver")
    log.take("VERBOSE", "detail")
    assert log.quoted() == "two; three lines; four"
    assert log.warnings == ["slow"]
    lines = stream.getvalue().splitlines()
    assert lines[0] == "ERROR    one"
    assert lines[-1] == "VERBOSE  detail"
    assert any("Int64" in line for line in lines), "in the file there is all"


def test_a_missing_driver_is_quoted_only_where_nothing_else_is_wrong():
    log = BuildLog(None)
    assert log.quoted() == "nothing that it would name"
    log.take("ERROR", "cudaError 35: no driver")
    assert log.quoted() == "cudaError 35: no driver"


def test_a_disk_that_fills_up_ends_the_file_and_not_the_build():
    log = BuildLog(FullDisk())
    log.take("INFO", "one")
    log.take("INFO", "two")
    assert log.warnings == ["the build log is incomplete: No space left on device"]


def test_messages_of_the_library_come_in_while_recording_lasts(tmp_path):
    with recording(rtx, tmp_path / "log") as messages:
        assert rtx.Builder(logger_of(rtx)) is not None
        logger_of(rtx).log(rtx.Logger.ERROR, "told")
    logger_of(rtx).log(rtx.Logger.ERROR, "not told")
    assert messages.errors == ["told"]
    assert (tmp_path / "log").read_text().endswith("ERROR    told\n")


def test_progress_of_phases_within_phases_never_falls():
    phases = Phases()
    assert phases.now() == (0, "")
    phases.enter("build", 4)
    phases.advance("build", 0)
    phases.enter("optimise", 2)
    assert phases.now() == (0.25, "optimise")
    assert phases.advance("optimise", 0)
    assert phases.now() == (0.375, "optimise")
    phases.leave("optimise")
    assert phases.now() == (0.375, "build")
    phases.advance("build", 3)
    assert phases.now() == (1, "build")
    phases.leave("build")
    phases.leave("never begun")
    assert phases.now() == (1, "")


def test_the_monitor_stops_a_build_when_told():
    phases = Phases()
    monitor = monitor_of(rtx, phases)
    monitor.phase_start("build", None, 2)
    assert monitor.step_complete("build", 0)
    assert phases.now() == (0.5, "build")
    phases.stop = True
    assert not monitor.step_complete("build", 1)
    monitor.phase_finish("build")
    assert phases.stack == []
