import json
from types import SimpleNamespace

import pytest
import torch
from torch import nn

from edgereader.models.data.samples import TrainingDataError
from edgereader.models.training import loop
from edgereader.models.training.loop import Average, Budget, Log, Pace, learning_rate, load_state, save_atomically


def test_the_average_follows_the_weights_and_copies_counters():
    network = nn.BatchNorm1d(2)
    average = Average(network, decay=0.5)
    with torch.no_grad():
        network.weight.fill_(3.0)
        network.num_batches_tracked.fill_(7)
    before = float((average.network.weight - 3).abs().max())
    for _ in range(30):
        average.update(network)
    assert before == 2
    assert float((average.network.weight - 3).abs().max()) < 1e-3
    assert int(average.network.num_batches_tracked) == 7
    assert not average.network.training


def test_a_budget_is_steps_or_hours():
    assert Budget(steps=10).progress(5) == 0.5
    assert Budget(hours=1, spent_s=1800).progress(5) == pytest.approx(0.5, abs=0.01)
    assert Budget(hours=1, spent_s=7200).progress(5) == 1
    for wrong in ({}, {"steps": 1, "hours": 1.0}):
        with pytest.raises(ValueError, match="--steps and --hours"):
            Budget(**wrong)


def test_the_rate_warms_up_and_falls():
    rates = [learning_rate(1.0, progress / 1000) for progress in range(1001)]
    assert rates[0] < 0.01
    assert rates.index(max(rates)) == 20
    assert rates[-1] == pytest.approx(0.01, abs=1e-6)


def test_checkpoints_are_renamed_into_place_and_refused_when_damaged(tmp_path):
    save_atomically({"a": torch.ones(3)}, tmp_path / "x.pt")
    assert [path.name for path in tmp_path.iterdir()] == ["x.pt"]
    assert load_state(tmp_path / "x.pt")["a"].sum() == 3
    (tmp_path / "x.pt").write_bytes((tmp_path / "x.pt").read_bytes()[:-200])
    with pytest.raises(TrainingDataError, match=r"x\.pt: expected a checkpoint"):
        load_state(tmp_path / "x.pt")


def test_the_log_is_json_for_programs_and_short_for_people(tmp_path):
    lines = []
    Log(tmp_path / "log.jsonl", lines.append).write(step=3, loss=1.23456789)
    assert lines == ["step 3  loss 1.2346"]
    assert json.loads((tmp_path / "log.jsonl").read_text()) == {"step": 3, "loss": 1.23456789}


def test_progress_is_told_now_and_then_with_the_time_to_go(tmp_path, monkeypatch):
    now, lines = [100.0], []
    monkeypatch.setattr(loop.time, "monotonic", lambda: now[0])
    budget = Budget(steps=400, spent_s=20.0, started=100.0)
    pace = Pace(budget, Log(tmp_path / "log.jsonl", lines.append), "crops", every_s=10)
    run = SimpleNamespace(step=100, losses=[])
    for step in range(101, 201):
        now[0] += 0.9
        run.step = step
        run.losses.append(step / 50)
        pace.note(run, 8)
    assert lines[0] == "step 112, 28%: 8.89 crops/s, loss 2.13, 0:01:19 to go"
    assert len(lines) == 8, "every ten seconds, at the end of a step"
    told = [json.loads(line) for line in (tmp_path / "log.jsonl").read_text().splitlines()]
    assert told[-1]["step"] == 196
    assert told[-1]["to_go_s"] == pytest.approx((20 + 96 * 0.9) * (400 / 196 - 1))
    assert told[-1]["loss"] == pytest.approx(sum(range(185, 197)) / 600), "of the steps since the line before"


def test_in_a_long_run_progress_is_told_less_often(tmp_path, monkeypatch):
    now, lines = [0.0], []
    monkeypatch.setattr(loop.time, "monotonic", lambda: now[0])
    pace = Pace(Budget(hours=10, started=0.0), Log(tmp_path / "log.jsonl", lines.append), "scenes", every_s=10)
    for step in range(1, 3601):
        now[0] += 10
        pace.note(SimpleNamespace(step=step, losses=[1.0] * step), 4)
    assert 300 < len(lines) < 500
