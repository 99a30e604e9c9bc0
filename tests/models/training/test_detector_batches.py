from dataclasses import replace
from itertools import islice

import cv2
import numpy as np
import pytest
import torch

from edgereader.models.data.samples import Scene, parted
from edgereader.models.training.detector_batches import Batches, Source, cut_scene, edged
from edgereader.models.training.loop import loader

from .scenes import box, word_of


class Squares:
    """Three images, each with one white square that is said to be a character."""

    def __len__(self):
        return 3

    def __getitem__(self, index):
        image = np.full((200, 300, 3), 40, np.uint8)
        x = 60 + 60 * index
        image[80:110, x : x + 20] = 255
        return Scene(image, [word_of("1", box(x, 80, x + 20, 110))])

    def photo(self, index):
        return f"photo {index}"


def source(**changes):
    return Source(**{"canvas_px": 64, "size": 3, "seed": 5, "data": (Squares(),), "synthetic_share": 0.0, **changes})


def test_a_batch_has_targets_of_half_the_size_and_repeats_by_its_step():
    first, again = (source().batch(step) for step in (4, 4))
    count, side = first.images.shape[:2]
    assert first.images.dtype == torch.uint8
    assert first.maps.shape == (count, side // 2, side // 2, 2)
    assert first.weight.shape == (count, side // 2, side // 2)
    assert torch.equal(first.images, again.images)


def test_no_two_steps_nor_seeds_give_the_same_batch():
    batches = [source(seed=seed).batch(step) for seed in (5, 6) for step in range(4)]
    assert len({batch.images.numpy().tobytes() for batch in batches}) == 8


def test_some_batches_hold_fewer_but_larger_scenes():
    shapes = {tuple(source().batch(step).images.shape[:2]) for step in range(30)}
    assert shapes == {(3, 64), (1, 96)}


@pytest.mark.parametrize("workers", [0, 2])
def test_any_number_of_workers_gives_the_same_order(workers):
    cv2.setNumThreads(2)
    cv2.GaussianBlur(np.zeros((2000, 2000, 3), np.uint8), (9, 9), 2)  # now OpenCV's threads run, which no fork survives
    for step, batch in enumerate(
        islice(loader(Batches(source(), 3), workers, batch_size=None, timeout=300 * (workers > 0)), 5), 3
    ):
        assert torch.equal(batch.images, source().batch(step).images)


def test_a_cut_scene_keeps_quads_on_the_ink():
    marked = 0
    for seed in range(40):
        scene = cut_scene(np.random.default_rng(seed), Squares()[1], (96, 96))
        assert scene.image.shape == (96, 96, 3)
        for word in scene.words:
            if word.ignored:
                continue
            marked += 1
            x, y = word.quad.mean(0).astype(int)
            assert scene.image[y, x].min() > 200
            assert word.char_quads[0] == pytest.approx(word.quad)
    assert marked > 5


def test_a_word_across_the_edge_is_ignored():
    ignored = [
        word.ignored
        for seed in range(60)
        for word in cut_scene(np.random.default_rng(seed), Squares()[1], (64, 64)).words
        if word.quad.min() < 0 or word.quad.max() > 64
    ]
    assert ignored
    assert all(ignored)


def test_the_first_steps_are_easier(monkeypatch):
    levels = []
    monkeypatch.setattr(
        "edgereader.models.training.detector_batches.make_scene",
        lambda _, hw, *, level: levels.append(level) or Scene(np.zeros((*hw, 3), np.uint8), []),
    )
    monkeypatch.setattr("edgereader.models.training.detector_batches.EDGED_SHARE", 0)
    for step in (0, 1350, 5000):
        source(data=(), size=1).batch(step)
    source(data=(), size=1, easy_first=False).batch(0)
    assert levels == [0.0, 0.5, 1.0, 1.0]


def test_what_a_teacher_saw_moves_with_the_photo():
    scene = Squares()[1]
    taught = np.zeros((100, 150, 2), np.uint8)
    taught[40:55, 60:70] = 255
    seen = cut_scene(np.random.default_rng(3), replace(scene, taught=taught), (96, 96))
    assert seen.taught.shape == (48, 48, 2)
    halves = cv2.resize(cv2.cvtColor(seen.image, cv2.COLOR_BGR2GRAY), (48, 48), interpolation=cv2.INTER_AREA)
    assert seen.taught.any()
    assert np.abs((halves > 150).astype(int) - (seen.taught[..., 0] > 127)).mean() < 0.02


def test_text_stands_beside_the_border_and_across_it():
    scenes = [edged(np.random.default_rng(seed), (128, 128), 1.0) for seed in range(30)]
    assert {scene.image.shape for scene in scenes} == {(128, 128, 3)}
    words = [word for scene in scenes for word in scene.words]
    near = [word for word in words if not word.ignored and min(word.quad.min(), 128 - word.quad.max()) < 4]
    assert near
    across = [word for word in words if word.quad.min() < 0 or word.quad.max() > 128]
    assert across
    assert all(word.ignored for word in across)


def test_held_out_photos_are_not_learnt_from():
    drawn = set()

    class Told(Squares):
        def __len__(self):
            return 10

        def __getitem__(self, index):
            drawn.add(int(index))
            return super().__getitem__(int(index) % 3)

        def photo(self, index):
            return "lcd" if index == 4 else f"photo {index}"

    for step in range(40):
        source(data=(Told(),)).batch(step)
    learnt, held_out = parted(Told())
    assert held_out.tolist() == [4]
    assert drawn == set(learnt.tolist())
