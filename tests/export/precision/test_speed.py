"""Contenders run in turns, as often as said, and the slower one is slower."""

import pytest
from msgspec.structs import replace

from edgereader.export.precision import speed
from edgereader.export.precision.speed import default_canvas, graph_runner, network_runner, take_turns, timed_input
from edgereader.runtime.bundles.bundle import Bundle
from edgereader.runtime.errors import CheckpointError


def test_turns():
    order = []

    def spin(name, size):
        order.append(name)
        sum(range(size))

    timed = take_turns({"slow": lambda: spin("slow", 1_000_000), "quick": lambda: spin("quick", 10)}, turns=4)
    assert order == ["slow", "quick"] * 5
    assert timed["slow"].cpu_ms > timed["quick"].cpu_ms
    assert timed["slow"].best_ms <= timed["slow"].median_ms


def test_networks_that_take_long_take_few_turns(monkeypatch):
    order = []
    monkeypatch.setattr(speed, "LONGEST_S", 0)
    take_turns({"slow": lambda: order.append("slow"), "quick": lambda: order.append("quick")})
    assert order == ["slow", "quick"] * (1 + speed.FEWEST_TURNS)


def test_the_shipped_networks_run_on_what_is_timed():
    bundle = Bundle.open("digits-edge")
    assert timed_input(bundle.recognizer, default_canvas(bundle.recognizer)).shape[1:3] == bundle.recognizer.usual_hw
    graph_runner(bundle.file("recognizer"), bundle.recognizer, default_canvas(bundle.recognizer))()
    graph_runner(bundle.file("detector"), bundle.detector, (64, 96))()
    height, width = default_canvas(bundle.detector)
    assert width >= bundle.detector.long_side_px > height


def test_pytorch_is_timed_on_the_same_network_or_refused(thin_craft, save):
    checkpoint, spec = save(thin_craft), Bundle.open("digits-edge").detector
    maps, _ = network_runner(checkpoint, replace(spec, width=0.125), (64, 96))()
    assert maps.shape == (1, 32, 48, 2)
    with pytest.raises(CheckpointError, match="expected a network of width 0.5, got 0.125"):
        network_runner(checkpoint, replace(spec, width=0.5), (64, 96))
