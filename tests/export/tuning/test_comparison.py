import pytest

from edgereader.export.tuning.comparison import Comparison, Score, score
from edgereader.runtime.bundles.bundle import Bundle

from .conftest import number


def compared(before, after):
    return Comparison(Score("int8", *before), Score("fp32", *after), 10, 200)


@pytest.mark.parametrize(
    ("before", "after", "better", "forgotten"),
    [
        ((5, 100), (7, 100), True, False),
        ((5, 100), (7, 96), True, False),
        ((5, 100), (7, 95), False, True),
        ((5, 100), (4, 120), False, False),
        ((5, 100), (5, 101), True, False),
        ((5, 100), (5, 100), False, False),
        ((5, 100), (5, 99), False, False),
    ],
)
def test_better_is_what_gains_and_forgets_nothing(before, after, better, forgotten):
    comparison = compared(before, after)
    assert (comparison.better, comparison.forgotten) == (better, forgotten)


def test_rows_tell_precision_and_shares():
    rows = compared((5, 100), (7, 99)).rows()
    assert rows[0] == ("read in", "int8", "fp32")
    assert rows[1] == ("held out, 10 crops", "5 right, 50.0%", "7 right, 70.0%")
    assert rows[2] == ("generated, 200 crops", "100 right, 50.0%", "99 right, 49.5%")
    assert len(Comparison(Score("fp32", 1, 0), Score("fp32", 1, 0), 3, 0).rows()) == 2


def test_a_bundle_is_scored_by_whole_texts_as_it_runs_here():
    bundle = Bundle.open("digits-edge")
    crops = [(number("4071"), "4071"), (number("235"), "999"), (number("88.5"), "88.5")]
    found = score(bundle, crops, crops[:1])
    assert found == Score(bundle.precision("recognizer"), 2, 1)
