"""Symbols and probabilities → text; pure functions.

A recognizer's classes are its charset after a few special ones: CTC has a blank first (Graves et al.,
"Connectionist Temporal Classification", ICML 2006), Attn has [GO] and [s] (Baek et al., "What Is Wrong
With Scene Text Recognition Model Comparisons?", ICCV 2019).
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from .alphabets import GAP, Alphabet, Probabilities
from .beam import attn_beam, ctc_beam, ctc_runs
from .numerals import as_symbol, of_shape, probability, with_shapes, without_units

FITTING_RATIO = 0.05
"""A text that fits a pattern or a check is taken from this share of the likeliest text's probability: a pattern decides
between readings in doubt, it does not make one out of another."""

NOTABLE = 0.01
"""A step at which separators are less likely than this, together, has none."""


@dataclass(frozen=True)
class Text:
    """What a recognizer reads in one crop."""

    text: str
    """The characters."""
    confidence: float
    """How likely all characters are right, 0..1: the product of theirs, and of how likely no sign, point or gap was
    missed between and beside them; where a pattern or a check chose the text, its probability, summed over all ways to
    write it that stayed in the beam."""
    confidences: tuple[float, ...]
    """Probability of each character, 0..1."""
    accepted: bool = True
    """Whether this is what was asked for: a number unless all text is wanted, fitting the pattern and the check."""
    positions: tuple[float, ...] = ()
    """Where the middle of each character is along the text, about 0..1, rising: from CTC's steps, as if their columns
    lay evenly over the crop (with TPS, over the crop that it straightened); at even distances for Attn, whose steps
    have no place."""
    dropped: tuple[float, ...] = ()
    """The same for the letters around a number that were read and left out (units, "No")."""


def decode(
    log_probs: Probabilities, alphabet: Alphabet, *, used: float = 1.0, margin: float = 0.0, temperature: float = 1.0
) -> Text:
    """Return the text of one crop.

    Without a pattern and a check this is the greedy text. With them, the likeliest text of a beam that fits, if it
    is not much less likely than the likeliest (``FITTING_RATIO``).

    Args:
        log_probs: (T, classes) float32, as the graph gives them under ``alphabet.allowed``.
        alphabet: what a reading may consist of.
        used: share of the crop's width that shows the text and its margin, 0..1; the rest is padding.
        margin: what lies before and behind the text in there, as a share of the text's width.
        temperature: > 0; probabilities are taken from ``log_probs / temperature`` (Guo et al., "On Calibration of
            Modern Neural Networks", ICML 2017). The greedy text does not depend on it.

    Returns:
        The text; where it is not accepted, the nearest text of permitted characters.
    """
    rows = np.exp(log_probs)
    soft = rows if temperature == 1 else np.exp(softened(log_probs, temperature))
    read = _Rows(log_probs, rows, soft, alphabet, used, margin)
    chosen = _best_that_fits(read) if alphabet.chooses else None
    if chosen is not None:
        return chosen
    characters = _greedy(alphabet.allowed, read)
    text = _number(characters, read) if alphabet.numbers else _greedy_text(characters, read)
    return replace(text, accepted=text.accepted and bool(text.text) and not alphabet.chooses)


def softened(log_probs: Probabilities, temperature: float) -> Probabilities:
    """Divide log-probabilities (…, classes) by a temperature > 0 and normalise them again over the classes."""
    scaled = log_probs / np.float32(temperature)
    scaled -= scaled.max(axis=-1, keepdims=True)
    scaled -= np.log(np.exp(scaled).sum(axis=-1, keepdims=True))
    return scaled


@dataclass(frozen=True)
class _Rows:
    """One crop's probabilities, and how to take them."""

    log_probs: Probabilities
    """(T, classes) as the network gives them: they decide on the characters."""
    rows: Probabilities
    """(T, classes), their exponentials."""
    soft: Probabilities
    """(T, classes) at the temperature: they are the confidences."""
    alphabet: Alphabet
    used: float
    margin: float

    @property
    def end(self) -> int:
        """The step behind the last one that shows the text."""
        return math.ceil(len(self.rows) * self.used)

    def position(self, first: int, last: int) -> float:
        """Return the middle of a CTC run of steps, as a share of the text's width; a run may go on in the padding."""
        steps = len(self.rows) * self.used
        middle = (first + max(first + 1, min(last + 1, steps))) / (2 * steps)
        return middle * (1 + 2 * self.margin) - self.margin


@dataclass(frozen=True)
class _Character:
    character: str
    step: int
    """The step that wrote it most surely."""
    position: float


def _text(characters: Sequence[_Character], read: _Rows, part: slice = slice(None), *, shapes: bool = False) -> Text:
    """Text of a part of the characters; with ``shapes``, letters count for the digits that they look like."""
    first, end, _ = part.indices(len(characters))
    kept, dropped = characters[first:end], [*characters[:first], *characters[end:]]
    chance = of_shape if shapes else probability
    confidences = tuple(chance(character.character, read.soft[character.step], read.alphabet) for character in kept)
    confidence = float(np.prod(confidences)) if kept else 0.0
    places = (tuple(character.position for character in some) for some in (kept, dropped))
    return Text("".join(character.character for character in kept), confidence, confidences, True, *places)


def _greedy_text(
    characters: Sequence[_Character], read: _Rows, part: slice = slice(None), *, shapes: bool = False
) -> Text:
    """The same, of characters in whose place nothing else was looked for: a separator may have been missed."""
    text = _text(characters, read, part, shapes=shapes)
    return replace(text, confidence=text.confidence * _none_missed(characters, read, part))


def _none_missed(characters: Sequence[_Character], read: _Rows, part: slice) -> float:
    """How likely no separator stands where none was written, between these characters and at both ends of the text.

    Of each such place the step counts at which a separator is likeliest. A gap at an end does not count, nor what
    stands between a number and its unit. Attn's steps have no place: only what comes after the last one counts.
    """
    alphabet, classes = read.alphabet, read.alphabet.separators
    loud = read.soft[:, classes].sum(axis=1).tolist()
    first, last, _ = part.indices(len(characters))
    if first >= last or max(loud) < NOTABLE:
        return 1.0
    steps, kept = [character.step for character in characters], 1.0
    for place in range(first, last + 1):
        inner = first < place < last
        if not inner and 0 < place < len(characters):
            continue
        begin, end = steps[place - 1] + 1 if place else 0, steps[place] if place < len(steps) else read.end
        if alphabet.prediction == "Attn" and place == len(steps):
            end = begin + 1
        if max(loud[begin:end], default=0.0) >= NOTABLE:
            around = {character.character for character in characters[max(place - 1, 0) : place + 1]}
            around |= set() if inner else {GAP}
            rivals = [
                symbol for symbol in classes.tolist() if alphabet.charset[symbol - alphabet.special] not in around
            ]
            kept *= 1 - min(float(read.soft[begin:end, rivals].sum(axis=1).max()), 1.0)
    return kept


def _greedy(mask: Probabilities, read: _Rows) -> list[_Character]:
    """The best permitted class of each step: CTC merges repeats and drops blanks, Attn ends at the first [s]."""
    best = (read.log_probs + mask).argmax(axis=1)
    if read.alphabet.prediction == "Attn":
        ends = np.flatnonzero(best == 1)
        return _attn_characters(best[: ends[0] if len(ends) else len(best)].tolist(), read)
    borders = (np.flatnonzero(np.diff(best)) + 1).tolist()
    runs = [(first, last - 1) for first, last in zip([0, *borders], [*borders, len(best)], strict=True) if best[first]]
    return _ctc_characters([int(best[first]) for first, _ in runs], runs, read)


def _ctc_characters(classes: Sequence[int], runs: Sequence[tuple[int, int]], read: _Rows) -> list[_Character]:
    return [
        _Character(
            read.alphabet.charset[symbol - 1],
            first + int(read.rows[first : last + 1, symbol].argmax()),
            read.position(first, last),
        )
        for symbol, (first, last) in zip(classes, runs, strict=True)
    ]


def _attn_characters(classes: Sequence[int], read: _Rows) -> list[_Character]:
    charset, count = read.alphabet.charset, len(classes)
    return [_Character(charset[symbol - 2], step, (step + 0.5) / count) for step, symbol in enumerate(classes)]


def _number(characters: list[_Character], read: _Rows) -> Text:
    """A number by the rule of `numerals`, or, not accepted, the best permitted characters."""
    judged = [
        replace(character, character=as_symbol(character.character, read.rows[character.step], read.alphabet))
        for character in characters
    ]
    inside = without_units("".join(character.character for character in judged), read.alphabet.symbols)
    if inside is not None and _is_number(characters, inside):
        return _greedy_text(judged, read, inside, shapes=True)
    return replace(_text(_greedy(read.alphabet.mask, read), read), accepted=False)


def _is_number(characters: Sequence[_Character], inside: slice) -> bool:
    """Whether a digit was read in a part of the characters, or only letters that look like some, without other letters
    around them: "go" is a word, and "o" is 0. Of 884 words and 1,255 numbers of ``synth scenes`` (seed 9001), cut by
    their labels, 16 words in place of 30 are taken for numbers, and 934 numbers are right as before.
    """
    around = [*characters[: inside.start], *characters[inside.stop :]]
    return any(one.character.isdecimal() for one in characters[inside]) or not any(
        one.character.isalpha() for one in around
    )


def _best_that_fits(read: _Rows) -> Text | None:
    """The likeliest text of the beam that fits pattern and check; the same number with other units counts for it."""
    alphabet = read.alphabet
    rows = with_shapes(read.rows, read.soft, alphabet) if alphabet.numbers else read.soft
    beam = (ctc_beam if alphabet.prediction == "CTC" else attn_beam)(rows)
    found: dict[str, float] = {}
    written: dict[str, tuple[tuple[int, ...], slice]] = {}
    for classes, share in beam:
        text = "".join(alphabet.charset[symbol - alphabet.special] for symbol in classes)
        inside = without_units(text, alphabet.symbols) if alphabet.numbers else slice(None)
        if inside is not None and (form := alphabet.form(text[inside])):
            found[form] = found.get(form, 0.0) + share
            written.setdefault(form, (classes, inside))
    best = max(filter(alphabet.fits, found), key=lambda candidate: found[candidate], default=None)
    if best is None or found[best] < FITTING_RATIO * beam[0][1]:
        return None
    classes, inside = written[best]
    read = replace(read, rows=rows, soft=rows)
    if alphabet.prediction == "CTC":
        characters = _ctc_characters(classes, ctc_runs(rows, classes), read)
    else:
        characters = _attn_characters(classes, read)
    first, end, _ = inside.indices(len(characters))
    inner = [character for character in characters[first:end] if character.character != GAP or GAP in best]
    taken = _text([*characters[:first], *inner, *characters[end:]], read, slice(first, first + len(inner)))
    return replace(taken, text=best, confidence=min(found[best], 1.0))
