"""The reduced alphabet in which the frames of a track are fused: for numbers, all letters are one symbol."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import groupby

import numpy as np

from ...recognizer import Place
from ...text.alphabets import Alphabet, Probabilities
from ...text.decoding import Text
from ...text.likelihood import Likelihoods, attn_likelihoods, ctc_likelihoods
from ...text.numerals import with_shapes, without_units

LETTER = "\ufffd"
"""Stands for any letter that is no symbol of numbers."""
SQUARE_OR_CUBE = re.compile(f"{LETTER}[23]$")
"""The end of a unit, as in m³."""


Labelling = tuple[int, ...]
"""A text as it is written, with units: its merged classes."""


class ReducedAlphabet:
    """Merged classes of an alphabet: of numbers those of their symbols, and one for all letters: a unit may be any."""

    def __init__(self, alphabet: Alphabet) -> None:
        self._alphabet = alphabet
        kept = alphabet.permitted if alphabet.numbers else alphabet.charset
        self.charset = kept + LETTER if alphabet.numbers else kept
        """Characters in the order of the merged classes."""
        classes = [(special,) for special in range(alphabet.special)] + [alphabet.classes[symbol] for symbol in kept]
        self._kept = [first for first, *_ in classes]
        self._repeated = [(column, other) for column, (_, *more) in enumerate(classes) for other in more]
        self._rest = sorted(set(range(len(alphabet.charset) + alphabet.special)).difference(*classes))

    def merged(self, log_probs: Probabilities) -> Probabilities:
        """Return probabilities (T, merged classes) of log-probabilities (T, classes); look-alikes count as digits."""
        rows = np.exp(log_probs)
        if not self._alphabet.numbers:
            return rows
        shaped = with_shapes(rows, rows, self._alphabet)
        merged = np.hstack((shaped[:, self._kept], shaped[:, self._rest].sum(axis=1, keepdims=True)))
        for column, repeated in self._repeated:
            merged[:, column] += shaped[:, repeated]
        return merged

    def classes(self, text: Text) -> Labelling:
        """Return a decoded text's merged classes."""
        return tuple(self.charset.index(symbol) + self._alphabet.special for symbol in text.text)

    def greedy(self, rows: Probabilities) -> Labelling:
        """Return each step's likeliest class: CTC merges repeats and drops blanks, Attn ends at the first [s]."""
        best = rows.argmax(axis=1)
        if self._alphabet.prediction == "Attn":
            ends = np.flatnonzero(best == 1)
            return tuple(best[: ends[0] if len(ends) else len(best)].tolist())
        first = np.append(True, best[1:] != best[:-1])
        return tuple(best[first & (best > 0)].tolist())

    def likelihoods(self, frames: Sequence[Probabilities], labellings: Sequence[Labelling]) -> Likelihoods:
        """Return exact probabilities (N, K) of K labellings in N >= 1 frames' rows (T, merged classes), T of each."""
        score = attn_likelihoods if self._alphabet.prediction == "Attn" else ctc_likelihoods
        return np.concatenate([score(np.stack(list(alike)), labellings) for _, alike in groupby(frames, key=len)])

    def likelihood(self, place: Place) -> float:
        """Return how likely a frame's own text is in that frame, 0..1, exactly; with all letters for one."""
        rows = self.merged(place.log_probs)
        labellings = {self.classes(place.text), self.greedy(rows)}
        same = [labelling for labelling in labellings if self.text_of(labelling) == place.text.text]
        return float(self.likelihoods([rows], same).sum())

    def text_of(self, labelling: Labelling) -> str:
        """Return what a labelling says, units dropped; "" where it is not a number, or nothing."""
        special = self._alphabet.special
        text = "".join(self.charset[label - special] for label in labelling if label >= special)
        if not self._alphabet.numbers:
            return self._alphabet.form(text)
        text = SQUARE_OR_CUBE.sub(LETTER, text)
        inside = without_units(text, self._alphabet.symbols)
        return self._alphabet.form(text[inside]) if inside is not None else ""
