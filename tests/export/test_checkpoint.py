"""Checkpoint files: what is accepted, and the one line that refuses the rest."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file

from edgereader.export.checkpoint import expect_kind, load_strictly, read_state, width_candidates
from edgereader.models.craft import CRAFT
from edgereader.models.link_refiner import LinkRefiner
from edgereader.runtime.errors import CheckpointError

Save = Callable[..., Path]


class Bomb:
    """A pickle that would run a command."""

    def __reduce__(self) -> tuple[Any, ...]:
        return os.system, ("echo code was run",)


def same(state: dict[str, torch.Tensor], network: torch.nn.Module) -> bool:
    expected = network.state_dict()
    return state.keys() == expected.keys() and all(torch.equal(state[key], expected[key]) for key in expected)


@pytest.mark.parametrize(
    "wrap", [lambda s: s, lambda s: {"state_dict": s, "epoch": 3}, lambda s: {"model": {"net": s}}]
)
@pytest.mark.parametrize("prefix", ["", "module.", "module.module."])
def test_state_dicts_are_found_and_unwrapped(thin_refiner: LinkRefiner, tmp_path: Path, wrap: Any, prefix: str) -> None:
    path = tmp_path / "a.pth"
    torch.save(wrap({prefix + key: value for key, value in thin_refiner.state_dict().items()}), path)
    assert same(read_state(path), thin_refiner)


def test_averaged_weights_come_first(thin_refiner: LinkRefiner, tmp_path: Path) -> None:
    path = tmp_path / "a.pt"
    raw = {key: value * 2 for key, value in thin_refiner.state_dict().items()}
    torch.save({"model": raw, "average": thin_refiner.state_dict(), "step": 7}, path)
    assert same(read_state(path), thin_refiner)


def test_safetensors(thin_refiner: LinkRefiner, tmp_path: Path) -> None:
    path = tmp_path / "a.safetensors"
    save_file(thin_refiner.state_dict(), path)
    assert same(read_state(path), thin_refiner)
    path.write_bytes(path.read_bytes()[:1000])
    refused(path, "damaged or truncated")


def refused(path: Path, *words: str) -> None:
    with pytest.raises(CheckpointError) as caught:
        read_state(path)
    message = str(caught.value)
    assert "\n" not in message
    assert message.startswith(str(path))
    assert all(word in message for word in (*words, "expected", "got"))


def test_code_is_never_run(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "bomb.pth"
    torch.save({"state_dict": Bomb()}, path)
    refused(path, "Python objects")
    assert "code was run" not in capfd.readouterr().out


@pytest.mark.parametrize("share", [0.0, 0.1, 0.5, 0.999])
def test_truncated_file(thin_refiner: LinkRefiner, save: Save, share: float) -> None:
    path = save(thin_refiner)
    contents = path.read_bytes()
    path.write_bytes(contents[: int(len(contents) * share)])
    refused(path, "damaged")


def test_files_of_another_kind(tmp_path: Path) -> None:
    refused(tmp_path / "absent.pth", "none")
    refused(tmp_path, "a folder")
    text = tmp_path / "text.pth"
    text.write_text("not a checkpoint")
    refused(text, "damaged")
    numbers = tmp_path / "numbers.pt"
    torch.save({"losses": [1.0, 2.0]}, numbers)
    refused(numbers, "a dict with losses", "state_dict()")
    torch.save(torch.zeros(3), numbers)
    refused(numbers, "a Tensor")
    torch.save({"weight": torch.tensor([float("nan")])}, numbers)
    refused(numbers, "NaN", "weight")


def test_network_of_another_kind(thin_craft: CRAFT, tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match=r"expected the checkpoint of a recogniser, got a CRAFT detector"):
        expect_kind(tmp_path, thin_craft.state_dict(), "recogniser")
    with pytest.raises(CheckpointError, match=r"got another network \(keys like conv1"):
        expect_kind(tmp_path, {"conv1.weight": torch.zeros(1)}, "CRAFT detector")


def test_loading_is_strict(thin_refiner: LinkRefiner, tmp_path: Path) -> None:
    state = thin_refiner.state_dict()
    state["extra.weight"] = state.pop("aspp1.0.bias")
    state["aspp2.0.bias"] = torch.zeros(3)
    with pytest.raises(CheckpointError) as caught:
        load_strictly(tmp_path, LinkRefiner(0.125), state)
    for problem in ("missing aspp1.0.bias", "unexpected extra.weight", "aspp2.0.bias expected 16, got 3"):
        assert problem in str(caught.value)


@pytest.mark.parametrize(("channels", "expected"), [(512, 1.0), (128, 0.25), (64, 0.125), (154, 0.3), (192, 0.375)])
def test_width_is_the_roundest_that_fits(channels: int, expected: float) -> None:
    assert expected in list(width_candidates(channels, 512))
    assert all(round(512 * width) == channels for width in width_candidates(channels, 512))
