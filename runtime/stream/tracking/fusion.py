"""Many frames of one text → one reading.

Each frame's recognizer says how likely each text is: exactly, by the forward pass of Graves et al. (ICML 2006) for CTC
(`likelihood`). The candidates are the texts that any frame holds likely. Their logarithms are averaged over the frames
(a product of experts: Hinton, "Training Products of Experts by Minimizing Contrastive Divergence", Neural Computation
2002), and count as often as there are independent frames among them: a recognizer errs in the same way in frames that
look the same, so many of these count as one (the design effect of Kish, "Survey Sampling", 1965, section 5.4).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from itertools import takewhile

import numpy as np
from numpy.typing import NDArray

from ...recognizer import Place
from ...text.alphabets import Alphabet, Probabilities
from ...text.beam import attn_beam, ctc_beam
from ...text.decoding import FITTING_RATIO
from .reduced_alphabet import Labelling, ReducedAlphabet

NONE = 1e-3
"""Share of every frame that is kept for "anything else": so far can one frame speak against a text."""
MOST_INDEPENDENT = 4.0
"""However many and different the frames are, they count as no more: a font that is misread is misread in all."""
DOUBT = 0.95
"""A frame whose own text is less likely than this has others looked for."""
BEAM = {"width": 8, "most_symbols": 4, "unlikely": 1e-3}
"""That search is short: it runs at every frame in doubt."""
MOST_LABELLINGS = 16
"""Texts that are considered at once."""
CONTRADICTS = 0.1
"""A frame that holds the fused text less likely than this, beside its own, contradicts it."""
AGREEING, ANY = 2, 3
"""The text has changed after so many contradicting frames in a row that say the same, or so many that say anything."""

ALIKE = 0.5
"""Two readings of one text that does not change share so much at least (`difflib`'s ratio)."""

Shares = NDArray[np.float64]


@dataclass(frozen=True)
class Fused:
    """What several frames of one text say together."""

    text: str
    """The likeliest text; one that does not fit pattern or check must be far likelier than one that does."""
    confidence: float
    """How likely all its characters are right, 0..1; it does not go to 1 by counting frames that look the same."""
    confidences: tuple[float, ...]
    """How likely each character is right, 0..1: summed over all texts that have it there."""
    frames: int
    """Frames that were fused."""
    agreeing: int
    """Those of them that say the text by themselves."""
    alternatives: tuple[tuple[str, float], ...]
    """All texts that were considered, this one too, with their probabilities, likeliest first; they sum up to less
    than 1, the rest is for "none of these"."""
    accepted: bool = True
    """Whether it is what was asked for: a number unless all text is wanted, fitting pattern and check."""


class Fuser:
    """Fuses the frames of one text.

    It keeps a window of frames. A frame that contradicts what they say waits: when the next ones do so too, the text
    has changed and the window starts again with them; else it joins the others.
    """

    def __init__(self, alphabet: Alphabet, first: Place, *, most: int, newest: bool) -> None:
        """Begin with a frame whose text is what was asked for.

        Args:
            alphabet: what a reading may consist of.
            first: what the recognizer sees in the first frame.
            most: frames that are kept, at least 3.
            newest: True: the newest ones are kept, for a text that changes; False: the most certain ones.
        """
        self._alphabet, self._most, self._newest = alphabet, most, newest
        self._attn = alphabet.prediction == "Attn"
        self._symbols = ReducedAlphabet(alphabet)
        self._waiting: list[Place] = []
        self.anew = False
        """Whether the next frame begins a new look: those before it do not count any more."""
        self.fused: Fused
        self._start([first])

    def add(self, place: Place) -> bool:
        """Take another frame; return whether it is of another text altogether, so that the window was started again."""
        before, text = self.fused.text, place.text.text
        if self.anew:
            self._start([place])
            return not (_is_part(text, before) or _alike(text, before))
        if not self._newest and len(self._rows) <= ANY and _is_part(before, text):  # it comes into the picture
            self._start([place])
            return False
        contradicts = self._contradicts(place)
        self._waiting.append(place)
        if contradicts and self._changed():
            same = text == self._waiting[-2].text.text
            self._start(self._waiting[-AGREEING:] if same else self._waiting)
            return not (_is_part(text, before) or _alike(text, before))
        if not contradicts or len(self._waiting) >= ANY:
            for frame in self._waiting:
                if self._newest or not _is_part(frame.text.text, before):  # a text that moves may be cut off
                    self._join(frame)
            self._waiting = []
            self.fused = self._fuse()
        return False

    def likelihood(self, place: Place) -> float:
        """Return how likely a frame's own text is in that frame, see `ReducedAlphabet`."""
        return self._symbols.likelihood(place)

    def _changed(self) -> bool:
        """Return whether the waiting frames are of another text."""
        texts, before = [frame.text.text for frame in self._waiting], self.fused.text
        if self._newest:
            return len(texts) >= ANY or texts[-AGREEING:] == texts[-1:] * AGREEING
        same = texts[-ANY:] == texts[-1:] * ANY
        return same and (_is_part(texts[-1], before) or not _alike(texts[-1], before))

    def _start(self, places: Sequence[Place]) -> None:
        self._rows: list[Probabilities] = []
        self._labellings: list[Labelling] = []
        self._texts: list[str] = []
        self._waiting, self.anew = [], False
        self._scores: Shares = np.zeros((0, 0))
        for place in places:
            self._join(place)
        self.fused = self._fuse()

    def _contradicts(self, place: Place) -> bool:
        """Return whether a frame speaks for another text; measured on that frame alone."""
        if place.text.text == self.fused.text:
            return False
        labellings = [
            labelling for labelling, text in zip(self._labellings, self._texts, strict=True) if text == self.fused.text
        ]
        own = self._symbols.classes(place.text)
        chances = self._symbols.likelihoods([self._symbols.merged(place.log_probs)], [own, *labellings])[0]
        return bool(chances[1:].sum() < CONTRADICTS * chances[0])

    def _join(self, place: Place) -> None:
        """Take a frame into the window, with the texts that it brings."""
        rows = self._symbols.merged(place.log_probs)
        own = self._symbols.classes(place.text)
        self._rows.append(rows)
        self._scores = np.vstack((self._scores, self._symbols.likelihoods([rows], self._labellings)))
        self._consider([own, self._symbols.greedy(rows)])
        if self._scores[-1].sum() < DOUBT:
            self._consider([labelling for labelling, _ in (attn_beam if self._attn else ctc_beam)(rows, **BEAM)])  # type: ignore[arg-type]
        if len(self._rows) > self._most:
            self._drop(0 if self._newest else int(self._scores.max(axis=1).argmin()))
        self._forget()

    def _consider(self, labellings: Sequence[Labelling]) -> None:
        """Take texts that are not known yet, and score them on all frames."""
        known = set(self._labellings)
        found = {
            labelling: text
            for labelling in labellings
            if labelling not in known and (text := self._symbols.text_of(labelling))
        }
        if found:
            self._labellings += found
            self._texts += found.values()
            scores = self._symbols.likelihoods(self._rows, list(found))
            self._scores = np.hstack((self._scores, scores))

    def _drop(self, frame: int) -> None:
        del self._rows[frame]
        self._scores = np.delete(self._scores, frame, axis=0)

    def _forget(self) -> None:
        """Leave out texts that no frame holds likely any more, and the least likely where there are too many."""
        best = self._scores.max(axis=0)
        limit = max(NONE, float(np.sort(best)[-MOST_LABELLINGS:][0]))
        kept = np.flatnonzero(best >= min(limit, float(best.max())))
        if len(kept) < len(self._labellings):
            self._labellings, self._texts = [self._labellings[at] for at in kept], [self._texts[at] for at in kept]
            self._scores = self._scores[:, kept]

    def _fuse(self) -> Fused:
        texts = list(dict.fromkeys(self._texts))
        shares = np.zeros((len(self._rows), len(texts) + 1))
        np.add.at(shares.T, [texts.index(text) for text in self._texts], self._scores.T)
        shares[:, -1] = np.maximum(1 - shares[:, :-1].sum(axis=1), 0)
        fits = np.array([self._alphabet.fits(text) for text in texts] + [True])
        prior = np.log(np.where(fits, 1.0, FITTING_RATIO))
        logs = np.log(shares + NONE).mean(axis=0)
        best = int((logs + prior)[:-1].argmax())
        chances = _normal(prior + logs * independent(shares, best))
        order = np.argsort(-chances[:-1], kind="stable").tolist()
        best = order[0]
        return Fused(
            texts[best],
            float(chances[best]),
            _marginals(texts, chances, best),
            len(self._rows),
            int((shares[:, :-1].argmax(axis=1) == best).sum()),
            tuple((texts[at], float(chances[at])) for at in order),
            bool(fits[best]),
        )


def independent(shares: Shares, best: int) -> float:
    """Return as how many independent frames these count, 1..``MOST_INDEPENDENT``.

    Frames are alike as far as they doubt the same: the shared part of what they give to other texts than the best
    (Sørensen's coefficient). N frames that are alike by r count as N / (1 + (N - 1) r), the design effect.

    Args:
        shares: (N, texts + 1) what each frame gives to each text, and to none of them.
        best: the text that is likeliest.
    """
    count = len(shares)
    doubts = np.delete(shares, best, axis=1) + NONE
    sums = doubts.sum(axis=1)
    alike = 2 * np.minimum(doubts[:, None], doubts[None]).sum(axis=2) / (sums[:, None] + sums[None])
    mean = (alike.sum() - count) / max(count * (count - 1), 1)
    return min(count / (1 + (count - 1) * float(mean)), MOST_INDEPENDENT)


def _is_part(one: str, other: str) -> bool:
    return len(one) < len(other) and one in other


def _alike(one: str, other: str) -> bool:
    return SequenceMatcher(a=one, b=other).ratio() >= ALIKE


def _normal(logs: Shares) -> Shares:
    chances: Shares = np.exp(logs - logs.max())
    chances /= chances.sum()
    return chances


def _marginals(texts: Sequence[str], chances: Shares, best: int) -> tuple[float, ...]:
    """Return how likely each character of the best text is, from all texts; another length counts at equal ends."""
    text, sure = texts[best], np.zeros(len(texts[best]))
    for other, chance in zip(texts, chances.tolist(), strict=False):
        if len(other) == len(text):
            sure += [chance * (one == two) for one, two in zip(text, other, strict=True)]
        else:
            ahead, behind = _equal(text, other), _equal(text[::-1], other[::-1])
            sure[:ahead] += chance
            sure[max(len(text) - behind, ahead) :] += chance
    return tuple(np.minimum(sure, 1.0).tolist())


def _equal(one: str, other: str) -> int:
    """Return how many characters at the beginning both have."""
    return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(one, other, strict=False)))
