from dataclasses import replace

import cv2
import numpy as np
import pytest
import torch

from edgereader.models.checkpoints.loading import NOT_TRAINED
from edgereader.models.data.samples import TrainingDataError
from edgereader.models.recognizer import Recognizer
from edgereader.models.training import recognizer_samples
from edgereader.models.training import recognizer_trainer as trainer
from edgereader.models.training.loop import Budget
from edgereader.models.training.recognizer_samples import RecognizerTraining, fitted
from edgereader.models.training.recognizer_trainer import train_recognizer


class Digits:
    """Four crops, each with its digit: learnable in a few steps."""

    def __len__(self):
        return 4

    def __getitem__(self, index):
        image = np.full((32, 40, 3), 255, np.uint8)
        cv2.putText(image, str(index), (8, 26), cv2.FONT_HERSHEY_SIMPLEX, 0.9, (0, 0, 0), 3)
        return image, str(index)

    def photo(self, _index):
        return "all are from one photo, so that all are learnt"


def config(tmp_path, **changes):
    small = RecognizerTraining(
        out=tmp_path / "run", charset="0123", width=0.0625, steps=6, batch=4, workers=0, data=(Digits(),),
        synthetic_share=0.0, save_every=3, validation=8, max_length=3, image_hw=(32, 100),
        stretch=1.0, even_contrast=False,
    )  # fmt: skip
    return replace(small, **changes)


@pytest.mark.slow
@pytest.mark.parametrize(("stages", "steps"), [("None-VGG-None-CTC", 160), ("None-VGG-None-Attn", 220)])
def test_a_network_learns_four_crops_by_heart(tmp_path, monkeypatch, stages, steps):
    monkeypatch.setattr(recognizer_samples, "retaken", lambda image, _rng: image)  # as they are, for fewer steps
    lines = []
    run = config(tmp_path, stages=stages)
    run = replace(run, width=0.125, steps=steps, save_every=steps, peak_rate=2e-3)
    path = train_recognizer(run, lines.append)
    network = Recognizer(trainer.network_config(run))
    network.load_state_dict(torch.load(path, weights_only=True)["state_dict"])
    crops = [fitted(*crop, run) for crop in map(Digits().__getitem__, range(4))]
    assert trainer.accuracy(network.eval(), crops, "cpu") == 1.0


def test_fine_tuning_starts_from_published_keys_with_their_prefix(tmp_path):
    path = train_recognizer(config(tmp_path), print)
    weights = torch.load(path, weights_only=True)["state_dict"]
    torch.save({f"module.{key}": value for key, value in weights.items()}, tmp_path / "published.pth")
    run = trainer.start(config(tmp_path, init=tmp_path / "published.pth"))
    state, trained = run.network.state_dict(), [key for key in weights if not key.endswith(NOT_TRAINED)]
    assert all(torch.equal(state[key], weights[key]) for key in trained)
    weights.pop("Prediction.weight")
    torch.save(weights, tmp_path / "short.pth")
    with pytest.raises(TrainingDataError, match=r"Prediction\.weight"):
        trainer.start(config(tmp_path, init=tmp_path / "short.pth"))


def test_the_last_layer_is_taken_over_symbol_by_symbol(tmp_path):
    path = train_recognizer(config(tmp_path, charset="ab1"), print)
    before = torch.load(path, weights_only=True)["state_dict"]
    changed = config(tmp_path, charset="1B ", init=path, init_charset="ab1")
    after = trainer.start(replace(changed, out=tmp_path / "other")).network.state_dict()
    assert torch.equal(after["Prediction.weight"][:3], before["Prediction.weight"][[0, 3, 2]])
    assert torch.equal(after["Prediction.bias"][:3], before["Prediction.bias"][[0, 3, 2]])
    assert not after["Prediction.weight"][3].any()
    assert after["Prediction.bias"][3] == before["Prediction.bias"].min()


def test_a_checkpoint_remembers_its_run_and_is_the_best_one(tmp_path):
    path = train_recognizer(config(tmp_path, widths=(64, 100)), print)
    told = torch.load(path, weights_only=True)["config"]
    assert told["charset"] == "0123"
    assert (told["image_hw"], told["widths"], told["keep_ratio"], told["stretch"]) == ([32, 100], [64, 100], True, 1.0)
    run = trainer.start(config(tmp_path, widths=(64, 100)))
    run.save(path, Budget(steps=1), 0.5)
    run.average.network.Prediction.bias.data += 1
    run.save(path, Budget(steps=1), 0.4)
    kept = torch.load(path, weights_only=True)["state_dict"]["Prediction.bias"]
    assert torch.equal(kept + 1, run.average.network.Prediction.bias)
    run.save(path, Budget(steps=1), 0.5)
    kept = torch.load(path, weights_only=True)["state_dict"]["Prediction.bias"]
    assert torch.equal(kept, run.average.network.Prediction.bias)


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
