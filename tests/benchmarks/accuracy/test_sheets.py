from pathlib import Path

import cv2
import numpy as np

from edgereader.benchmarks.accuracy.datasets import LabelledImage
from edgereader.benchmarks.accuracy.results import Mistake
from edgereader.benchmarks.accuracy.scoring import match
from edgereader.benchmarks.accuracy.sheets import CELLS, write_sheets

BOX = np.array([[10, 10], [60, 10], [60, 40], [10, 40]], np.float32)


def blue(_path):
    return np.full((100, 200, 3), (255, 0, 0), np.uint8)


def wrong(cause, name="a"):
    return Mistake(LabelledImage(Path(name), ("12 é",), (None,)), ("21",), (0.87,), (), None, (cause,))


def test_crops_fill_sheets_of_sixty(tmp_path):
    mistakes = [wrong(("digits changed", "inside"), str(number)) for number in range(61)]
    written = write_sheets(tmp_path / "new", "crops_x", "crops", mistakes, blue)
    assert [path.name for path in written] == ["crops_x-1.png", "crops_x-2.png"]
    full, rest = (cv2.imread(str(path)) for path in written)
    assert full.shape[0] == 10 * rest.shape[0]
    assert full.shape[1] == rest.shape[1]
    cell = full[: full.shape[0] // 10, : full.shape[1] // 6]
    assert (cell[4:68, 4:132] == (255, 0, 0)).all()  # 100×200 fitted into 64×200
    captions = cell[CELLS["crops"][0] + 8 :]
    assert (captions.min(axis=2) < 120).sum() > 20


def test_scenes_show_both_kinds_of_boxes(tmp_path):
    image = LabelledImage(Path("a"), ("12", "7"), (BOX, None))
    causes = (("number missed", "not found by the detector"), ("false number", "where nothing is labelled"))
    mistake = Mistake(image, ("99",), (0.9,), (BOX + 40,), match(["12"], ["99"]), causes)
    (path,) = write_sheets(tmp_path, "scenes_x", "scenes", [mistake], blue)
    picture = cv2.imread(str(path))[: CELLS["scenes"][0]]
    green, red = ((picture[:, :, channel] > 150) & (picture[:, :, 0] < 100) for channel in (1, 2))
    assert green.sum() > 100
    assert red.sum() > 100


def test_crops_with_the_same_cause_lie_together(tmp_path):
    causes = [("digit dropped", "left end"), ("digit changed", "inside")] * 2
    shades = {str(number): np.full((64, 200, 3), 60 * number, np.uint8) for number in range(4)}
    mistakes = [wrong(cause, str(number)) for number, cause in enumerate(causes)]
    (path,) = write_sheets(tmp_path, "x:held-out", "crops", mistakes, lambda path: shades[str(path)])
    assert path.name == "x-held-out-1.png"
    sheet, step = cv2.imread(str(path)), CELLS["crops"][1] + 8
    assert [int(sheet[30, 100 + step * column, 0]) for column in range(4)] == [60, 180, 0, 120]


def test_without_mistakes_there_is_no_sheet(tmp_path):
    assert write_sheets(tmp_path, "set", "crops", [], blue) == []
