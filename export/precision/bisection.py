"""Which layers break a network in fewer bits? Found by halving, not by trying each one."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

Layer = TypeVar("Layer")


def keep_until(
    layers: Sequence[Layer],
    passes: Callable[[list[Layer]], bool],
    damage: Callable[[list[Layer]], float],
) -> list[Layer] | None:
    """The layers to keep in fp32 so that the others pass the gate in fewer bits.

    Each round keeps as many more as are kept already, at first one, so that the gate, which is slow, is asked
    no more often than twice log2 of the number of layers.

    Args:
        layers: all that could have fewer bits.
        passes: whether these layers in fewer bits, and only these, pass the gate.
        damage: how far off the outputs are with these layers in fewer bits, and only these; quick.

    Returns:
        The kept layers in the order in which they were found; None when nothing but fp32 passes.
    """
    kept: list[Layer] = []
    while len(kept) < len(layers):
        if passes([each for each in layers if each not in kept]):
            return kept
        for _ in range(max(1, len(kept))):
            left = [each for each in layers if each not in kept]
            if left:
                kept.append(worst(left, damage))
    return None


def worst(layers: Sequence[Layer], damage: Callable[[list[Layer]], float]) -> Layer:
    """The most harmful layer, in 2 · log2 of their number steps: always on into the half that harms more."""
    group = list(layers)
    while len(group) > 1:
        halves = group[: len(group) // 2], group[len(group) // 2 :]
        group = max(halves, key=damage)
    return group[0]
