from dataclasses import replace

import numpy as np
import pytest

from edgereader.runtime.stream.tracking.fusion import ANY, MOST_INDEPENDENT, NONE, Fuser, independent
from edgereader.runtime.stream.tracking.reduced_alphabet import ReducedAlphabet

from .rows import alphabet, place


def fuser(first, *, most=8, newest=True, kind=None):
    return Fuser(kind or alphabet(), first, most=most, newest=newest)


def fused(places, **options):
    first, *others = places
    made = fuser(first, **options)
    for other in others:
        made.add(other)
    return made.fused


def test_one_frame_says_what_its_recognizer_says():
    one = fused([place("4711", sure=0.98)])
    assert (one.text, one.frames, one.agreeing, one.accepted) == ("4711", 1, 1, True)
    assert one.confidence == pytest.approx(0.98**4, abs=0.01)
    assert len(one.confidences) == 4
    assert one.alternatives[0] == ("4711", one.confidence)


def test_a_thousand_equal_frames_are_no_surer_than_one():
    doubtful = place("4711", rivals={1: ("1", 0.3)})
    one, many = fused([doubtful]), fused([doubtful] * 1000, most=32, newest=False)
    assert many.text == one.text == "4711"
    assert many.confidence == pytest.approx(one.confidence, abs=0.01)
    assert many.confidences[1] == pytest.approx(0.7, abs=0.03)
    assert min(many.confidences[0], *many.confidences[2:]) > 0.97
    assert many.frames == 32


def test_a_still_scene_with_noise_is_hardly_surer():
    random = np.random.default_rng(0)
    frames = [place("4711", rivals={1: ("1", 0.3)}, jitter=0.15, random=random) for _ in range(32)]
    found = fused(frames, most=32, newest=False)
    assert found.text == "4711"
    assert 0.6 < found.confidence < 0.9


def test_frames_that_doubt_different_characters_make_it_surer():
    frames = [place("47112", rivals={at: (other, 0.3)}) for at, other in enumerate("19885")]
    alone = max(fused([frame]).confidence for frame in frames)
    assert alone < 0.72
    together = fused(frames, most=32, newest=False)
    assert together.text == "47112"
    assert together.confidence > 0.95
    assert fused(frames[:2]).confidence > alone


def test_a_right_minority_of_sure_frames_beats_doubtful_ones():
    frames = [place("4771", rivals={2: ("1", 0.45)})] * 2 + [place("4711")] * 3
    assert fused(frames, most=32, newest=False).text == "4711"


def test_one_bad_frame_changes_nothing():
    made = fuser(place("4711"))
    for _ in range(4):
        made.add(place("4711"))
    before = made.fused
    assert not made.add(place("9999"))
    assert made.fused == before
    for _ in range(3):
        made.add(place("4711"))
    assert made.fused.text == "4711"
    assert made.fused.confidence > 0.95
    assert (made.fused.frames, made.fused.agreeing) == (8, 7), "it is remembered"


def test_a_changed_value_is_there_after_two_frames():
    made = fuser(place("4711"))
    for _ in range(20):
        made.add(place("4711"))
    assert not made.add(place("4712"))
    assert made.fused.text == "4711"
    made.add(place("4712"))
    assert (made.fused.text, made.fused.frames) == ("4712", 2)
    assert made.fused.confidence > 0.95
    assert dict(made.fused.alternatives).get("4711", 0) < 0.01


def test_what_is_unclear_after_a_change_takes_three_frames_and_is_unsure():
    made = fuser(place("4711"))
    for _ in range(20):
        made.add(place("4711"))
    for text in ("4798", "4796", "4790")[:ANY]:
        made.add(place(text))
    assert made.fused.text != "4711"
    assert made.fused.confidence < 0.6
    assert made.fused.confidences[0] > 2 * made.fused.confidence > 0, "they all begin with 4"


def test_a_wheel_between_two_digits_has_both_in_its_alternatives():
    frames = [place("4711", rivals={3: ("2", share)}) for share in (0.4, 0.45, 0.5, 0.55)]
    found = fused(frames)
    both = dict(found.alternatives)
    assert both["4711"] == pytest.approx(0.52, abs=0.15)
    assert both["4712"] == pytest.approx(0.47, abs=0.15)
    assert found.confidences[:3] == pytest.approx((1, 1, 1), abs=0.05)
    assert sum(both.values()) < 1


def test_the_window_of_a_counter_is_short_and_new():
    made = fuser(place("4711", rivals={0: ("1", 0.4)}))
    assert made.fused.confidence < 0.7
    for _ in range(8):
        made.add(place("4711"))
    assert made.fused.frames == 8
    assert made.fused.confidence > 0.97


def test_of_a_plate_the_most_certain_frames_are_kept():
    made = fuser(place("4711"), most=3, newest=False)
    for _ in range(5):
        made.add(place("4711", rivals={0: ("1", 0.4)}))
    assert made.fused.frames == 3
    made.add(place("4711"))
    made.add(place("4711"))
    assert made.fused.confidence > 0.97


def test_a_plate_that_comes_into_the_picture_begins_anew_with_all_of_it():
    made = fuser(place("711"), most=32, newest=False)
    assert not made.add(place("84711"))
    assert (made.fused.text, made.fused.frames) == ("84711", 1)


def test_parts_of_a_plate_that_leaves_are_not_fused():
    made = fuser(place("84711"), most=32, newest=False)
    for _ in range(5):
        made.add(place("84711"))
    for part in ("8471", "847"):
        made.add(place(part))
    made.add(place("84711"))
    assert (made.fused.text, made.fused.frames, made.fused.agreeing) == ("84711", 7, 7)


