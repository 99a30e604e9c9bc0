"""A counter's value over simulated readings: never a wrong one, and never stuck."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from edgereader.runtime.stream.numbers.counter import Counter
from edgereader.runtime.stream.settings import Number

FPS = 10.0


class Simulation:
    """A counter that reads a simulated meter, frame by frame."""

    def __init__(self, seed=0, counter=None, noise=0.0, digits=6, **settings):
        self.number = Number(name="m", kind="counter", **({"digits": digits} | settings))
        self.counter = counter or Counter(self.number)
        self.random, self.noise, self.second, self.told = np.random.default_rng(seed), noise, 0.0, []
        self.text, self.agreeing = "", 0

    def see(self, text, frames=1, *, chance=0.99, others=()):
        """Let frames read a text; what was told meanwhile: [(value, note)]."""
        told = []
        for _ in range(frames):
            self.second += 1 / FPS
            self.agreeing = min(8, self.agreeing + 1) if text == self.text else 1
            self.text = text
            verdict = self.counter.look([(text, chance), *others], self.agreeing, self.second)
            told += [(verdict.value, verdict.note)] if verdict.outcome == "changed" else []
        self.told += told
        return told

    def wrong(self, text):
        """A confident reading with a wrong digit, or one more or less; each only once in a row."""
        kind, place = self.random.random(), int(self.random.integers(len(text)))
        if kind < 0.2:
            return text[:place] + text[place + 1 :]
        if kind < 0.3:
            return text[:place] + str(self.random.integers(10)) + text[place:]
        return text[:place] + str(self.random.integers(10)) + text[place + 1 :]

    def follow(self, value_at, seconds, *, garbage=True):
        """Let a meter whose last wheel rolls be read; check that what is told is right; all that was told."""
        digits, told = self.number.digits or 6, []
        start = self.second
        while self.second < start + seconds:
            value = value_at(self.second - start)
            lower, phase = int(value), value % 1
            text = f"{(lower + (phase > 0.5)) % 10**digits:0{digits}d}"
            if garbage and 0.25 < phase < 0.75:  # the last wheel's digit depends on how it stands, and stays so
                odd = "0", "", "9", "1"
                text = text[:-1] + odd[int((phase - 0.25) * 8) if phase < 0.75 else 0]
            if self.random.random() < self.noise:
                text = self.wrong(text)
            for value_told, _ in self.see(text, 1, chance=float(self.random.uniform(0.9, 1))):
                right = {(int(value) + each) % 10**digits for each in (0, 1)}
                assert value_told in right, f"told {value_told}, meter at {value:.2f}"
                told.append(value_told)
        return told


@pytest.mark.parametrize("text", ["27418", "0274180", "", "-", "27a418", "2741.", "-27418", "२७४१८०"])
def test_what_has_other_digits_or_none_is_never_a_value(text):
    meter = Simulation(falls=False)
    meter.see("027418", 60)
    assert meter.see(text or "?", 1000) == []
    assert meter.counter.last.units == 27418


def test_the_first_value_must_stay_for_a_while():
    meter = Simulation()
    assert meter.see("027418", 40) == []
    assert meter.see("027418", 15) == [(27418.0, "")]


def test_or_rise():
    meter = Simulation()
    assert meter.see("027418", 10) == []
    assert meter.see("027419", 5) == [(27419.0, "")]


def test_one_more_is_told_at_once_and_only_once():
    meter = Simulation()
    meter.see("027418", 60)
    assert meter.see("027419", 3) == [(27419.0, "")]
    assert meter.see("027419", 100) == []


def test_as_many_frames_are_needed_as_was_asked_for():
    meter = Simulation(min_frames=5)
    meter.see("027418", 60)
    assert meter.see("027419", 4) == []
    assert meter.see("027419", 1) == [(27419.0, "")]


def test_a_wheel_that_flickers_never_goes_back():
    meter = Simulation()
    meter.see("027418", 60)
    for _ in range(100):
        meter.see("027419", 4)
        meter.see("027418", 4)
    assert [value for value, _ in meter.told] == [27418.0, 27419.0]


@pytest.mark.parametrize("odd", ["027410", "027411", "027415", "02741"])
def test_a_wheel_that_stands_between_two_digits_all_night_is_not_believed(odd):
    meter = Simulation()
    meter.see("027416", 60)
    assert meter.see(odd, 2000) == []
    assert meter.see("027417", 3) == [(27417.0, "")]


@pytest.mark.parametrize("odd", ["027400", "027590", "027509", "027409", "027490", "027599"])
def test_wheels_that_turn_together_are_not_believed(odd):
    meter = Simulation()
    meter.see("027499", 60)
    assert meter.see(odd, 2000) == []
    assert meter.see("027500", 3) == [(27500.0, "")]


def test_an_unlikely_alternative_gives_way_to_what_may_follow():
    meter = Simulation()
    meter.see("027416", 60)
    assert meter.see("027410", 20, chance=0.6, others=[("027417", 0.35)]) == [(27417.0, "")]


def test_what_is_not_sure_is_not_told():
    meter = Simulation()
    meter.see("027416", 60)
    assert meter.see("027417", 100, chance=0.5, others=[("027416", 0.5)]) == []


def test_rollover():
    meter = Simulation(digits=5)
    meter.see("99999", 60)
    assert meter.see("00000", 3) == [(0.0, "rollover")]
    assert meter.see("00001", 3) == [(1.0, "")]
    assert meter.see("99999", 1000) == []


def test_decimals_and_leading_zeros():
    meter = Simulation(digits=6, decimals=3)
    assert meter.see("000123", 60) == [(0.123, "")]
    assert meter.counter.last.text == "000123"


def test_a_point_that_the_meter_shows():
    meter = Simulation(digits=0)
    assert meter.see("18.4", 60) == [(18.4, "")]
    assert meter.see("184", 5, chance=0.6, others=[("18.4", 0.39)]) == []
    assert meter.see("185", 5, chance=0.6, others=[("18.5", 0.39)]) == [(18.5, "")]


def test_a_fast_counter_on_few_frames():
    meter = Simulation(min_frames=1, recover_frames=20, recover_s=1.0)
    for units in range(1000, 9000, 53):
        meter.see(f"{units:06d}", 1)
    values = [value for value, _ in meter.told]
    assert len(values) > 100
    assert values[-1] == units


def test_a_wrong_point_heals():
    meter = Simulation(digits=0)
    meter.see("1.84", 60)
    assert meter.counter.look([("18.4", 0.99)], 8, meter.second).note == "not plausible: the point is elsewhere"
    assert meter.see("18.4", 400) == [(18.4, "meter changed")]


def test_a_display_without_leading_zeros_grows():
    meter = Simulation(digits=0)
    meter.see("9999", 60)
    assert meter.see("10000", 3) == [(10000.0, "")]


def test_the_rate_holds_by_the_time_of_the_frames():
    meter = Simulation(max_rate=3600, recover_s=1e6)
    meter.see("000100", 60)
    for units in range(101, 140):  # two a second, where one may be
        meter.see(f"{units:06d}", 5)
    assert 103 <= meter.told[-1][0] <= 100 + 19.5 + 4


def test_after_a_long_time_away_more_is_plausible():
    meter = Simulation()
    meter.see("000100", 60)
    meter.second += 8 * 3600
    assert meter.see("000450", 20) == []
    assert meter.see("000450", 400) == [(450.0, "jumped")]


@pytest.mark.parametrize("first", ["027410", "077416", "000000", "999999", "027406"])
def test_a_wrong_first_value_heals(first):
    meter = Simulation()
    meter.see(first, 60)
    units = 27416
    for _ in range(20):
        meter.see(f"{units:06d}", 60)
        units += 1
    assert meter.counter.last.units == units - 1


def test_too_few_digits_at_first_heal():
    meter = Simulation(digits=0)
    meter.see("02741", 60)
    assert meter.see("027416", 400) == [(27416.0, "meter changed")]


def test_a_meter_that_was_changed_is_believed_after_a_while():
    meter = Simulation()
    meter.see("027416", 60)
    assert meter.see("000003", 299) == []
    assert meter.see("000003", 5) == [(3.0, "meter changed")]
    assert meter.see("000004", 3) == [(4.0, "")]


def test_a_changed_meter_that_runs_and_is_misread_now_and_then():
    meter = Simulation(seed=3)
    meter.see("027416", 60)
    for units in range(100, 140):
        meter.see(f"{units:06d}", 9)
        meter.see(meter.wrong(f"{units:06d}"), 1)
    assert meter.counter.last.units == 139
    assert [note for _, note in meter.told].count("meter changed") == 1


def test_what_may_fall():
    meter = Simulation(digits=0, falls=True)
    assert [meter.see(text, 60) for text in ("20.4", "19.8", "9.9", "10.2", "-0.5")] == [
        [(value, "")] for value in (20.4, 19.8, 9.9, 10.2, -0.5)
    ]


def test_what_may_fall_has_a_rate_too():
    meter = Simulation(digits=0, falls=True, max_rate=60)
    meter.see("20.4", 60)
    assert meter.see("80.4", 100) == []
    assert meter.see("80.4", 300)[0][0] == pytest.approx(80.4)


@hypothesis_settings(max_examples=60)
@given(
    seed=st.integers(0, 2**31),
    start=st.one_of(st.floats(0, 999_000), st.floats(27_480, 27_520), st.floats(999_900, 999_999)),
    rate=st.sampled_from([0.02, 0.1, 0.25, 0.5, 1.0]),
    noise=st.sampled_from([0.0, 0.02, 0.05]),
)
def test_nothing_wrong_is_told_of_a_rolling_meter(seed, start, rate, noise):
    meter = Simulation(seed, noise=noise)
    meter.see(f"{int(start):06d}", 60)
    meter.follow(lambda second: int(start) + rate * second, 120)
    steps = [(after - before) % 10**6 for (before, _), (after, _) in pairwise(meter.told)]
    assert all(0 < step < 20 for step in steps)
    assert len(meter.told) >= 0.7 * rate * 120


@hypothesis_settings(max_examples=60)
@given(
    seed=st.integers(0, 2**31),
    believed=st.integers(0, 999_999),
    start=st.integers(0, 999_999),
    rate=st.sampled_from([0.0, 0.1, 0.5]),
    noise=st.sampled_from([0.0, 0.03]),
)
def test_it_recovers_from_anything(seed, believed, start, rate, noise):
    """Whatever was believed before, the value is right at last; a wheel's slip only when it moves on."""
    meter = Simulation(seed, noise=noise, recover_frames=20, recover_s=4.0)
    meter.see(f"{believed:06d}", 60)
    for frame in range(400):
        text = f"{int(start + rate * frame / FPS) % 10**6:06d}"
        meter.see(meter.wrong(text) if meter.random.random() < noise else text)
    behind = (int(start + rate * 39.9) - meter.counter.last.units) % 10**6
    slip = rate == 0 and meter.counter.last.units == believed
    assert behind <= 1 or slip
