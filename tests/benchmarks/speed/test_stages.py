import pytest

from edgereader.benchmarks.contenders import Options, opener
from edgereader.benchmarks.speed import stages
from edgereader.benchmarks.speed.figures import STAGES
from edgereader.benchmarks.speed.stages import Clocks, clocks, located, measure, summed
from edgereader.runtime.bundles.bundle import shipped

PHOTO = shipped("samples") / "meter.jpg"


@pytest.fixture(scope="module")
def edgereader():
    return opener("edgereader")("edgereader", Options(precision="int8", backend="cpu", canvas_px=320))


@pytest.mark.parametrize("name", [name for names in stages.FUNCTIONS.values() for name in names])
def test_the_runtime_has_every_function(name):
    assert callable(getattr(*located(name)))


@pytest.mark.parametrize("name", stages.BINDINGS)
def test_the_runtime_has_every_binding(name):
    binding = getattr(*located(name))
    assert callable(binding.start)
    assert callable(binding.wait)


def test_every_stage_takes_its_time(edgereader):
    edgereader.read(stages.files.read_photo(PHOTO).frame)
    with clocks() as found:
        stages.read(edgereader, PHOTO)
    assert all(found.seconds[stage] > 0 for stage in STAGES), found.seconds


def test_clocks_are_taken_off_again(edgereader):
    before = [getattr(*located(name)) for names in stages.FUNCTIONS.values() for name in names]
    with pytest.raises(RuntimeError), clocks():
        assert getattr(*located("detector:fit")) is not before[2]
        raise RuntimeError
    assert [getattr(*located(name)) for names in stages.FUNCTIONS.values() for name in names] == before


def test_a_clock_leaves_out_what_a_clocked_function_inside_takes(monkeypatch):
    ticks = iter((0.0, 1.0, 3.5, 4.0))
    monkeypatch.setattr(stages.time, "perf_counter", lambda: next(ticks))
    made = Clocks()
    made.on(made.on(lambda: None, "cut"), "text")()
    assert made.seconds["cut"] == 2.5
    assert made.seconds["text"] == 1.5


def test_clocks_stop_when_a_function_fails():
    made = Clocks()

    def fails():
        raise ValueError

    for _ in range(2):
        with pytest.raises(ValueError):
            made.on(fails, "cut")()
    assert made._inside == []


def test_photos_are_measured_with_clocks_and_without(edgereader):
    found = measure(edgereader, [PHOTO], seconds=0.0)
    assert found.photos == stages.LEAST_PHOTOS
    assert [each.stage for each in found.stages] == list(STAGES)
    assert found.sum_ms == pytest.approx(sum(each.mean_ms for each in found.stages))


def test_the_share_outside_the_networks_leaves_decoding_out():
    spent = {"decode": 0.1, "fit": 0.01, "detect": 0.06, "boxes": 0.01, "cut": 0.01, "recognise": 0.04, "text": 0.01}
    found = summed([spent, spent], [0.25, 0.35])
    assert found.whole_ms == pytest.approx(300)
    assert found.sum_ms == pytest.approx(240)
    assert found.outside_networks == pytest.approx(0.04 / 0.2)
