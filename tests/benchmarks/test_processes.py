import subprocess
import sys

from edgereader.benchmarks.processes import death, end


def started(program):
    return subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, start_new_session=True)


def test_ending_gives_what_was_written():
    process = started("import time; print('said', flush=True); time.sleep(60)")
    assert process.stdout.readline() == b"said\n"
    assert end(process) == b""
    assert process.returncode == -9


def test_a_process_that_has_ended_is_no_error():
    process = started("print('said')")
    process.wait()
    assert end(process) == b"said\n"
    assert process.returncode == 0


def test_the_last_line_is_the_reason_and_a_signal_is_named():
    assert death(1, "Traceback\n  line\nValueError: no\n\n") == "ValueError: no"
    assert death(-11, "") == "SIGSEGV: it said nothing"
    assert len(death(1, "x" * 2000)) == 500
