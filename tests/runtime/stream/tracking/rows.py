"""Rows of a made-up recognizer: what it would see in frames of a text."""

import numpy as np

from edgereader.runtime.recognizer import Place
from edgereader.runtime.text.alphabets import NUMBERS, make_alphabet
from edgereader.runtime.text.decoding import decode

CHARSET = "0123456789abcdefghijklmnopqrstuvwxyz.-"
STEPS = 24


def alphabet(prediction="CTC", alphabet=NUMBERS, **options):
    return make_alphabet(CHARSET, prediction, alphabet, options.pop("pattern", None), **options)


def place(text, sure=0.995, *, rivals=None, jitter=0.0, random=None, kind=None):
    """What is seen of a text.

    Args:
        text: what is written.
        sure: probability of each character.
        rivals: place in the text → (other character, its probability).
        jitter: standard deviation of noise on the logits.
        random: its generator.
        kind: an `Alphabet`.
    """
    kind = kind or alphabet()
    special, steps = kind.special, STEPS if kind.prediction == "CTC" else 12
    rows = np.full((steps, len(CHARSET) + special), 1e-6, np.float32)
    if kind.prediction == "CTC":
        rows[:, 0] = 1
        at = [1 + index * 2 for index in range(len(text))]
    else:
        rows[:, 1] = 1
        at = list(range(len(text)))
    for index, character in enumerate(text):
        row = rows[at[index]]
        other, share = (rivals or {}).get(index, ("", 0.0))
        row[:] = (1 - sure - share if share else 1 - sure) / len(row)
        row[special + CHARSET.index(character)] = 1 - share if share else sure
        if other:
            row[special + CHARSET.index(other)] = share
    logits = np.log(np.maximum(rows, 1e-7))
    if jitter:
        logits += random.normal(0, jitter, logits.shape).astype(np.float32)
    logits -= np.log(np.exp(logits).sum(axis=1, keepdims=True))
    return Place(decode(logits, kind), logits.astype(np.float32))
