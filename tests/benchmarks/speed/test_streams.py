import threading

import pytest

from edgereader.benchmarks.speed.streams import Shared, Streams


def test_one_reader_reads_in_the_thread_that_asks(fake, frames):
    reader = fake()
    threads = []
    reader.read_many = lambda given: (threads.append(threading.get_ident()) or frame for frame in given)
    Streams([reader]).read_all(frames)
    assert set(threads) == {threading.get_ident()}
    assert len(threads) == len(frames)


def test_readers_share_the_photos(fake, frames):
    readers = [fake(seconds=0.02), fake(seconds=0.02)]
    Streams(readers).read_all(frames)
    assert sorted(readers[0].seen + readers[1].seen) == [0, 1, 2, 3]
    assert all(reader.seen for reader in readers)


def test_a_failure_of_one_reader_is_raised(fake, frames):
    with pytest.raises(RuntimeError, match="out of luck"):
        Streams([fake(seconds=0.01), fake(seconds=0.01, fails_at=0)]).read_all(frames)


def test_a_shared_iterator_gives_each_once():
    shared, got = Shared(range(2000)), []
    threads = [threading.Thread(target=lambda: got.extend(shared)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(got) == list(range(2000))
