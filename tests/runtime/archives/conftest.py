"""Photos of an archive, and Ray, started once for all tests that need it."""

import os

import cv2
import numpy as np
import pytest

from ..graphs import paint_word


@pytest.fixture(scope="session")
def ray_here():
    """Ray on four cores, whatever the machine has: an actor that restarts when its data set ends keeps one."""
    ray = pytest.importorskip("ray", reason="needs the extra ray")
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    ray.init("local", num_cpus=4, include_dashboard=False, object_store_memory=256 << 20)
    yield ray
    ray.shutdown()


@pytest.fixture
def photos(tmp_path):
    """Twenty photos 00.png to 19.png that show a digit each, 5 to 9 in turn, and a broken one."""
    folder = tmp_path / "photos"
    folder.mkdir()
    for number in range(20):
        frame = np.zeros((160, 320, 3), np.uint8)
        paint_word(frame, str(5 + number % 5), 60, 50)
        cv2.imwrite(str(folder / f"{number:02}.png"), frame)
    (folder / "broken.jpg").write_text("no picture")
    return folder
