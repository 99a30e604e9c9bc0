import os
import signal
import subprocess
import sys
import threading

import pytest

from edgereader.runtime.errors import (
    TRY_AGAIN,
    AlphabetError,
    BackendError,
    BackendUnavailable,
    BundleError,
    BundleNotFound,
    ConfigError,
    DatasetError,
    ServiceError,
    SinkError,
    SourceLost,
)
from edgereader.runtime.stream.shutdown import Stopping, may_pass

PROGRAM = """
import signal, sys, time
signal.signal(signal.SIGINT, signal.default_int_handler)
from edgereader.runtime.stream.shutdown import Stopping
with Stopping() as stopping:
    stopping.stops(lambda: print("stopped", flush=True))
    print("ready", flush=True)
    time.sleep(60)
"""


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_the_first_signal_stops_and_the_second_ends_at_once(number):
    with subprocess.Popen([sys.executable, "-c", PROGRAM], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout.readline() == "ready\n"
        process.send_signal(number)
        assert process.stdout.readline() == "stopped\n"
        process.send_signal(number)
        assert process.wait(20) == 128 + number


def test_a_signal_before_there_is_anything_to_stop_is_remembered():
    stopped = []
    before = signal.getsignal(signal.SIGTERM)
    with Stopping() as stopping:
        os.kill(os.getpid(), signal.SIGTERM)
        stopping.stops(lambda: stopped.append(1))
    assert stopped == [1]
    assert signal.getsignal(signal.SIGTERM) is before


def test_an_end_before_that_leaves_nothing_behind():
    with Stopping() as stopping:
        stopping.stops(lambda: None, 60)
    timers = [thread for thread in threading.enumerate() if thread.name == "edgereader-seconds"]
    for timer in timers:
        timer.join(20)
    assert not any(timer.is_alive() for timer in timers)


def test_an_ignored_signal_stays_ignored():
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        with Stopping():
            assert signal.getsignal(signal.SIGINT) == signal.SIG_IGN
    finally:
        signal.signal(signal.SIGINT, before)


def test_in_another_thread_there_are_no_signals_and_no_error():
    def run():
        with Stopping() as stopping:
            stopping.stops(lambda: None)
            done.append(signal.getsignal(signal.SIGTERM))

    done, before = [], signal.getsignal(signal.SIGTERM)
    thread = threading.Thread(target=run)
    thread.start()
    thread.join(20)
    assert done == [before]


@pytest.mark.parametrize(
    "error",
    [
        SinkError("full"),
        ServiceError("taken"),
        BackendError("no memory"),
        SourceLost("away"),
        OSError(28, "No space left on device"),
        PermissionError(13, "Permission denied"),
        MemoryError(),
    ],
)
def test_what_may_pass_is_tried_again(error, capsys):
    with pytest.raises(SystemExit) as ended, may_pass():
        raise error
    assert ended.value.code == TRY_AGAIN == os.EX_TEMPFAIL
    said = capsys.readouterr().err
    assert said.startswith("error: ")
    assert said.count("\n") == 1


@pytest.mark.parametrize(
    "error",
    [
        ConfigError("wrong"),
        BundleError("wrong"),
        BundleNotFound("none"),
        AlphabetError("wrong"),
        BackendUnavailable("none"),
        DatasetError("another"),
        BrokenPipeError(),
        ZeroDivisionError(),
    ],
)
def test_wrong_words_and_bugs_are_not(error):
    with pytest.raises(type(error)), may_pass():
        raise error
