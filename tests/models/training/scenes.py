"""Words and scenes that are drawn by hand."""

import numpy as np

from edgereader.models.data.samples import Scene, Word


def box(x0, y0, x1, y1):
    return np.array([[x0, y0], [x1, y0], [x1, y1], [x0, y1]], np.float32)


def word_of(text, *boxes, ignored=False):
    quads = np.stack(boxes)
    return Word(text, np.stack([quads[0, 0], quads[-1, 1], quads[-1, 2], quads[0, 3]]), quads, ignored)


def scene_of(words, height, width, taught=None):
    return Scene(np.zeros((height, width, 3), np.uint8), words, taught)
