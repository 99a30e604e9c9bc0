import pytest

from edgereader.benchmarks.gpu.measures import SECTIONS
from edgereader.benchmarks.gpu.plan import DRY, FULL, OURS, kind_of, sections, shape_of
from edgereader.export.engines.engine import expect_canvases
from edgereader.runtime.geometry.crops import MOST_CROPS


@pytest.mark.parametrize("scale", [FULL, DRY])
def test_every_section_can_be_measured(scale):
    names = [section.name for section in sections(scale)]
    assert {*names, "prepare"} == SECTIONS.keys()
    assert len(set(names)) == len(names)


def test_a_check_has_all_backends_beside_pytorch_and_a_dry_run_one_that_cannot_run():
    detector = next(section for section in sections(FULL) if section.name == "detector")
    runners = {contender.runner for contender in detector.contenders}
    assert {*OURS, "cpu", "PyTorch eager", "PyTorch compiled"} <= runners
    assert detector.sizes == ("736x1280",)
    dry = {contender.runner for section in sections(DRY) for contender in section.contenders}
    assert dry == {"cpu", "cuda", "PyTorch eager"}


def test_sizes_are_what_engines_take():
    expect_canvases(FULL.canvases_hw)
    assert max(max(hw) for hw in FULL.canvases_hw) <= 1280
    assert max(FULL.batches) <= MOST_CROPS
    assert shape_of("32 crops") == (32, 32, 100, 1)
    assert shape_of("736x1280") == (1, 736, 1280, 3)
    assert (kind_of("canvases"), kind_of("batches")) == ("detector", "recognizer")
