from dataclasses import replace

import numpy as np
import pytest

from edgereader.runtime.text.alphabets import NUMBERS, make_alphabet
from edgereader.runtime.text.beam import ctc_beam
from edgereader.runtime.text.decoding import decode

CHARSET = "0123456789abcdefghijklmnopqrstuvwxyz$%#+-/.,:"
SPACED = CHARSET + " '"
SPECIAL = {"CTC": 1, "Attn": 2}


def steps(prediction, *rows, charset=CHARSET):
    """Log-probabilities (T, classes) from rows like {"7": 0.9, "z": 0.1}; "" is the blank or [s]."""
    special = SPECIAL[prediction]
    log_probs = np.full((len(rows), len(charset) + special), 1e-7)
    for row, wanted in zip(log_probs, rows, strict=True):
        for character, probability in wanted.items():
            row[charset.index(character) + special if character else special - 1] = probability
    return np.log(log_probs / log_probs.sum(axis=1, keepdims=True)).astype(np.float32)


def written(prediction, *characters, charset=CHARSET):
    """Log-probabilities of a text whose characters are these rows: with blanks between for CTC, an end for Attn."""
    if prediction == "Attn":
        return steps(prediction, *characters, {"": 1}, {"9": 1}, charset=charset)
    return steps(prediction, *(step for row in characters for step in ({"": 1}, row)), {"": 1}, charset=charset)


def sure(text, probability=0.99):
    return [{character: probability, "": 1 - probability} for character in text]


@pytest.fixture(params=["CTC", "Attn"])
def prediction(request):
    return request.param


def read(log_probs, prediction, alphabet=NUMBERS, pattern=None, check=None):
    return decode(log_probs, make_alphabet(CHARSET, prediction, alphabet, pattern, check))


def test_ctc_merges_repeats_and_drops_blanks():
    path = [{"": 1}, {"1": 0.8}, {"1": 0.9}, {"": 1}, {"1": 0.7}, {"2": 0.6}, {"2": 0.6}]
    text = read(steps("CTC", *path), "CTC")
    assert text.text == "112"
    assert text.confidences == pytest.approx((1, 1, 1), abs=1e-4), "rows are normalised"


def test_confidence_is_the_product_of_the_best_step_of_each_character():
    path = [{"1": 0.8, "": 0.2}, {"1": 0.9, "": 0.1}, {"": 1}, {"4": 0.5, "": 0.3, "7": 0.2}]
    text = read(steps("CTC", *path), "CTC")
    assert text.text == "14"
    assert text.confidences == pytest.approx((0.9, 0.5), abs=1e-4)
    assert text.confidence == pytest.approx(0.45, abs=1e-4)


def test_attn_stops_at_the_end():
    text = read(steps("Attn", {"4": 1}, {"2": 1}, {"": 1}, {"7": 1}), "Attn")
    assert (text.text, text.accepted) == ("42", True)


def test_attn_without_an_end_takes_all_steps_and_never_go():
    log_probs = steps("Attn", {"4": 1}, {"2": 1})
    log_probs[:, 0] = 0
    assert read(log_probs, "Attn").text == "42"


def test_nothing_is_not_accepted(prediction):
    text = read(steps(prediction, {"": 1}, {"": 1}), prediction)
    assert (text.text, text.confidence, text.confidences, text.accepted) == ("", 0.0, (), False)
    assert not read(steps(prediction, {"": 1}), prediction, None).accepted


@pytest.mark.parametrize("text", ["7", "1234567890", "12.5", "-3", "$9.99", "50%", "#7", "12:30", "1/2", "+49"])
def test_numbers_stay(text, prediction):
    found = read(written(prediction, *sure(text)), prediction)
    assert (found.text, found.accepted) == (text, True)
    assert len(found.confidences) == len(text)


@pytest.mark.parametrize(
    ("text", "number"),
    [("go", None), ("ok", None), ("big", None), ("g0", "0"), ("go1", "01"), ("o", "0"), ("ol", "01")],
)
def test_letters_that_look_like_digits_are_none_beside_other_letters(text, number, prediction):
    """Unless one of them was read as a digit; "g" looks like 6, but here it has no share of one."""
    shares = {
        "o": {"o": 0.9, "0": 0.1},
        "b": {"b": 0.9, "8": 0.1},
        "i": {"i": 0.9, "1": 0.1},
        "l": {"l": 0.9, "1": 0.1},
    }
    found = read(written(prediction, *(shares.get(letter, {letter: 1}) for letter in text)), prediction)
    assert (found.text if found.accepted else None) == number


