"""H-mean, by hand."""

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

import edgereader.export.precision.gate as gates
import edgereader.export.precision.pictures as sources
from edgereader.export.precision.gate import Verdict, evenly, hmean, open_gate
from edgereader.export.precision.pictures import Picture, Pictures, crop_places


def square(x, y, side=10):
    return np.array(((x, y), (x + side, y), (x + side, y + side), (x, y + side)), np.float32)


def test_hmean_is_over_all_pictures_and_each_quad_matches_once():
    truth = [[square(0, 0), square(50, 0)], [square(0, 0)]]
    found = [[square(0, 0)], [square(0, 0), square(90, 0)]]
    assert hmean(truth, found) == pytest.approx(2 / 3)
    assert hmean(truth, truth) == 1
    assert hmean([[]], [[]]) == 0
    assert hmean([[square(0, 0)]], [[square(0, 1), square(1, 0)]]) == pytest.approx(2 / 3)
    assert hmean([[square(0, 0), square(3, 0)]], [[square(1, 0), square(0, 0)]]) == 1


def test_a_verdict_says_its_figures():
    assert str(Verdict(True, 300, 0.995, 0, None, 20, 0.9)).startswith("99.50 % of 300 strings equal")
    assert "-0.70 points on 200 regions" in str(Verdict(False, 0, None, 200, 0.7))


def bundle_of(width, long_side_px):
    files = {"fp32": SimpleNamespace(sha256="0")}
    spec = SimpleNamespace(files=files, width=width, long_side_px=long_side_px)
    return SimpleNamespace(detector=spec, manifest=SimpleNamespace(detector=True))


BUNDLE = bundle_of(0.25, 768)


@pytest.fixture
def looked(monkeypatch):
    """A detector that finds 90 regions everywhere, a recognizer sure of two in three, and what was looked at."""
    names = []

    class Detector:
        def __init__(self, *asked):
            self.precision = asked[2]

        def detect(self, frame):
            names.append(f"{frame} {self.precision}")
            return [SimpleNamespace(quad=square(20 * place, 0)) for place in range(90)]

    class Recognizer:
        def __init__(self, *_, **__):
            pass

        def recognize(self, frame, found):
            return [SimpleNamespace(text=frame, confidence=0.9 if place % 3 else 0.1) for place in range(len(found))]

    for module in (gates, sources):
        monkeypatch.setattr(module, "Detector", Detector)
    monkeypatch.setattr(gates, "Recognizer", Recognizer)
    monkeypatch.setattr(Picture, "read", lambda self: self.path.name)
    return names


def pictures(count, quads=None):
    return Pictures((), tuple(Picture(Path(str(number)), quads) for number in range(count)))


def test_a_gate_looks_at_no_more_pictures_than_it_needs(looked):
    shown = pictures(64)
    verdict = open_gate(BUNDLE, "detector", shown, "int8")(BUNDLE)
    assert (verdict.regions, verdict.pictures, verdict.hmean_loss) == (270, 3, 0)
    first = [picture.path.name for picture in evenly(shown.validation)[:3]]
    assert looked == [f"{name} {precision}" for precision in ("fp32", "int8") for name in first]
    verdict = open_gate(BUNDLE, "recognizer", shown, "int8")(BUNDLE)
    assert (verdict.strings, verdict.less_certain, verdict.pictures) == (240, 120, 4)
    assert len(looked) == 7, "what the detector's gate has found is not looked for again"


def test_sparse_labels_need_all_pictures(looked):
    verdict = open_gate(BUNDLE, "detector", pictures(64, (square(0, 0),)), "int8")(BUNDLE)
    assert (verdict.regions, verdict.pictures) == (64, 64)
    assert len(looked) == 128


@pytest.mark.parametrize(("width", "long_side_px", "judged_px"), [(0.25, 768, 768), (1.0, 1280, 640), (1.0, 512, 512)])
def test_a_wide_detector_is_judged_on_small_canvases_in_both_precisions(
    looked, monkeypatch, width, long_side_px, judged_px
):
    sides_px, detector = [], gates.Detector
    for module in (gates, sources):
        monkeypatch.setattr(module, "Detector", lambda *asked: sides_px.append(asked[3]) or detector(*asked))
    bundle = bundle_of(width, long_side_px)
    open_gate(bundle, "detector", pictures(2), "int8")(bundle)
    assert sides_px == [judged_px] * 2


def test_every_beginning_is_spread_over_all():
    shown = pictures(64).validation
    first = sorted(int(picture.path.name) for picture in evenly(shown)[:8])
    assert max(np.diff([0, *first, 64])) <= 16
    assert sorted(evenly(shown), key=shown.index) == list(shown)


def test_crops_are_where_labels_are_or_the_whole_picture(looked, monkeypatch):
    opened, detector = [], sources.Detector
    monkeypatch.setattr(sources, "Detector", lambda *asked: opened.append(asked) or detector(*asked))
    monkeypatch.setattr(sources, "whole", lambda frame: f"whole {frame}")
    labelled, plain = pictures(1, (square(0, 0),)).validation[0], pictures(1).validation[0]
    alone = SimpleNamespace(manifest=SimpleNamespace(detector=None))
    assert list(crop_places(alone, [labelled, plain])) == [labelled.quads, ["whole 0"]]
    assert [len(quads) for quads in crop_places(BUNDLE, pictures(3).validation)] == [90] * 3
    assert looked == [f"{name} fp32" for name in range(3)]
    assert len(opened) == 1, "one detector looks at all pictures without labels"
