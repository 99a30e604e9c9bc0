"""A counter's value over simulated readings: never a wrong one, and never stuck."""

from itertools import pairwise
from unittest.mock import ANY

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
        self.random, self.noise, self.second, self.emitted = np.random.default_rng(seed), noise, 0.0, []
        self.text, self.agreeing = "", 0

    def see(self, text, frames=1, *, chance=0.99, others=()):
        """Let frames read a text; what was emitted meanwhile: [(value, note)]."""
        emitted = []
        for _ in range(frames):
            self.second += 1 / FPS
            self.agreeing = min(8, self.agreeing + 1) if text == self.text else 1
            self.text = text
            verdict = self.counter.look([(text, chance), *others], self.agreeing, self.second)
            emitted += [(verdict.value, verdict.note)] if verdict.outcome == "changed" else []
        self.emitted += emitted
        return emitted

    def wrong(self, text):
        """A confident reading with a wrong digit, or one more or less; each only once in a row."""
        kind, place = self.random.random(), int(self.random.integers(len(text)))
        if kind < 0.2:
            return text[:place] + text[place + 1 :]
        if kind < 0.3:
            return text[:place] + str(self.random.integers(10)) + text[place:]
        return text[:place] + str(self.random.integers(10)) + text[place + 1 :]

    def follow(self, value_at, seconds, *, garbage=True):
        """Let a meter whose last wheel rolls be read; check that what is emitted is right; all that was emitted."""
        digits, emitted = self.number.digits or 6, []
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
            for emitted_value, _ in self.see(text, 1, chance=float(self.random.uniform(0.9, 1))):
                right = {(int(value) + more) % 10**digits for more in (0, 1)}
                assert emitted_value in right, f"emitted {emitted_value}, meter at {value:.2f}"
                emitted.append(emitted_value)
        return emitted


@pytest.mark.parametrize("text", ["27418", "0274180", "", "-", "27a418", "2741.", "-27418", "२७४१८०"])
def test_what_has_other_digits_or_none_is_never_a_value(text):
    meter = Simulation(falls=False)
    meter.see("027418", 60)
    assert meter.see(text or "?", 1000) == []
    assert meter.counter.last.units == 27418


@pytest.mark.parametrize(
    ("settings", "steps"),
    [
        ({}, [("027418", 40, []), ("027418", 15, [(27418.0, "")])]),
        ({}, [("027418", 10, []), ("027419", 5, [(27419.0, "")])]),
        ({}, [("027418", 60, ANY), ("027419", 3, [(27419.0, "")]), ("027419", 100, [])]),
        ({"min_frames": 5}, [("027418", 60, ANY), ("027419", 4, []), ("027419", 1, [(27419.0, "")])]),
        (
            {"digits": 5},
            [("99999", 60, ANY), ("00000", 3, [(0.0, "rollover")]), ("00001", 3, [(1.0, "")]), ("99999", 1000, [])],
        ),
        ({"digits": 0}, [("9999", 60, ANY), ("10000", 3, [(10000.0, "")])]),
        ({"digits": 0}, [("02741", 60, ANY), ("027416", 400, [(27416.0, "meter changed")])]),
        (
            {},
            [
                ("027416", 60, ANY),
                ("000003", 299, []),
                ("000003", 5, [(3.0, "meter changed")]),
                ("000004", 3, [(4.0, "")]),
            ],
        ),
        (
            {"digits": 0, "falls": True},
            [(text, 60, [(float(text), "")]) for text in ("20.4", "19.8", "9.9", "10.2", "-0.5")],
        ),
    ],
    ids=[
        "the first value must stay for a while",
        "or rise",
        "one more is emitted at once and only once",
        "as many frames are needed as was asked for",
        "rollover",
        "a display without leading zeros grows",
        "too few digits at first heal",
        "a meter that was changed is believed after a while",
        "what may fall",
    ],
)
def test_what_is_emitted(settings, steps):
    meter = Simulation(**settings)
    for text, frames, emitted in steps:
        assert meter.see(text, frames) == emitted


@pytest.mark.parametrize(
    ("before", "odd", "after"),
    [("027416", odd, "027417") for odd in ("027410", "027411", "027415", "02741")]
    + [("027499", odd, "027500") for odd in ("027400", "027590", "027509", "027409", "027490", "027599")],
)
def test_wheels_that_stand_between_two_digits_all_night_or_turn_together_are_not_believed(before, odd, after):
    meter = Simulation()
    meter.see(before, 60)
    assert meter.see(odd, 2000) == []
    assert meter.see(after, 3) == [(float(after), "")]


def test_an_unlikely_alternative_gives_way_to_what_may_follow_and_what_is_not_sure_to_nothing():
    meter = Simulation()
    meter.see("027416", 60)
    assert meter.see("027417", 100, chance=0.5, others=[("027416", 0.5)]) == []
    assert meter.see("027410", 20, chance=0.6, others=[("027417", 0.35)]) == [(27417.0, "")]


