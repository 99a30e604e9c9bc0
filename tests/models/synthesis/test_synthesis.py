import numpy as np

from edgereader.models.data.datasets import open_scenes
from edgereader.models.data.labels_tsv import read_labels
from edgereader.models.synthesis.synthesis import write_crops, write_scenes


def test_more_crops_begin_with_the_same_ones_and_another_seed_has_others(tmp_path):
    for name, count, seed in (("few", 2, 3), ("many", 5, 3), ("others", 2, 4)):
        write_crops(tmp_path / name, count, seed)
    few, many, others = ([label.text for label in read_labels(tmp_path / name)] for name in ("few", "many", "others"))
    assert many[:2] == few
    assert others != few


def test_scenes_are_read_back_with_their_words_and_characters(tmp_path):
    assert write_scenes(tmp_path / "scenes_x", 6, seed=1, hw=(192, 256)) == 6
    scenes = open_scenes(tmp_path / "scenes_x")
    words = [word for index in range(len(scenes)) for word in scenes[index].words]
    assert words
    assert scenes[0].image.shape == (192, 256, 3)
    for word in words:
        if not word.ignored:
            assert len(word.char_quads) == len(word.text)
            assert np.abs(word.char_quads[0, 0] - word.quad[0]).max() < 0.2


def test_progress_is_told(tmp_path):
    seen = []
    write_crops(
        tmp_path / "set", 3, seed=0, progress=lambda numbers: (seen.append(number) or number for number in numbers)
    )
    assert seen == [0, 1, 2]
