import gc
import threading
import weakref

import pytest

from edgereader.runtime.sessions.lending import Lender


class Buffer:
    """A stand-in of a binding."""

    def __init__(self, key):
        self.key, self.released = key, 0

    def release(self):
        self.released += 1


def test_what_is_lent_is_the_borrowers_alone():
    lender = Lender(Buffer)
    first, second = lender.take("a"), lender.take("a")
    assert first is not second
    lender.give_back("a", first)
    assert first.released == 1
    assert lender.take("b").key == "b"
    assert lender.take("a") is first
    assert lender.take("a") not in {first, second}


def test_as_many_are_kept_as_was_said_the_last_used_ones():
    lender = Lender(Buffer, 2)
    lent = {key: lender.take(key) for key in "abc"}
    for key, binding in lent.items():
        lender.give_back(key, binding)
    assert [key for key, _ in lender.idle] == ["b", "c"]
    lender.give_back("b", lender.take("b"))
    assert [key for key, _ in lender.idle] == ["c", "b"]


def test_room_is_made_before_a_new_one_is():
    alive, seen = weakref.WeakSet(), []

    def make(key):
        seen.append(len(alive))
        made = Buffer(key)
        alive.add(made)
        return made

    lender = Lender(make, 2)
    for key in range(6):
        lender.give_back(key, lender.take(key))
    assert seen == [0, 1, 1, 1, 1, 1]


def test_what_failed_or_was_forgotten_is_not_lent_again():
    lender = Lender(Buffer)
    with pytest.raises(ValueError), lender.lent("a") as broken:
        raise ValueError
    with lender.lent("a") as other:
        assert other is not broken
    forgotten = weakref.ref(lender.take("b"))
    gc.collect()
    assert forgotten() is None
    assert [binding for _, binding in lender.idle] == [other]


def test_no_two_threads_have_the_same():
    lender, held, twice = Lender(Buffer, 3), set(), []

    def work():
        for number in range(2000):
            with lender.lent(number % 2) as binding:
                if binding in held or binding.key != number % 2:
                    twice.append(binding)
                held.add(binding)
                held.discard(binding)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert twice == []
    assert len(lender.idle) <= 3