def test_a_wheel_that_flickers_never_goes_back():
    meter = Simulation()
    meter.see("027418", 60)
    for _ in range(100):
        meter.see("027419", 4)
        meter.see("027418", 4)
    assert [value for value, _ in meter.emitted] == [27418.0, 27419.0]


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
    values = [value for value, _ in meter.emitted]
    assert len(values) > 100
    assert values[-1] == units


def test_a_wrong_point_heals():
    meter = Simulation(digits=0)
    meter.see("1.84", 60)
    assert meter.counter.look([("18.4", 0.99)], 8, meter.second).note == "not plausible: the point is elsewhere"
    assert meter.see("18.4", 400) == [(18.4, "meter changed")]


def test_the_rate_holds_by_the_time_of_the_frames():
    meter = Simulation(max_rate=3600, recover_s=1e6)
    meter.see("000100", 60)
    for units in range(101, 140):  # two a second, where one may be
        meter.see(f"{units:06d}", 5)
    assert 103 <= meter.emitted[-1][0] <= 100 + 19.5 + 4


def test_after_a_long_time_away_more_is_plausible():
    meter = Simulation()
    meter.see("000100", 60)
    meter.second += 8 * 3600
    assert meter.see("000450", 20) == []
    assert meter.see("000450", 400) == [(450.0, "jumped")]


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
def test_nothing_wrong_is_emitted_of_a_rolling_meter(seed, start, rate, noise):
    meter = Simulation(seed, noise=noise)
    meter.see(f"{int(start):06d}", 60)
    meter.follow(lambda second: int(start) + rate * second, 120)
    steps = [(after - before) % 10**6 for (before, _), (after, _) in pairwise(meter.emitted)]
    assert all(0 < step < 20 for step in steps)
    assert len(meter.emitted) >= 0.7 * rate * 120


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


class Looks:
    """A camera that looks at a meter once a minute: some frames a look."""

    def __init__(self, **settings):
        self.counter = Counter(Number(name="m", kind="counter", **({"digits": 6} | settings)))
        self.look, self.emitted = -1, []

    def see(self, *texts, chance=0.99):
        """Let the frames of a look read texts; return what was emitted: [(value, note)]."""
        self.look, emitted, agreeing = self.look + 1, [], 0
        for at, text in enumerate(texts):
            agreeing = agreeing + 1 if at and text == texts[at - 1] else 1
            second = 60.0 * self.look + 0.1 * at
            verdict = self.counter.look([(text, chance)], agreeing, second, self.look)
            emitted += [(verdict.value, verdict.note)] if verdict.outcome == "changed" else []
        self.emitted += emitted
        return emitted


@pytest.mark.parametrize("rate", [0.25, 1.5, 3.0])
@pytest.mark.parametrize("max_rate", [0, 12_000])
def test_water_that_runs_is_sure_at_one_look_a_minute(rate, max_rate):
    """Without a rate that is known, the first looks must go on from each other."""
    meter = Looks(max_rate=max_rate)
    for look in range(10):
        meter.see(*[f"{27_415 + int(rate * (60 * look + 0.1 * frame)):06d}" for frame in range(6)])
    assert len({int(value - 27_415) // int(60 * rate) for value, _ in meter.emitted}) >= (9 if max_rate else 8)
    assert {note for _, note in meter.emitted} == {""}


def test_frames_of_a_look_that_rise_count_together():
    meter = Looks(max_rate=12_000)
    meter.see(*["027415"] * 6)
    meter.see(*["027415"] * 6)
    assert meter.see("027500", "027503")[:1] == []
    assert meter.see("027590", "027593", "027596") == [(27596.0, "")]


@pytest.mark.parametrize("wrong", ["077415", "020000", "027595"], ids=["too much", "too little", "a digit"])
def test_one_look_that_misread_is_never_told(wrong):
    meter = Looks()
    for units in (27_415, 27_415, 27_415):
        meter.see(*[f"{units:06d}"] * 6)
    assert meter.see(*[wrong] * 6) == []
    meter.see(*["027505"] * 6)
    meter.see(*["027595"] * 6)
    assert [value for value, _ in meter.emitted] in ([27415.0, 27595.0], [27415.0, 27505.0, 27595.0])


def test_what_stays_beyond_reason_is_a_new_meter_after_some_looks():
    meter = Looks()
    for _ in range(3):
        meter.see(*["027415"] * 6)
    for _ in range(12):
        meter.see(*["000003"] * 6)
    assert meter.emitted == [(27415.0, ""), (3.0, "meter changed")]


def test_the_rate_is_that_of_late_and_none_while_it_stands():
    meter = Simulation(decimals=3)
    assert meter.counter.rate_per_h(0.0) is None
    for units in range(100, 120):
        meter.see(f"{units:06d}", 20)
    assert meter.counter.rate_per_h(meter.second) == pytest.approx(0.5 * 3.6, rel=0.05)
    meter.see("000119", 200)
    assert meter.counter.rate_per_h(meter.second) == 0.0
