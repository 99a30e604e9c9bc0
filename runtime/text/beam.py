"""Beam search: the texts that a recognizer holds most likely, each with its probability; pure functions.

A text is a tuple of classes. CTC's beam is a search over prefixes (Graves, "Supervised Sequence Labelling with
Recurrent Neural Networks", 2012, section 7.5; Hannun et al., arXiv:1408.2873, algorithm 1): a text's probability
is the sum over all of its paths that stayed in the beam. Attn's rows were computed for the greedy text's
characters; for any other text they are an approximation, good for one symbol in another's place, not for one
more or one less.
"""

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

WIDTH = 32
"""Texts that are kept after each step."""
MOST_SYMBOLS = 10
"""A step's symbols that are tried, the likeliest."""
UNLIKELY = 1e-4
"""Symbols below this probability are not tried."""

Rows = NDArray[np.float32]
Beam = list[tuple[tuple[int, ...], float]]
"""Texts and their probabilities, likeliest first."""


def ctc_beam(rows: Rows, *, width: int = WIDTH, most_symbols: int = MOST_SYMBOLS, unlikely: float = UNLIKELY) -> Beam:
    """Return the likeliest texts of a CTC recognizer.

    Args:
        rows: (T, classes) probabilities; class 0 is the blank.
        width: texts kept after each step.
        most_symbols: symbols tried at each step.
        unlikely: symbols below are not tried.
    """
    beam: dict[tuple[int, ...], tuple[float, float]] = {(): (1.0, 0.0)}  # probability that it ends in a blank, in none
    for row in rows:
        probabilities = row.tolist()
        symbols = _likely(row, 1, most_symbols, unlikely)
        grown: dict[tuple[int, ...], list[float]] = {}
        for text, (blank, symbol) in beam.items():
            last = text[-1] if text else 0
            stays = grown.setdefault(text, [0.0, 0.0])
            stays[0] += (blank + symbol) * probabilities[0]
            stays[1] += symbol * probabilities[last]
            for index in symbols:
                before = blank if index == last else blank + symbol
                if before > 0:
                    grown.setdefault((*text, index), [0.0, 0.0])[1] += before * probabilities[index]
        best = sorted(grown.items(), key=lambda item: -sum(item[1]))[:width]
        beam = {text: (blank, symbol) for text, (blank, symbol) in best}
    return [(text, sum(both)) for text, both in beam.items()]


def attn_beam(rows: Rows, *, width: int = WIDTH, most_symbols: int = MOST_SYMBOLS, unlikely: float = UNLIKELY) -> Beam:
    """Return the likeliest texts of an Attn recognizer, as far as the rows of its greedy text tell.

    Args:
        rows: (T, classes) probabilities; class 0 is [GO], which is never written, class 1 ends a text.
        width: texts kept after each step.
        most_symbols: symbols tried at each step.
        unlikely: symbols below are not tried.
    """
    ended: Beam = []
    open_ones: Beam = [((), 1.0)]
    for row in rows:
        probabilities = row.tolist()
        symbols = _likely(row, 2, most_symbols, unlikely)
        ended += ((text, before * probabilities[1]) for text, before in open_ones)
        grown = (((*text, symbol), before * probabilities[symbol]) for text, before in open_ones for symbol in symbols)
        open_ones = _best(grown, width)
    return _best((one for one in ended + open_ones if one[1] > 0), width)


def _likely(row: Rows, special: int, most: int, unlikely: float) -> list[int]:
    symbols = np.flatnonzero(row[special:] > unlikely) + special
    likeliest: list[int] = symbols[np.argsort(-row[symbols], kind="stable")[:most]].tolist()
    return likeliest


def _best(texts: Iterable[tuple[tuple[int, ...], float]], width: int) -> Beam:
    return sorted(texts, key=lambda pair: -pair[1])[:width]


def ctc_runs(rows: Rows, text: tuple[int, ...]) -> list[tuple[int, int]]:
    """Return the first and last step of each symbol of a text on its likeliest CTC path (Viterbi).

    Args:
        rows: (T, classes) probabilities; class 0 is the blank.
        text: the classes of a text that has a path in T steps.
    """
    states = np.zeros(2 * len(text) + 1, np.intp)
    states[1::2] = text
    skips = np.zeros(len(states), bool)  # a blank may be left out between two different symbols
    skips[3::2] = states[3::2] != states[1:-2:2]
    scores = np.log(np.maximum(rows[:, states], 1e-37))
    best = np.full(len(states), -np.inf)
    best[:2] = scores[0, :2]
    came = np.zeros((len(rows), len(states)), np.intp)
    for step in range(1, len(rows)):
        ways = np.full((3, len(states)), -np.inf)
        ways[0], ways[1, 1:], ways[2, 2:] = best, best[:-1], np.where(skips, np.roll(best, 2), -np.inf)[2:]
        came[step] = ways.argmax(axis=0)
        best = ways.max(axis=0) + scores[step]
    path = [len(states) - 1 if best[-1] >= best[max(len(states) - 2, 0)] else len(states) - 2]
    for step in range(len(rows) - 1, 0, -1):
        path.append(path[-1] - int(came[step, path[-1]]))
    steps = np.array(path[::-1])
    runs = (np.flatnonzero(steps == state) for state in range(1, len(states), 2))
    return [(int(run[0]), int(run[-1])) for run in runs]
