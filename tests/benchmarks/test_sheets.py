from pathlib import Path

import cv2
import numpy as np

from edgereader.benchmarks.datasets import LabelledImage
from edgereader.benchmarks.evaluate import Mistake
from edgereader.benchmarks.scoring import match
from edgereader.benchmarks.sheets import CELLS, write_sheets

BOX = np.array([[10, 10], [60, 10], [60, 40], [10, 40]], np.float32)


def blue(_path):
    return np.full((100, 200, 3), (255, 0, 0), np.uint8)


def test_crops_fill_sheets_of_sixty(tmp_path):
    mistakes = [Mistake(LabelledImage(Path(str(number)), ("12 é",), ()), ("21",), (), None) for number in range(61)]
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
    mistake = Mistake(LabelledImage(Path("a"), ("12",), (BOX,)), ("99",), (BOX + 40,), match(["12"], ["99"]))
    (path,) = write_sheets(tmp_path, "scenes_x", "scenes", [mistake], blue)
    picture = cv2.imread(str(path))[: CELLS["scenes"][0]]
    green, red = ((picture[:, :, channel] > 150) & (picture[:, :, 0] < 100) for channel in (1, 2))
    assert green.sum() > 100
    assert red.sum() > 100


def test_without_mistakes_there_is_no_sheet(tmp_path):
    assert write_sheets(tmp_path, "set", "crops", [], blue) == []
