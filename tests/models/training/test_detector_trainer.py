import json
import re
from types import SimpleNamespace

import cv2
import numpy as np
import pytest
import torch

from edgereader.models.craft import CRAFT
from edgereader.models.data.samples import Scene, TrainingDataError
from edgereader.models.training.detector_batches import Batch
from edgereader.models.training.detector_trainer import DetectorTraining, awaken, loss_of, train_detector
from edgereader.models.training.distillation import Teacher

from .scenes import box, word_of


class Squares:
    """One image with two squares, each of which is a word of one character."""

    def __len__(self):
        return 1

    def __getitem__(self, index):
        image = np.full((64, 64, 3), 40, np.uint8)
        words = []
        for x, y in ((8, 10), (38, 36)):
            image[y : y + 18, x : x + 14] = 230
            words.append(word_of("1", box(x, y, x + 14, y + 18)))
        return Scene(image, words)

    def photo(self, _index):
        return "square"


def config(out, **changes):
    values = {
        "out": out, "width": 0.0625, "batch": 2, "canvas_px": 64, "data": (Squares(),), "synthetic_share": 0.0,
        "validation": 2, "save_every": 3, "report_s": 0.0, "steps": 6,
    }  # fmt: skip
    return DetectorTraining(**values | changes)


def weights(path):
    state = torch.load(path, weights_only=True)
    return state.get("state_dict", state)


def losses(folder):
    """What the log of a run says, step by step."""
    events = map(json.loads, (folder / "log.jsonl").read_text().splitlines())
    return [event["loss"] for event in events if "loss" in event]


class StopError(Exception):
    """The user's Ctrl-C."""


def test_a_resumed_run_ends_like_an_uninterrupted_one(tmp_path):
    def stop(line):
        if line.startswith("step 4,"):
            raise StopError

    whole = weights(train_detector(config(tmp_path / "whole"), lambda _: None))
    with pytest.raises(StopError):
        train_detector(config(tmp_path / "parts"), stop)
    assert weights(tmp_path / "parts" / "last.pt")["step"] == 3
    parts = weights(train_detector(config(tmp_path / "parts", resume=True), lambda _: None))
    assert whole.keys() == parts.keys()
    for key, value in whole.items():
        assert torch.equal(value, parts[key]), key


def test_progress_and_validation_are_reported_and_logged(tmp_path):
    lines = []
    train_detector(config(tmp_path), lines.append)
    log = [json.loads(line) for line in (tmp_path / "log.jsonl").read_text().splitlines()]
    assert len(lines) == len(log)
    assert [event["step"] for event in log if "loss" in event] == [1, 2, 3, 4, 5, 6]
    assert all({"precision", "recall", "f1"} <= event.keys() for event in log if "validation" in event)
    assert re.match(r"step 1, 17%: \S+ scenes/s, loss \S+, \d:\d\d:\d\d to go", lines[0])


def test_the_loss_falls_on_two_squares(tmp_path):
    run = config(tmp_path, width=0.125, steps=60, save_every=100, validation=0, peak_rate=1e-2)
    train_detector(run, lambda _: None)
    seen = losses(tmp_path)
    assert sum(seen[-10:]) < 0.6 * sum(seen[:10])


def test_every_channel_of_a_thin_head_is_at_work():
    torch.manual_seed(0)
    network = CRAFT(0.25)
    awaken(network)
    x = torch.rand(2, 8, 16, 16)
    for layer in network.conv_cls[:-1]:
        x = layer(x)
    assert (x > 0).float().mean((0, 2, 3)).min() > 0.5


def test_fine_tuning_starts_from_given_weights_and_takes_the_published_prefix(tmp_path):
    network = CRAFT(0.0625)
    state = {f"module.{key}": value for key, value in network.state_dict().items()}
    torch.save(state, tmp_path / "published.pth")
    run = config(tmp_path / "run", init=tmp_path / "published.pth", steps=1, peak_rate=0.0)
    tuned = weights(train_detector(run, lambda _: None))
    weight = "basenet.slice1.0.weight"
    assert torch.allclose(tuned[weight], network.state_dict()[weight])


def test_another_networks_checkpoint_is_refused(tmp_path):
    torch.save(CRAFT(0.125).state_dict(), tmp_path / "wider.pt")
    with pytest.raises(TrainingDataError, match=r"wider\.pt: expected the keys .* is 8x3x3x3, not 4x3x3x3"):
        train_detector(config(tmp_path / "run", init=tmp_path / "wider.pt"), lambda _: None)
    train_detector(config(tmp_path / "run", steps=1), lambda _: None)
    with pytest.raises(TrainingDataError, match=r"'width': 0\.125.*drop --resume"):
        train_detector(config(tmp_path / "run", width=0.125, resume=True), lambda _: None)


@pytest.mark.slow
def test_a_thin_detector_learns_from_a_wide_one(tmp_path):
    wide = config(tmp_path / "wide", width=0.25, steps=40, save_every=100, validation=0, peak_rate=1e-2)
    teacher = train_detector(wide, lambda _: None)
    thin = {"width": 0.125, "strided": True, "teacher": teacher, "steps": 1, "save_every": 100, "validation": 0}
    train_detector(config(tmp_path / "first", **thin), lambda _: None)
    train_detector(config(tmp_path / "taught", **thin | {"steps": 60}, peak_rate=5e-3), lambda _: None)
    first, taught = losses(tmp_path / "first"), losses(tmp_path / "taught")
    assert first[0] == taught[0], "both begin with the teacher's filters"
    assert taught[-1] < 0.6 * taught[0]


def test_with_weights_to_start_from_a_teacher_only_looks_at_photos(tmp_path, monkeypatch):
    """A teacher that is thinner than the detector could guide no step."""
    torch.save(CRAFT(0.0625).state_dict(), tmp_path / "teacher.pt")
    torch.save(CRAFT(0.125).state_dict(), tmp_path / "init.pt")
    (tmp_path / "photos").mkdir()
    cv2.imwrite(str(tmp_path / "photos" / "one.png"), Squares()[0].image)
    looked = []
    monkeypatch.setattr(Teacher, "look", lambda _, image: looked.append(1) or np.zeros((*halved(image), 2), np.uint8))
    options = {"teacher": tmp_path / "teacher.pt", "photos": (tmp_path / "photos",), "init": tmp_path / "init.pt"}
    train_detector(config(tmp_path / "run", width=0.125, data=(), steps=2, validation=0, **options), lambda _: None)
    assert looked == [1], "once, however often it is learnt from"


def halved(image):
    return image.shape[0] // 2, image.shape[1] // 2


@torch.no_grad()
def test_the_teachers_share_of_the_loss():
    network, maps = CRAFT(0.0625), torch.zeros(1, 32, 32, 2)
    batch = Batch(torch.zeros(1, 64, 64, 3, dtype=torch.uint8), maps, torch.ones(1, 32, 32))
    teacher = SimpleNamespace(loss=lambda _images, maps, _weight: maps.sum() * 0 + 7)
    own = float(loss_of(network, batch, "cpu"))
    assert float(loss_of(network, batch, "cpu", teacher, 1.0)) == pytest.approx(7)
    assert float(loss_of(network, batch, "cpu", teacher, 0.25)) == pytest.approx(0.75 * own + 0.25 * 7)
    assert float(loss_of(network, batch, "cpu", teacher, 0.0)) == pytest.approx(own)
