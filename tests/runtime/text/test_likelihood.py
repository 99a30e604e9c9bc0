from itertools import groupby, product

import numpy as np
import pytest

from edgereader.runtime.text.likelihood import attn_likelihoods, ctc_likelihoods


def some_rows(seed, count, steps, classes):
    rows = np.random.default_rng(seed).random((count, steps, classes)).astype(np.float32) ** 3
    return rows / rows.sum(axis=2, keepdims=True)


def test_ctc_is_the_sum_over_all_paths():
    rows = some_rows(0, 3, 5, 3)
    sums = {}
    for path in product(range(3), repeat=5):
        text = tuple(symbol for symbol, _ in groupby(path) if symbol)
        sums[text] = sums.get(text, 0) + rows[:, np.arange(5), path].prod(axis=1)
    found = ctc_likelihoods(rows, list(sums))
    assert found == pytest.approx(np.stack(list(sums.values()), axis=1), rel=1e-5)
    assert found.sum(axis=1) == pytest.approx([1, 1, 1], rel=1e-5)


def test_ctc_needs_a_blank_between_equal_symbols_and_room():
    rows = some_rows(1, 1, 3, 3)
    (found,) = ctc_likelihoods(rows, [(1, 1), (1, 1, 1), (1, 2, 1), (1, 2, 1, 2)])
    assert found[0] == pytest.approx(rows[0, 0, 1] * rows[0, 1, 0] * rows[0, 2, 1])
    assert found[2] == pytest.approx(rows[0, 0, 1] * rows[0, 1, 2] * rows[0, 2, 1])
    assert found[1] == found[3] == 0


def test_long_rows_do_not_underflow():
    rows = np.full((1, 200, 4), 1e-9, np.float32)
    rows[..., 0] = 1 - 3e-9
    rows[0, 100] = 0, 1, 0, 0
    (found,) = ctc_likelihoods(rows, [(1,), (2,), ()])
    assert found[0] == pytest.approx(1, abs=1e-3)
    assert 0 <= found[1] < 1e-6
    assert np.isfinite(found).all()


def test_attn_is_the_product_of_the_rows():
    rows = some_rows(3, 2, 3, 4)
    found = attn_likelihoods(rows, [(2, 3), (2, 3, 2), (2, 3, 2, 3), ()])
    assert found[:, 0] == pytest.approx(rows[:, 0, 2] * rows[:, 1, 3] * rows[:, 2, 1])
    assert found[:, 1] == pytest.approx(rows[:, 0, 2] * rows[:, 1, 3] * rows[:, 2, 2])
    assert found[:, 2].tolist() == [0, 0]
    assert found[:, 3] == pytest.approx(rows[:, 0, 1])


def test_no_texts():
    assert ctc_likelihoods(some_rows(4, 2, 3, 3), []).shape == (2, 0)
    assert attn_likelihoods(some_rows(4, 2, 3, 3), []).shape == (2, 0)