def test_another_plate_is_noticed():
    made = fuser(place("84711"), most=32, newest=False)
    made.add(place("84711"))
    anew = [made.add(place("39560")) for _ in range(3)]
    assert anew == [False, False, True]
    assert (made.fused.text, made.fused.frames) == ("39560", 2)


def test_a_plate_that_is_read_a_little_otherwise_is_the_same():
    made = fuser(place("84711"), most=32, newest=False)
    anew = [made.add(place(text)) for text in ("84711", "84771", "84771", "84771", "84711", "84711", "84711")]
    assert not any(anew)
    assert made.fused.text == "84711"
    assert made.fused.confidence < 0.95
    assert set(dict(made.fused.alternatives)) >= {"84711", "84771"}


def test_units_are_dropped_however_they_are_spelt():
    found = fused([place("4711kwh"), place("4711kwb"), place("4711kvh")])
    assert found.text == "4711"
    assert found.confidence > 0.9
    assert "".join(text for text, _ in found.alternatives).isdecimal()


def test_the_3_of_cubic_metres_is_not_taken_for_doubt():
    found = fused([place("4711m3", rivals={5: ("m", 0.7)})])
    assert found.text == "4711"
    assert found.confidence > 0.95


def test_letters_that_look_like_digits_count_for_them():
    found = fused([place("47l1", sure=0.9, rivals={2: ("1", 0.4)}), place("4711")])
    assert found.text == "4711"
    assert found.confidence > 0.9


def test_a_pattern_decides_between_texts_in_doubt():
    kind = alphabet(pattern="47.2")
    doubt = place("4711", rivals={3: ("2", 0.3)})
    found = fused([doubt] * 3, kind=kind)
    assert (found.text, found.accepted) == ("4712", True)
    assert found.confidence > 0.8
    sure = fused([place("4711")] * 3, kind=kind)
    assert (sure.text, sure.accepted) == ("4711", False)


def test_a_check_digit_decides_too():
    kind = alphabet(check="luhn")
    found = fused([place("79927398713", rivals={10: ("5", 0.55)})], kind=kind)
    assert (found.text, found.accepted) == ("79927398713", True)


@pytest.mark.parametrize("text", ["ab12", "x"])
def test_all_text(text):
    kind = alphabet(alphabet=None)
    found = fused([place(text, kind=kind)] * 3, kind=kind)
    assert found.text == text
    assert found.confidence > 0.9


def test_attn():
    kind = alphabet("Attn")
    frames = [place("4711", kind=kind, rivals={at: ("9", 0.3)}) for at in (0, 2, 3)]
    found = fused(frames, kind=kind)
    assert (found.text, found.agreeing) == ("4711", 3)
    assert found.confidence > 0.9
    made = fuser(place("4711", kind=kind), kind=kind)
    made.add(place("4712", kind=kind))
    made.add(place("4712", kind=kind))
    assert made.fused.text == "4712"


def test_memory_stays_bounded():
    random = np.random.default_rng(1)
    made = fuser(place("4711"), most=32, newest=False)
    for _ in range(100):
        digits = "".join(random.choice(list("0123456789"), 4))
        made.add(place(digits, rivals=dict.fromkeys(range(4), ("8", 0.3))))
    assert made.fused.frames <= 32
    assert len(made.fused.alternatives) <= 16
    assert len(made._waiting) < ANY


def test_independence():
    same = np.tile([0.7, 0.2, 0.1], (10, 1))
    assert independent(same, 0) == pytest.approx(1)
    other = np.eye(10) * 0.3
    other = np.hstack((np.full((10, 1), 0.7), other))
    assert independent(other, 0) == MOST_INDEPENDENT
    assert independent(other[:2], 0) == pytest.approx(2, abs=0.1)
    assert independent(same[:1], 0) == 1
    assert NONE < 0.01


@pytest.mark.parametrize("prediction", ["CTC", "Attn"])
def test_how_likely_a_frames_own_text_is(prediction):
    kind = alphabet(prediction)
    likelihood = ReducedAlphabet(kind).likelihood
    assert likelihood(place("4711", sure=0.98, kind=kind)) == pytest.approx(0.98**4, abs=0.01)
    assert likelihood(place("4711kwh", sure=0.98, kind=kind)) == pytest.approx(0.98**4 * 0.99**3, abs=0.02)
    doubtful = place("4711m", rivals={4: ("3", 0.25)}, kind=kind)
    assert (doubtful.text.text, doubtful.text.confidence > 0.95) == ("4711", True)
    assert likelihood(doubtful) == pytest.approx(0.75, abs=0.03)


def test_frames_whose_crops_have_different_widths_are_fused():
    narrow, wide = place("4711", rivals={1: ("1", 0.3)}), place("4711", rivals={2: ("7", 0.3)})
    blank = np.full((9, wide.log_probs.shape[1]), -50, np.float32)
    blank[:, 0] = 0
    wide = replace(wide, log_probs=np.vstack((wide.log_probs, blank)))
    found = fused([narrow, wide, narrow])
    assert (found.text, found.frames, found.agreeing) == ("4711", 3, 3)
    assert {text for text, _ in found.alternatives} >= {"4711", "4111", "4771"}


def test_a_new_look_begins_anew_with_its_first_frame():
    made = fuser(place("4711"))
    for _ in range(7):
        made.add(place("4711"))
    made.anew = True
    assert made.add(place("4798")) is False
    assert (made.fused.text, made.fused.frames) == ("4798", 1)
    made.add(place("4798"))
    assert made.fused.frames == 2