@pytest.mark.parametrize("word", ["boss", "oil", "so", "store", "kwh", "i", "a1b2", "4x4", "bs5", "-", "...", "$"])
def test_words_are_no_numbers(word, prediction):
    found = read(written(prediction, *sure(word)), prediction)
    assert not found.accepted
    assert set(found.text) <= set(NUMBERS)


def test_a_rejected_word_comes_back_as_the_best_permitted_characters(prediction):
    found = read(written(prediction, *({letter: 0.97, "8": 0.01} for letter in "xx")), prediction)
    assert (found.text, found.accepted) == ("88", False)
    assert found.confidence < 0.001


@pytest.mark.parametrize(("letter", "digit"), [("o", "0"), ("i", "1"), ("l", "1"), ("s", "5"), ("b", "8"), ("z", "2")])
def test_unsure_look_alikes_become_digits(letter, digit, prediction):
    unsure = {letter: 0.9, digit: 0.08}
    found = read(written(prediction, {"4": 1}, unsure, {"7": 1}), prediction)
    assert (found.text, found.accepted) == (f"4{digit}7", True)
    assert found.confidence == pytest.approx(1, abs=0.03), "the letter's probability speaks for the digit's shape"


def test_other_letters_need_more_doubt(prediction):
    def between(share):
        return read(written(prediction, {"4": 1}, {"k": 1, "6": share}, {"7": 1}), prediction)

    assert between(0.6).text == "467"
    assert between(0.6).confidences[1] == pytest.approx(0.6 / 1.6, abs=1e-3)
    assert not between(0.3).accepted


def test_places_of_characters_and_of_dropped_letters():
    path = [{"": 1}, {"4": 1}, {"4": 1}, {"": 1}, {"2": 1}, {"": 1}, {"7": 1}, {"k": 1}]
    text = decode(steps("CTC", *path), make_alphabet(CHARSET, "CTC", NUMBERS, None))
    assert (text.text, text.accepted) == ("427", True)
    assert text.positions == pytest.approx((2 / 8, 4.5 / 8, 6.5 / 8))
    assert text.dropped == pytest.approx((7.5 / 8,))
    half = decode(steps("CTC", *path), make_alphabet(CHARSET, "CTC", NUMBERS, None), used=0.5)
    assert half.positions == pytest.approx([2 * position for position in text.positions]), (
        "the rest of the crop is padding"
    )
    attn = read(written("Attn", *sure("42k")), "Attn")
    assert attn.positions == pytest.approx((1 / 6, 3 / 6))
    assert attn.dropped == pytest.approx((5 / 6,))


def test_a_temperature_changes_confidences_and_not_texts(prediction):
    log_probs = written(prediction, {"4": 0.9, "7": 0.1}, {"z": 0.9, "2": 0.08, "k": 0.02}, {"7": 0.6, "1": 0.4})
    alphabet = make_alphabet(CHARSET, prediction, NUMBERS, None)
    cold, plain, hot = (decode(log_probs, alphabet, temperature=temperature) for temperature in (0.5, 1.0, 3.0))
    assert cold.text == plain.text == hot.text == "427"
    assert all(a > b > c for a, b, c in zip(cold.confidences, plain.confidences, hot.confidences, strict=True))
    row = np.exp(log_probs[1 if prediction == "CTC" else 0]) ** (1 / 3)
    assert hot.confidences[0] == pytest.approx((row / row.sum()).max(), rel=1e-4)


def test_a_pattern_takes_the_likeliest_text_that_fits(prediction):
    log_probs = written(prediction, {"4": 0.9, "7": 0.1}, {"1": 0.7, ".": 0.3}, {"8": 0.8, "3": 0.2})
    found = read(log_probs, prediction, pattern=r"\d\.\d")
    assert (found.text, found.accepted) == ("4.8", True)
    assert found.confidence == pytest.approx(0.9 * 0.3 * 0.8, rel=0.01)
    assert found.confidences == pytest.approx((0.9, 0.3, 0.8), rel=0.01)
    assert len(found.positions) == 3
    found = read(log_probs, prediction, pattern=r"7.8")
    assert (found.text, found.confidence) == ("718", pytest.approx(0.1 * 0.7 * 0.8, rel=0.01))
    assert not read(log_probs, prediction, pattern=r"7.3").accepted, "too unlikely against 418"


