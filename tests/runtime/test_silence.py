import os
import threading

import pytest

from edgereader.runtime.silence import Silence


def test_what_threads_write_meanwhile_is_lost(capfd):
    silence = Silence()
    with silence():
        os.write(2, b"not allowed yet\n")
    silence.allowed = True
    inside, end = threading.Barrier(2), threading.Event()

    def stay():
        with silence():
            inside.wait()
            end.wait()
            os.write(2, b"lost\n")

    thread = threading.Thread(target=stay)
    thread.start()
    inside.wait()
    with silence():
        os.write(2, b"lost\n")
    os.write(2, b"lost, as another thread is inside\n")
    end.set()
    thread.join()
    os.write(2, b"said\n")
    with pytest.raises(KeyError), silence():
        raise KeyError
    os.write(2, b"said again\n")
    assert capfd.readouterr().err == "not allowed yet\nsaid\nsaid again\n"
