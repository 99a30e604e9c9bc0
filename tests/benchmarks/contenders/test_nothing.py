import numpy as np

from edgereader.benchmarks.contenders import Options
from edgereader.benchmarks.contenders.nothing import open_contender


def test_it_answers_with_nothing():
    contender, frame = open_contender("nothing", Options(backend="no such")), np.zeros((8, 8, 3), np.uint8)
    assert contender.versions == {}
    assert contender.read(frame) == []
    assert contender.recognize(frame).text == ""
    assert list(contender.read_many([frame, frame])) == [[], []]
