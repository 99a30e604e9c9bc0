"""Networks come with EdgeReader's own error, whatever is wrong with their checkpoint."""

import pytest

from edgereader.export.networks import (
    expect_charset,
    kinds_in,
    load_craft,
    load_recognizer,
    load_refiner,
    named_charset,
    open_recognizer,
)
from edgereader.models.recognizer import Recognizer, RecognizerConfig
from edgereader.runtime.errors import CheckpointError


@pytest.mark.parametrize("load", [load_craft, load_refiner, load_recognizer, open_recognizer, kinds_in])
def test_an_absent_file(load, tmp_path):
    with pytest.raises(CheckpointError, match="absent.pt: expected a checkpoint file, got none"):
        load(tmp_path / "absent.pt")


def test_a_charset_that_is_none():
    for wrong in (
        lambda: named_charset("@/absent"),
        lambda: expect_charset(None, 11, "CTC"),
    ):
        with pytest.raises(CheckpointError, match="expected"):
            wrong()


def test_what_is_told_goes_before_what_is_assumed(thin_refiner, save):
    path = save(Recognizer(RecognizerConfig("None-VGG-None-Attn", 13, width=0.1)))
    assert load_recognizer(path).config == RecognizerConfig("None-VGG-None-Attn", 13, width=0.1)
    told = load_recognizer(path, (48, 64), 7, even_contrast=True).config
    assert (told.image_hw, told.max_length, told.even_contrast) == ((48, 64), 7, True)
    assert load_refiner(save(thin_refiner)).width == 0.125
