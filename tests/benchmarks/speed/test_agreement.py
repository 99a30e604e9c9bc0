import sys
from types import SimpleNamespace

import numpy as np
import pytest
from click.testing import CliRunner

from edgereader.benchmarks.contenders import Found, Unavailable
from edgereader.benchmarks.contenders.peer import box
from edgereader.benchmarks.speed import agreement
from edgereader.benchmarks.speed.agreement import Beside, agree, table
from edgereader.benchmarks.speed.results import read_figures
from edgereader.runtime.errors import BackendUnavailable
from edgereader.runtime.geometry.heatmaps import find_regions

FRAME = np.full((64, 96, 3), 128, np.uint8)
UPRIGHT = box(10, 20, 60, 40)
TILTED = UPRIGHT + np.float32([[0, 0], [0, 6], [0, 6], [0, 0]])


class Peer:
    """EasyOCR with a second look that reads what it is told."""

    def __init__(self, text="12|", first_look="12|"):
        self.versions = {"easyocr": "1.7.2"}
        self.text, self.first_look, self.asked = text, first_look, []

    def boxes(self, frame, **options):
        self.asked.append(options)
        return frame[:, :, 0], [[10, 60, 20, 40]], []

    def texts(self, *_, contrast_ths=0.1):
        return [Found(self.text if contrast_ths else self.first_look, 0.9, UPRIGHT)]


class Recognizer:
    """Reads by the brightness of a crop."""

    def __init__(self, place="12", crop="12"):
        self.texts = [SimpleNamespace(text=place), SimpleNamespace(text=crop)]

    def recognize_crops(self, crops):
        assert [crop.shape[:2] for crop in crops] in ([(20, 50), (64, 160)], [(26, 50), (64, 160)])
        return self.texts


@pytest.fixture(autouse=True)
def easyocr(monkeypatch):
    tools = SimpleNamespace(
        four_point_transform=lambda frame, quad: frame[: int(np.ptp(quad[:, 1])), : int(np.ptp(quad[:, 0]))],
        get_image_list=lambda *_: ([(None, np.zeros((64, 160), np.uint8))], 192),
        getDetBoxes=lambda region, affinity, *_: (
            [found.quad for found in regions_of(region, affinity)],
            None,
            None,
        ),
    )
    for name in ("easyocr", "easyocr.utils", "easyocr.craft_utils"):
        monkeypatch.setitem(sys.modules, name, tools)


def regions_of(region, affinity):
    return find_regions(region, affinity, text_threshold=0.7, link_threshold=0.4, low_text=0.4)


def beside(peer, recognizer):
    found = Beside.__new__(Beside)
    found.peer, found.recognizer = peer, recognizer
    return found


@pytest.mark.parametrize("quad", [UPRIGHT, TILTED])
@pytest.mark.parametrize(
    ("first_look", "place", "crop", "cause"),
    [
        ("12", "12|", "12|", "second look"),
        ("12|", "12|", "12|", "place"),
        ("12|", "12", "12|", "crop"),
        ("12|", "12", "12", "network"),
    ],
)
def test_a_difference_has_the_first_cause_that_explains_it(quad, first_look, place, crop, cause):
    found = beside(Peer(first_look=first_look), Recognizer(place, crop))
    assert found.cause(FRAME, FRAME[:, :, 0], quad, "12|", "12") == cause


def test_both_are_held_against_one_another(monkeypatch, tmp_path):
    """The shipped bundle stands for one of EasyOCR's networks, and a stub for EasyOCR."""
    peer = Peer()
    monkeypatch.setattr(agreement, "open_contender", lambda *_, **__: peer)
    path = tmp_path / "agreement.json"
    done = CliRunner().invoke(agree, ["digits-edge", "--canvas", "320", "--json", str(path)], catch_exceptions=False)
    assert done.exit_code == 0
    report = read_figures(path)
    assert report.photos.count == report.easyocr == 3
    assert report.ours > 0
    assert report.box_times.same_boxes == report.box_times.boxes > 0
    assert set(report.files) == {"detector", "recognizer"}
    assert peer.asked[0] == {"width_ths": -1e6, "text_threshold": 0.6, "link_threshold": 0.4, "low_text": 0.4}
    assert table(report) in done.stdout


def test_without_easyocr_nothing_is_compared(monkeypatch):
    def missing(*_, **__):
        raise Unavailable("easyocr cannot be imported: pip install easyocr")

    monkeypatch.setattr(agreement, "open_contender", missing)
    with pytest.raises(BackendUnavailable, match="pip install easyocr"):
        CliRunner().invoke(agree, ["digits-edge"], catch_exceptions=False)
