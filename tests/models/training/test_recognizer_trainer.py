from dataclasses import replace

import cv2
import numpy as np
import pytest
import torch

from edgereader.models.recognizer import Recognizer
from edgereader.models.training import recognizer_trainer as trainer
from edgereader.models.training.recognizer_trainer import RecognizerTraining, fit_crop, train_recognizer
from edgereader.models.training.samples import TrainingDataError


class Digits:
    """Four crops, each with its digit: learnable in a few steps."""

    def __len__(self):
        return 4

    def __getitem__(self, index):
        image = np.full((32, 40, 3), 255, np.uint8)
        cv2.putText(image, str(index), (8, 26), cv2.FONT_HERSHEY_SIMPLEX, 0.9, (0, 0, 0), 3)
        return image, str(index)


def config(tmp_path, **changes):
    return RecognizerTraining(
        out=tmp_path / "run", charset="0123", width=0.0625, steps=6, batch=4, workers=0, data=(Digits(),),
        synthetic_share=0.0, save_every=3, validation=8, max_length=3, image_hw=(32, 100),
        stretch=1.0, even_contrast=False, **changes,
    )  # fmt: skip


@pytest.mark.parametrize(("stages", "steps"), [("None-VGG-None-CTC", 110), ("None-VGG-None-Attn", 220)])
def test_a_network_learns_four_crops_by_heart(tmp_path, stages, steps):
    lines = []
    run = config(tmp_path, stages=stages)
    run = replace(run, width=0.125, steps=steps, save_every=steps, peak_rate=4e-3)
    path = train_recognizer(run, lines.append)
    network = Recognizer(trainer.network_config(run))
    network.load_state_dict(torch.load(path, weights_only=True))
    checks = trainer.validation_set(run)
    assert trainer.accuracy(network.eval(), checks, "cpu") == 1.0
    assert lines[-1].startswith(f"step {steps}  validation_accuracy 1")


def test_a_resumed_run_goes_on_where_it_stopped(tmp_path):
    train_recognizer(config(tmp_path), print)
    run = trainer.start(replace(config(tmp_path), resume=True, steps=9))
    assert run.step == 6
    assert run.spent_s > 0
    train_recognizer(replace(config(tmp_path), resume=True, steps=9), print)
    assert torch.load(tmp_path / "run" / "last.pt", weights_only=True)["step"] == 9


def test_a_checkpoint_of_another_shape_is_not_resumed(tmp_path):
    train_recognizer(config(tmp_path), print)
    with pytest.raises(TrainingDataError, match="drop --resume"):
        trainer.start(replace(config(tmp_path), resume=True, width=0.125))


def test_fine_tuning_starts_from_published_keys_with_their_prefix(tmp_path):
    path = train_recognizer(config(tmp_path), print)
    weights = torch.load(path, weights_only=True)
    torch.save({f"module.{key}": value for key, value in weights.items()}, tmp_path / "published.pth")
    run = trainer.start(config(tmp_path, init=tmp_path / "published.pth"))
    assert all((run.network.state_dict()[key] == value).all() for key, value in weights.items())
    weights.pop("Prediction.weight")
    torch.save(weights, tmp_path / "short.pth")
    with pytest.raises(TrainingDataError, match=r"Prediction\.weight"):
        trainer.start(config(tmp_path, init=tmp_path / "short.pth"))


def test_crops_keep_their_ratio_and_are_padded_with_their_last_column(tmp_path):
    image = np.zeros((16, 20, 3), np.uint8)
    image[:, -3:] = 200
    fitted = fit_crop(image, config(tmp_path))
    assert fitted.shape == (32, 100, 1)
    assert (fitted[:, 39:] == 200).all()
    assert (fitted[:, :30] == 0).all()
    wider = fit_crop(image, replace(config(tmp_path), stretch=2.0))
    assert (wider[:, 79:] == 200).all()
    assert (wider[:, :60] == 0).all()
    filled = fit_crop(image, replace(config(tmp_path), keep_ratio=False))
    assert (filled[:, :80] == 0).all()
    wide = fit_crop(np.zeros((16, 400, 3), np.uint8), config(tmp_path))
    assert wide.shape == (32, 100, 1)


def test_texts_are_folded_to_the_charset():
    assert trainer.encode("A 1", "0123456789a") == [10, 1]
    assert trainer.encode("A", "aA") == [1]
    assert trainer.encode("?", "aA") is None
    assert trainer.encode("", "aA") == []


def test_difficulty_rises_from_clean_to_all():
    assert trainer.difficulty(0) == 0
    assert trainer.difficulty(trainer.CLEAN_STEPS + trainer.RAMP_STEPS) == 1
    assert 0 < trainer.difficulty(trainer.CLEAN_STEPS + 1) < 0.01


def test_long_texts_weigh_more_than_short_ones_but_less_than_by_length(tmp_path):
    run = config(tmp_path)
    network = Recognizer(trainer.network_config(run)).eval()
    images = torch.zeros(1, run.channels, *run.image_hw)
    log_probs = network(images).log_softmax(2).transpose(0, 1)
    for text in ([1], [0, 1, 2, 3]):
        whole = torch.nn.functional.ctc_loss(
            log_probs, torch.tensor(text) + 1, [log_probs.shape[0]], [len(text)], reduction="sum"
        )
        assert trainer.loss_of(network, images, [text]).item() == pytest.approx(
            whole.item() / len(text) ** 0.5, rel=1e-4
        )
    assert trainer.loss_of(network, images, [[]]).item() > 0
