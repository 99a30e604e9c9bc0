import time
from collections import defaultdict
from itertools import groupby, pairwise, product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgereader.runtime.text.beam import attn_beam, ctc_beam, ctc_runs

EVERYTHING = {"width": 10**6, "most_symbols": 10**6, "unlikely": 0.0}


@st.composite
def tiny(draw, least=2):
    """Rows of probabilities, few enough to try every path."""
    steps, count = draw(st.integers(1, 5)), draw(st.integers(least, least + 2))
    weights = draw(st.lists(st.integers(0, 9), min_size=steps * count, max_size=steps * count))
    rows = np.array(weights, np.float32).reshape(steps, count) + np.float32(0.01)
    return rows / rows.sum(axis=1, keepdims=True)


def ctc_text(path):
    return tuple(symbol for symbol, _ in groupby(path) if symbol)


def paths(rows):
    """Every path and its probability."""
    for path in product(range(rows.shape[1]), repeat=len(rows)):
        yield path, float(np.prod([row[symbol] for row, symbol in zip(rows.astype(float), path, strict=True)]))


@given(tiny())
def test_ctc_is_the_sum_over_all_paths(rows):
    expected = defaultdict(float)
    for path, probability in paths(rows):
        expected[ctc_text(path)] += probability
    found = ctc_beam(rows, **EVERYTHING)
    assert dict(found) == pytest.approx(dict(expected), rel=1e-5)
    assert all(one[1] >= other[1] for one, other in pairwise(found))


@given(tiny())
def test_a_narrow_ctc_beam_never_promises_too_much(rows):
    whole = dict(ctc_beam(rows, **EVERYTHING))
    narrow = ctc_beam(rows, width=3, most_symbols=2, unlikely=0.05)
    assert len(narrow) <= 3
    for text, probability in narrow:
        assert probability <= whole[text] * 1.00001


@given(tiny(least=3))
def test_attn_is_the_product_up_to_the_end(rows):
    expected = defaultdict(float)
    for length in range(len(rows) + 1):
        for text in product(range(2, rows.shape[1]), repeat=length):
            ends = rows[length, 1] if length < len(rows) else 1.0
            expected[text] = float(np.prod([rows[step, symbol] for step, symbol in enumerate(text)]) * ends)
    assert dict(attn_beam(rows, **EVERYTHING)) == pytest.approx(dict(expected), rel=1e-4)


@given(tiny())
def test_runs_lie_on_the_likeliest_path(rows):
    best = defaultdict(float)
    for path, probability in paths(rows):
        best[ctc_text(path)] = max(best[ctc_text(path)], probability)
    for text, _ in ctc_beam(rows, width=4):
        runs = ctc_runs(rows, text)
        assert len(runs) == len(text)
        steps = [0] * len(rows)
        for symbol, (first, last) in zip(text, runs, strict=True):
            assert 0 <= first <= last < len(rows)
            steps[first : last + 1] = [symbol] * (last + 1 - first)
        assert ctc_text(steps) == text
        got = np.prod([row[step] for row, step in zip(rows.astype(float), steps, strict=True)])
        assert got == pytest.approx(best[text], rel=1e-4)


def test_repeats_need_a_blank_between():
    rows = np.full((4, 3), 0.01, np.float32)
    rows[[0, 1, 2, 3], [1, 0, 1, 1]] = 0.98
    (best, probability), *_ = ctc_beam(rows)
    assert best == (1, 1)
    assert 0.9 < probability < 0.98
    assert ctc_runs(rows, best) == [(0, 0), (2, 3)]


def test_the_empty_text():
    assert ctc_beam(np.array([[1, 0]], np.float32)) == [((), 1.0)]
    assert ctc_runs(np.array([[1, 0], [1, 0]], np.float32), ()) == []
    assert attn_beam(np.array([[0, 1, 0]], np.float32)) == [((), 1.0)]


@pytest.mark.timed
def test_a_crop_that_could_be_anything_takes_milliseconds():
    rows = np.random.default_rng(0).dirichlet(np.full(46, 0.3), 24).astype(np.float32)
    spent = []
    for _ in range(5):
        start = time.process_time()
        assert len(ctc_beam(rows)) == 32
        spent.append(time.process_time() - start)
    print(f"beam over 24 undecided steps of 46 classes: {min(spent) * 1e3:.1f} ms")
    assert min(spent) < 0.1