def test_a_missing_dot_is_found_between_the_digits():
    path = [{"4": 1}, {"": 0.8, ".": 0.2}, {"8": 0.9, "6": 0.1}, {"": 1}]
    found = read(steps("CTC", *path), "CTC", pattern=r"\d\.\d")
    assert (found.text, found.accepted) == ("4.8", True)
    assert found.confidence == pytest.approx(0.18, rel=0.01)
    assert found.positions == pytest.approx((0.5 / 4, 1.5 / 4, 2.5 / 4))


def test_where_nothing_fits_the_greedy_text_comes_back_unaccepted(prediction):
    log_probs = written(prediction, *sure("1234"))
    plain, found = read(log_probs, prediction), read(log_probs, prediction, pattern="[a-z]+")
    assert found == replace(plain, accepted=False)


def test_the_certain_text_is_the_same_with_a_pattern(prediction):
    log_probs = written(prediction, *sure("12.34"))
    plain, found = read(log_probs, prediction), read(log_probs, prediction, pattern=r"[\d.]+")
    assert (found.text, found.positions) == (plain.text, plain.positions)
    assert found.confidence == pytest.approx(plain.confidence, rel=0.05)


def test_words_do_not_become_numbers_for_a_pattern(prediction):
    assert not read(written(prediction, *sure("boss")), prediction, pattern=r"\d{4}").accepted
    assert not read(written(prediction, *sure("kwh")), prediction, pattern=r"\d*").accepted


def test_units_are_dropped_and_look_alikes_are_digits_under_a_pattern(prediction):
    found = read(written(prediction, *sure("123kwh")), prediction, pattern=r"\d{3}")
    assert (found.text, found.accepted, len(found.dropped)) == ("123", True, 3)
    unsure = [{"4": 1}, {"o": 0.9, "0": 0.1}, {"7": 1}]
    found = read(written(prediction, *unsure), prediction, pattern=r"\d{3}")
    assert found.text == "407"
    assert found.confidence == pytest.approx(1, abs=0.02), "the letter's probability speaks for the digit's shape"


def test_a_check_takes_the_likeliest_text_that_passes(prediction):
    digits = [*sure("7992739871"), {"8": 0.6, "3": 0.4}]
    found = read(written(prediction, *digits), prediction, check="luhn")
    assert (found.text, found.accepted) == ("79927398713", True)
    assert found.confidence == pytest.approx(0.4, abs=0.05)
    vetoed = read(written(prediction, *sure("79927398710")), prediction, check="luhn", pattern=r"\d+0")
    assert not vetoed.accepted
    assert not read(written(prediction, *sure("123")), prediction, check="ean13").accepted


def test_container_codes_are_read_with_letters(prediction):
    unsure = {"o": 0.7, "0": 0.3}
    log_probs = written(prediction, *sure("csqu3"), unsure, *sure("54383"))
    found = read(log_probs, prediction, check="iso6346")
    assert (found.text, found.accepted) == ("CSQU3054383", True), "in capitals, as they are written"


@pytest.mark.parametrize("seed", range(20))
def test_a_pattern_for_everything_finds_the_likeliest_text_of_all(seed):
    rows = np.random.default_rng(seed).dirichlet(np.full(len(CHARSET) + 1, 0.05), 5).astype(np.float32)
    text = decode(np.log(np.maximum(rows, 1e-30)), make_alphabet(CHARSET, "CTC", None, ".*"))
    best, probability = next(candidate for candidate in ctc_beam(rows) if candidate[0])
    assert text.text == "".join(CHARSET[symbol - 1] for symbol in best)
    assert text.confidence == pytest.approx(probability, rel=1e-3)


def spaced(text, prediction, alphabet=NUMBERS, pattern=None, check=None):
    return decode(
        written(prediction, *sure(text), charset=SPACED), make_alphabet(SPACED, prediction, alphabet, pattern, check)
    )


@pytest.mark.parametrize(
    ("text", "number"), [("123kwh", "123"), ("5km", None), ("-40c", "-40"), ("12 345 kwh", "12 345"), ("room 12", None)]
)
def test_numbers_with_gaps_and_units(text, number, prediction):
    found = spaced(text, prediction)
    assert (found.text if found.accepted else None) == number
    if number is not None:
        assert len(found.confidences) == len(found.positions) == len(number)


