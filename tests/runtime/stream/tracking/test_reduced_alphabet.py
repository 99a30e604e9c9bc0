import numpy as np
import pytest

from edgereader.runtime.stream.tracking.reduced_alphabet import LETTER, ReducedAlphabet
from edgereader.runtime.text.alphabets import NUMBERS, make_alphabet

from .rows import alphabet, place


def test_letters_are_one_class_and_look_alikes_are_digits():
    reduced = ReducedAlphabet(alphabet())
    place_ = place("4o7kwh", rivals={0: ("9", 0.2), 1: ("0", 0.1)})
    merged = reduced.merged(place_.log_probs)
    assert merged.shape == (len(place_.log_probs), 1 + len(reduced.charset))
    assert merged.sum(axis=1) == pytest.approx(1, abs=1e-4)
    best = [reduced.charset[label - 1] for label in merged.argmax(axis=1) if label]
    assert "".join(best) == "407" + 3 * LETTER
    assert merged[1, 1 + reduced.charset.index("9")] == pytest.approx(0.2, abs=0.01)


@pytest.mark.parametrize(
    ("written", "text"),
    [("4711", "4711"), ("4711mmm", "4711"), ("4711m3", "4711"), ("m4711", "4711"), ("mmm", ""), ("", "")],
)
def test_units_are_dropped(written, text):
    reduced = ReducedAlphabet(alphabet())
    assert reduced.text_of(tuple(reduced.charset.index(symbol) + 1 for symbol in written.replace("m", LETTER))) == text


def test_all_text_stays_as_it_is():
    kind = alphabet("Attn", alphabet=None)
    reduced = ReducedAlphabet(kind)
    seen = place("a1m3", kind=kind)
    assert reduced.merged(seen.log_probs) == pytest.approx(np.exp(seen.log_probs))
    assert reduced.text_of(reduced.classes(seen.text)) == "a1m3"


@pytest.mark.parametrize("prediction", ["CTC", "Attn"])
def test_frames_of_different_steps_are_scored_each_by_itself(prediction):
    reduced = ReducedAlphabet(alphabet(prediction))
    rows = [reduced.merged(place(text, kind=alphabet(prediction)).log_probs) for text in ("407", "401", "407")]
    still = np.eye(rows[0].shape[1], dtype=np.float32)[[0 if prediction == "CTC" else 1] * 5]
    rows[1] = np.vstack((rows[1], still))
    labellings = [reduced.greedy(row) for row in rows[:2]]
    together = reduced.likelihoods(rows, labellings)
    np.testing.assert_array_equal(together, np.vstack([reduced.likelihoods([row], labellings) for row in rows]))
    assert together.argmax(axis=1).tolist() == [0, 1, 0]


def test_classes_of_one_character_are_one():
    repeated = make_alphabet("01.-.k", "CTC", NUMBERS, None)
    reduced = ReducedAlphabet(repeated)
    rows = np.array([[0.1, 0, 0, 0.3, 0, 0.4, 0.2]], np.float32)
    merged = reduced.merged(np.log(rows + 1e-9))
    assert merged[0, 1 + reduced.charset.index(".")] == pytest.approx(0.7, abs=1e-4)
    assert merged[0, 1 + reduced.charset.index(LETTER)] == pytest.approx(0.2, abs=1e-4)
