from itertools import islice

import numpy as np
import pytest

from edgereader.models.training import recognizer_samples as samples
from edgereader.models.training.recognizer_samples import (
    RecognizerTraining,
    Samples,
    encode,
    fit_crop,
    fitted_width,
    parted,
    validation_sets,
)


class Numbered:
    """Forty crops of twenty photos; the place of each is its text."""

    def __len__(self):
        return 40

    def __getitem__(self, index):
        return np.full((20, 10 + 4 * (index % 10), 3), 6 * index, np.uint8), str(index)

    def photo(self, index):
        return f"photo {index // 2}"


def config(tmp_path, **changes):
    given = {"charset": "0123456789", "image_hw": (32, 100), "stretch": 1.0, "even_contrast": False} | changes
    return RecognizerTraining(out=tmp_path / "run", batch=4, steps=6, **given)


def test_crops_keep_their_ratio_and_are_padded_with_their_last_column(tmp_path):
    image = np.zeros((16, 20, 3), np.uint8)
    image[:, -3:] = 200
    fitted = fit_crop(image, config(tmp_path))
    assert fitted.shape == (32, 100, 1)
    assert (fitted[:, 39:] == 200).all()
    assert (fitted[:, :30] == 0).all()
    wider = fit_crop(image, config(tmp_path, stretch=2.0))
    assert (wider[:, 79:] == 200).all()
    assert (wider[:, :60] == 0).all()
    filled = fit_crop(image, config(tmp_path, keep_ratio=False))
    assert (filled[:, :80] == 0).all()
    wide = fit_crop(np.zeros((16, 400, 3), np.uint8), config(tmp_path))
    assert wide.shape == (32, 100, 1)


def test_texts_are_folded_to_the_charset():
    assert encode("A 1", "0123456789a") == [10, 1]
    assert encode("A", "aA") == [1]
    assert encode("?", "aA") is None
    assert encode("", "aA") == []


@pytest.mark.parametrize(
    ("ratio", "stretch", "width"),
    [
        (0.5, 2.0, 32),
        (2.0, 2.0, 128),
        (4.0, 2.0, 192),
        (14.0, 2.0, 512),
        (20.0, 2.0, 512),
        (4.0, 1.0, 128),
        (1, 0.5, 16),
    ],
)
def test_narrow_crops_are_stretched_by_two_heights_at_most(tmp_path, ratio, stretch, width):
    assert fitted_width(ratio, config(tmp_path, image_hw=(32, 512), stretch=stretch)) == width


def test_a_crop_goes_into_the_least_width_that_holds_it(tmp_path):
    run = config(tmp_path, image_hw=(32, 512), widths=(64, 96, 512), stretch=2.0)
    shapes = [fit_crop(np.zeros((16, wide, 3), np.uint8), run).shape for wide in (16, 17, 24, 25, 400)]
    assert shapes == [(32, 64, 1), (32, 96, 1), (32, 96, 1), (32, 512, 1), (32, 512, 1)]


def test_a_batch_is_of_one_width_and_every_crop_comes(tmp_path):
    run = config(tmp_path, widths=(32, 64, 100), data=(Numbered(),), synthetic_share=0.0)
    batches = list(islice(Samples(run, 0, seed=1), 200))
    assert {len(batch) for batch in batches} == {4}
    assert all(len({sample[0].shape for sample in batch}) == 1 for batch in batches)
    assert {sample[0].shape[1] for batch in batches for sample in batch} == {32, 64, 100}
    seen = {int("".join(map(str, places))) for batch in batches for _, places in batch}
    assert seen == set(parted(Numbered())[0].tolist())


def test_photos_are_held_out_whole_and_validated_on(tmp_path):
    learnt, held_out = parted(Numbered())
    assert 0 < len(held_out) < len(learnt)
    assert sorted([*learnt, *held_out]) == list(range(40))
    assert not {index // 2 for index in learnt} & {index // 2 for index in held_out}
    sets = validation_sets(config(tmp_path, data=(Numbered(),), synthetic_share=0.0))
    assert list(sets) == ["held_out"]
    assert sorted(int("".join(map(str, places))) for _, places in sets["held_out"]) == held_out.tolist()
    one_photo = type("OnePhoto", (Numbered,), {"photo": lambda _self, _index: "same"})()
    assert [part.tolist() for part in parted(one_photo)] == [list(range(40)), []]


def test_small_sets_are_drawn_from_by_the_root_of_their_size(tmp_path):
    few = type("Few", (Numbered,), {"__len__": lambda _self: 10, "photo": lambda _self, _index: "same"})()
    many = type("Many", (Numbered,), {"photo": lambda _self, _index: "same"})()
    assert Samples(config(tmp_path, data=(few, many)), 0, seed=0).shares.tolist() == pytest.approx([1 / 3, 2 / 3])


def test_difficulty_rises_from_clean_to_all():
    assert samples.difficulty(0) == 0
    assert samples.difficulty(samples.CLEAN_STEPS + samples.RAMP_STEPS) == 1
    assert 0 < samples.difficulty(samples.CLEAN_STEPS + 1) < 0.01
