"""The bad layers are found, and with few questions."""

from __future__ import annotations

import pytest

from edgereader.export.precision.bisection import keep_until, worst

LAYERS = list(range(32))


def harm(bad: set[int]) -> dict[int, float]:
    return {layer: 10.0 + layer if layer in bad else 0.01 for layer in LAYERS}


@pytest.mark.parametrize("bad", [set(), {7}, {0, 31}, {3, 4, 20}])
def test_exactly_the_bad_layers_are_kept(bad: set[int]) -> None:
    harms, asked = harm(bad), []

    def passes(chosen: list[int]) -> bool:
        asked.append(chosen)
        return not bad & set(chosen)

    kept = keep_until(LAYERS, passes, lambda chosen: sum(harms[layer] for layer in chosen))
    assert kept is not None
    assert bad <= set(kept)
    assert len(kept) <= max(len(bad), 2 * len(bad) - 1)
    assert len(asked) <= 2 * 6


def test_one_is_found_in_two_log2_steps() -> None:
    asked = []

    def damage(chosen: list[int]) -> float:
        asked.append(chosen)
        return float(13 in chosen)

    assert worst(LAYERS, damage) == 13
    assert len(asked) == 10


def test_nothing_passes() -> None:
    rounds = []
    assert keep_until(LAYERS, lambda chosen: bool(rounds.append(chosen)), len) is None
    assert len(rounds) <= 2 * 6
