"""How likely a recognizer holds given texts, exactly; pure functions, many crops and texts at once.

CTC: the forward pass of Graves et al., "Connectionist Temporal Classification" (ICML 2006, section 4.1). Attn: the
product of the rows, which were computed for the greedy text's characters; see `beam`.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Likelihoods = NDArray[np.float64]
SMALLEST = 1e-12
"""No symbol is less likely, so that ``RESCALE`` steps stay within float64."""
RESCALE = 16
"""So often the forward pass brings its values back to about 1."""


def ctc_likelihoods(rows: NDArray[np.float32], texts: Sequence[tuple[int, ...]]) -> Likelihoods:
    """Return probabilities (N, K), each summed over all paths.

    Args:
        rows: (N, T, classes) probabilities; class 0 is the blank.
        texts: K tuples of classes; one that does not fit into T steps has 0.
    """
    longest = max(map(len, texts), default=0)
    states = np.zeros((len(texts), 2 * longest + 1), np.intp)
    for line, text in zip(states, texts, strict=True):
        line[1 : 2 * len(text) : 2] = text
    skips = np.zeros(states.shape)  # a blank may be left out between two different symbols
    skips[:, 3::2] = states[:, 3::2] != states[:, 1:-2:2]
    chances = np.maximum(rows.transpose(1, 0, 2), SMALLEST).astype(np.float64)[:, :, states]  # (T, N, K, states)
    now = np.zeros(chances.shape[1:])
    now[..., :2] = chances[0, ..., :2]
    scale = np.zeros((*now.shape[:2], 1))
    for step in range(1, len(chances)):
        after = now.copy()
        after[..., 1:] += now[..., :-1]
        after[..., 2:] += now[..., :-2] * skips[:, 2:]
        after *= chances[step]
        now = after
        if step % RESCALE == 0:
            largest = now.max(axis=-1, keepdims=True)
            now /= largest
            scale += np.log(largest)
    ends = 2 * np.array([len(text) for text in texts], np.intp)
    own = np.arange(len(texts))
    last = np.where(ends > 0, now[:, own, ends - 1], 0.0)
    total: Likelihoods = (now[:, own, ends] + last) * np.exp(scale[..., 0])
    return total


def attn_likelihoods(rows: NDArray[np.float32], texts: Sequence[tuple[int, ...]]) -> Likelihoods:
    """Return probabilities (N, K).

    Args:
        rows: (N, T, classes) probabilities; class 1 ends a text.
        texts: K tuples of classes; one that does not fit into T steps has 0.
    """
    found = np.zeros((len(rows), len(texts)))
    for place, text in enumerate(texts):
        classes = [*text, 1][: rows.shape[1]]
        if len(text) <= rows.shape[1]:
            found[:, place] = rows[:, np.arange(len(classes)), classes].astype(np.float64).prod(axis=1)
    return found
