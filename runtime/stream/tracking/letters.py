"""What texts are made of when frames are fused."""

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


Form = tuple[int, ...]
"""A text as it is written, with units, as merged classes."""


class Letters:
    """Classes as they are fused: of numbers those of their symbols, and one for all letters, as a unit may be any."""

    def __init__(self, alphabet: Alphabet) -> None:
        self._alphabet = alphabet
        kept = alphabet.permitted if alphabet.numbers else alphabet.charset
        self.charset = kept + LETTER if alphabet.numbers else kept
        """Characters in the order of the merged classes."""
        classes = [(each,) for each in range(alphabet.special)] + [alphabet.classes[each] for each in kept]
        self._kept = [first for first, *_ in classes]
        self._repeated = [(column, each) for column, (_, *more) in enumerate(classes) for each in more]
        self._rest = sorted(set(range(len(alphabet.charset) + alphabet.special)).difference(*classes))

    def merged(self, log_probs: Probabilities) -> Probabilities:
        """Probabilities (T, merged classes) of log-probabilities (T, classes); look-alike letters count as digits."""
        rows = np.exp(log_probs)
        if not self._alphabet.numbers:
            return rows
        shaped = with_shapes(rows, rows, self._alphabet)
        merged = np.hstack((shaped[:, self._kept], shaped[:, self._rest].sum(axis=1, keepdims=True)))
        for column, repeated in self._repeated:
            merged[:, column] += shaped[:, repeated]
        return merged

    def classes(self, text: Text) -> Form:
        """A decoded text's classes."""
        return tuple(self.charset.index(each) + self._alphabet.special for each in text.text)

    def greedy(self, rows: Probabilities) -> Form:
        """Each step's likeliest class: CTC merges repeats and drops blanks, Attn ends at the first [s]."""
        best = rows.argmax(axis=1)
        if self._alphabet.prediction == "Attn":
            ends = np.flatnonzero(best == 1)
            return tuple(best[: ends[0] if len(ends) else len(best)].tolist())
        first = np.append(True, best[1:] != best[:-1])
        return tuple(best[first & (best > 0)].tolist())

    def likelihoods(self, frames: Sequence[Probabilities], forms: Sequence[Form]) -> Likelihoods:
        """Probabilities (N, K), exactly, of K forms in N >= 1 frames' rows (T, merged classes), each of its own T."""
        score = attn_likelihoods if self._alphabet.prediction == "Attn" else ctc_likelihoods
        return np.concatenate([score(np.stack(list(alike)), forms) for _, alike in groupby(frames, key=len)])

    def likelihood(self, place: Place) -> float:
        """How likely a frame's own text is in that frame, 0..1, exactly; with all letters for one."""
        rows = self.merged(place.log_probs)
        forms = {self.classes(place.text), self.greedy(rows)}
        same = [each for each in forms if self.said(each) == place.text.text]
        return float(self.likelihoods([rows], same).sum())

    def said(self, form: Form) -> str:
        """What a form says, units dropped; "" where it is not a number, or nothing."""
        special = self._alphabet.special
        text = "".join(self.charset[each - special] for each in form if each >= special)
        if not self._alphabet.numbers:
            return self._alphabet.form(text)
        text = SQUARE_OR_CUBE.sub(LETTER, text)
        inside = without_units(text, self._alphabet.symbols)
        return self._alphabet.form(text[inside]) if inside is not None else ""
