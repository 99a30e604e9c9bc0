import pytest

from edgereader.benchmarks.speed.slopes import after_warm_up, slopes
from edgereader.benchmarks.speed.soak_figures import Sample


def sample(at_s, segment=0, **changes):
    values = {"frames": int(at_s), "rss_mib": 300.0, "handles": 12, "p50_ms": 90.0, "p99_ms": 200.0, "cpu_ms": 150.0}
    return Sample(at_s=at_s, segment=segment, **{**values, **changes})


def hour(**per_hour):
    """Samples of an hour, in which quantities change by so much."""
    base = {"rss_mib": 300.0, "handles": 12, "p50_ms": 90.0, "cpu_ms": 150.0}
    return [
        sample(at, **{name: base[name] + change * at / 3600 for name, change in per_hour.items()})
        for at in range(10, 3601, 10)
    ]


def found(samples, *, on_cpu=True):
    return {each.what: each for each in slopes(samples, 360, on_cpu=on_cpu)}


def test_what_stays_passes():
    assert all(each.passed and each.per_hour == each.low == each.high == 0 for each in found(hour()).values())


@pytest.mark.parametrize(("field", "what", "grows"), [
    ("rss_mib", "rss_mib", 8.0), ("handles", "handles", 3), ("cpu_ms", "cpu_ms", 20.0), ("p50_ms", "latency_ms", 20.0),
])  # fmt: skip
def test_what_grows_does_not_pass_and_has_its_slope(field, what, grows):
    slope = found(hour(**{field: grows}))[what]
    assert not slope.passed
    assert slope.per_hour == pytest.approx(grows)
    assert slope.most == slope.last > slope.first
    assert [each.what for each in found(hour(**{field: grows})).values() if not each.passed] == [what]


def test_growth_below_the_grain_of_the_whole_time_does_not_count():
    assert found(hour(rss_mib=3.0))["rss_mib"].passed
    longer = [sample(10 * each.at_s, rss_mib=each.rss_mib) for each in hour(rss_mib=30.0)]
    assert longer[-1].at_s == 36000
    assert not found(longer)["rss_mib"].passed  # also 3 MiB an hour, but in ten hours


def test_what_falls_passes():
    slope = found(hour(rss_mib=-50.0))["rss_mib"]
    assert slope.high < 0
    assert slope.passed


def test_on_the_cpu_processor_time_is_judged_and_elsewhere_latency():
    assert {what for what, each in found(hour()).items() if each.judged} == {"rss_mib", "handles", "cpu_ms"}
    on_gpu = found(hour(), on_cpu=False)
    assert {what for what, each in on_gpu.items() if each.judged} == {"rss_mib", "handles", "latency_ms"}


def test_the_warm_up_of_each_segment_is_left_out():
    samples = [sample(at, segment=int(at > 100)) for at in range(10, 201, 10)]
    assert [each.at_s for each in after_warm_up(samples, 30)] == [*range(40, 101, 10), *range(140, 201, 10)]


def test_a_process_that_begins_anew_is_no_growth():
    first = [sample(at, rss_mib=300.0) for at in range(10, 1801, 10)]
    second = [sample(at, segment=1, rss_mib=340.0) for at in range(1810, 3601, 10)]
    assert found(first + second)["rss_mib"].per_hour == 0


def test_too_few_samples_have_no_slopes():
    assert slopes([sample(at) for at in range(10, 100, 10)], 0, on_cpu=True) == []
    assert slopes([], 0, on_cpu=True) == []
