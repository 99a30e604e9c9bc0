import threading
from itertools import pairwise
from types import SimpleNamespace

import pytest

from edgereader.runtime.stream.figures import BUCKETS_S, RATE_S, Figures, Histogram, Rate

from .made import make_event


def test_buckets_rise_by_at_most_a_factor_of_two():
    assert BUCKETS_S[0] == 0.001
    assert BUCKETS_S[-1] == 60
    assert all(1 < high / low <= 2 for low, high in pairwise(BUCKETS_S))


def test_quantiles():
    histogram = Histogram()
    assert histogram.now().quantile(0.5) is None
    for milliseconds in range(1, 1001):
        histogram.add(milliseconds / 1000)
    latency = histogram.now()
    assert latency.count == 1000
    assert latency.sum_s == pytest.approx(500.5)
    assert latency.quantile(0.5) == pytest.approx(0.5, abs=0.001)
    assert latency.quantile(0.99) == pytest.approx(0.99, abs=0.001)
    assert latency.quantile(0.0) == 0
    assert latency.quantile(1.0) == 1


def test_what_takes_longer_than_all_buckets_is_counted():
    histogram = Histogram()
    histogram.add(3600)
    histogram.add(0.0)
    assert histogram.now().count == 2
    assert histogram.now().quantile(0.99) == BUCKETS_S[-1]


def test_histograms_lose_nothing_between_threads():
    histogram = Histogram()
    threads = [threading.Thread(target=lambda: [histogram.add(0.01) for _ in range(2000)]) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert histogram.now().count == 8000


def test_rates_are_of_the_last_whole_seconds():
    rate = Rate()
    for tick in range(1000):
        rate.add(tick / 25)
    assert rate.per_s(40.0) == 25
    assert rate.per_s(40.0 + RATE_S) == 0
    assert len(rate._seconds) <= RATE_S + 2


def test_figures_of_a_stream():
    now = 100.0
    figures = Figures(lambda: now)
    for crops in (1, 0, 3):
        figures.saw(SimpleNamespace(shot=SimpleNamespace(at_s=99.9), detected=crops == 3, recognized=crops))
    figures.emitted(make_event(1, sure=True))
    figures.emitted(make_event(2, sure=False))
    assert figures.counts == {"frames": 3, "detections": 1, "crops": 4, "events": 2}
    assert figures.events == {("water", True): 1, ("water", False): 1}
    assert figures.reading.now().count == 2, "a frame without text has no reading"
    assert figures.reading.now().quantile(0.5) == pytest.approx(0.1, abs=0.03)
    assert figures.event.now().count == 2
    now = 101.0
    assert figures.rates == {"frames": 3 / RATE_S, "crops": 4 / RATE_S}
