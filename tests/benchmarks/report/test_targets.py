import msgspec
import pytest
from msgspec.structs import replace

from edgereader.benchmarks.report.targets import (
    SpeedTarget,
    Which,
    batch_gain,
    measured,
    physical_limit,
    read_speed_targets,
)

from .conftest import AGREEMENT


def target(**fields):
    return SpeedTarget(what="x", **{"file": "bench.json", "at_least": 6.0, **fields})


OURS = Which(contender="edgereader", precision="int8")


@pytest.fixture
def files(bench, growth, stream):
    ran = [
        replace(contender, precision=contender.name.split()[-1] if contender.kind == "edgereader" else None)
        for contender in bench.contenders
    ]
    return {"bench.json": replace(bench, contenders=ran), "growth.json": growth, "stream.json": stream}


def test_every_target_can_be_computed_or_is_said_not_to_be(files):
    asked = read_speed_targets()
    assert len(asked) == 15
    assert [measured(target, {}) for target in asked] == [None] * 15
    found = [measured(target, files) for target in asked]
    assert [place for place, value in enumerate(found) if value is None] == [2, 3, 6, 10, 11, 12, 13, 14]
    assert found[0] == 0.07
    assert found[5] == pytest.approx(0.505)
    assert found[7:10] == [21.8, 7.2, 240.0]
    assert [physical_limit(target, files) for target in asked[7:10]] == [None] * 3


def test_a_ratio_is_the_other_over_ours(files):
    asked = target(figure="times_faster", of=OURS, beside=Which(contender="rapidocr"))
    ours, other = files["bench.json"].contenders[1], files["bench.json"].contenders[3]
    assert measured(asked, files) == other.scenarios[0].p50_ms / ours.scenarios[0].p50_ms
    assert physical_limit(asked, files) == other.scenarios[0].p50_ms / 17.0
    assert measured(target(figure="times_faster", of=OURS, beside=Which(contender="easyocr")), files) is None
    assert measured(target(figure="times_faster", of=OURS, beside=Which(contender="tesseract-sweep")), files) > 100


def test_streams_are_told_apart(files, bench):
    one = replace(files["bench.json"].contenders[1], threads=1)
    two = replace(one, name="edgereader int8 2 streams", streams=2, scenarios=[
        replace(scenario, samples_per_s=1.8 * scenario.samples_per_s) for scenario in one.scenarios])  # fmt: skip
    asked = target(
        figure="times_the_rate",
        of=Which(contender="edgereader", streams=2, threads=1),
        beside=Which(contender="edgereader", threads=1),
    )
    both = {"bench.json": replace(bench, contenders=[two, one])}
    assert measured(asked, both) == pytest.approx(1.8)
    assert physical_limit(asked, both) == 2
    assert measured(asked, files) is None


def test_a_batch_gains_what_a_crop_saves(growth):
    assert batch_gain(growth) == pytest.approx(3.1 / (16.4 / 8))
    assert batch_gain(replace(growth, curves=growth.curves[:3])) is None


def test_a_camera_without_events_has_no_latency(stream):
    silent = {"stream.json": replace(stream, live=replace(stream.live, event=None))}
    assert measured(target(figure="event_ms", file="stream.json"), silent) is None


def test_a_figure_that_nobody_computes_is_refused():
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert({"what": "x", "figure": "other", "file": "x", "at_most": 1}, SpeedTarget)


def test_what_was_asked_beside_easyocr(files, bench):
    ours, other = files["bench.json"].contenders[1:3]
    share = target(figure="memory_share", of=OURS, beside=Which(contender="edgereader", precision="fp32"))
    assert measured(share, files) == ours.memory.peak_mib / other.memory.peak_mib
    assert physical_limit(share, files) is None
    found = {"bench.json": AGREEMENT}
    assert measured(target(figure="boxes_faster"), found) == 12.5
    assert measured(target(figure="equal_texts"), found) == 0.9
    assert measured(target(figure="equal_texts"), {"bench.json": replace(AGREEMENT, sure=0)}) is None