def test_patterns_and_checks_close_gaps(prediction):
    found = spaced("123 456", prediction, pattern="[0-9]{6}")
    assert (found.text, found.accepted, len(found.positions), len(found.confidences)) == ("123456", True, 6, 6)
    assert found.dropped == ()
    assert spaced("123 456", prediction, pattern="[0-9]{3} [0-9]{3}").text == "123 456"
    assert spaced("4006381 333931", prediction, check="ean13").text == "4006381333931"
    assert spaced("12 345 kwh", prediction, pattern="[0-9]{5}").text == "12345"


@pytest.mark.parametrize("word", ["open", "boss", "kwh"])
def test_an_alphabet_of_digits_leaves_words_out_too(word, prediction):
    letters = [{letter: 0.97, "0": 0.02} if letter != "o" else {"o": 0.99, "0": 0.005} for letter in word]
    assert not read(written(prediction, *letters), prediction, "0123456789").accepted
    found = read(written(prediction, *sure("12")), prediction, "0123456789")
    assert (found.text, found.accepted) == ("12", True)


def test_an_alphabet_of_digits_has_no_other_symbols(prediction):
    found = read(written(prediction, {"1": 1}, {"/": 0.6, "1": 0.4}, {"7": 1}), prediction, "0123456789")
    assert (found.text, found.accepted) == ("117", True)


@pytest.mark.parametrize(
    ("row", "kept"),
    [
        ({"": 0.6, "/": 0.4}, 0.6),
        ({"": 0.5, "/": 0.3, "-": 0.2}, 0.5),
        ({"1": 0.7, ".": 0.3}, 0.7),
        ({"": 0.6, "k": 0.4}, 1.0),
        ({"": 1.0}, 1.0),
    ],
)
def test_a_separator_that_may_have_been_missed_costs_confidence(row, kept):
    found = read(steps("CTC", {"": 1}, {"1": 1}, row, {"": 1}, {"4": 1}, {"": 1}), "CTC")
    assert found.text == "14"
    assert found.confidence == pytest.approx(kept, abs=1e-3)


def test_signs_at_both_ends_may_have_been_missed_too():
    found = read(steps("CTC", {"": 0.7, "-": 0.3}, {"1": 1}, {"": 1}, {"8": 1}, {"": 0.8, "%": 0.2}), "CTC")
    assert (found.text, found.confidence) == ("18", pytest.approx(0.56, abs=1e-3))
    padded = steps("CTC", {"1": 1}, {"": 1}, {"8": 1}, {"": 1}, {"": 0.5, "%": 0.5}, {"": 1})
    assert decode(padded, make_alphabet(CHARSET, "CTC", NUMBERS, None), used=4 / 6).confidence > 0.99, "in the padding"
    ended = read(steps("Attn", {"1": 1}, {"8": 1}, {"": 0.7, "%": 0.3}, {"%": 1}), "Attn")
    assert (ended.text, ended.confidence) == ("18", pytest.approx(0.7, abs=1e-3))


def test_what_was_written_was_not_missed():
    found = read(steps("CTC", {"1": 1}, {".": 0.9, "": 0.1}, {".": 0.6, "": 0.4}, {"5": 1}), "CTC")
    assert (found.text, found.confidence) == ("1.5", pytest.approx(0.9, abs=1e-3))
    unit = read(steps("CTC", *sure("123"), {"": 0.5, ".": 0.5}, *sure("kg"), {"": 1}), "CTC")
    assert (unit.text, unit.confidence) == ("123", pytest.approx(0.99**3, abs=1e-3)), "between a number and its unit"
    alphabet = make_alphabet(SPACED, "CTC", NUMBERS, None)
    path = [{"1": 1}, {"": 0.7, " ": 0.3}, {"8": 1}, {"": 0.5, " ": 0.5}]
    gap = decode(steps("CTC", *path, charset=SPACED), alphabet)
    assert (gap.text, gap.confidence) == ("18", pytest.approx(0.7, abs=1e-3)), "a gap at the end is none"


def test_a_charset_that_repeats_a_character_decodes_by_place():
    repeated = make_alphabet("1.2.", "CTC", None, None)
    rows = np.full((5, 5), 1e-4)
    for step, place in enumerate([1, 2, 3, 4, 0]):
        rows[step, place] = 0.9
    rows[3, 2] = 0.06
    text = decode(np.log(rows / rows.sum(axis=1, keepdims=True)).astype(np.float32), repeated)
    assert text.text == "1.2."
    assert text.confidences[3] == pytest.approx(0.96 / 0.9603, abs=1e-3), "both places of the point"
