"""Parity finds a graph that differs from its network, and its own reference is the network."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import pytest
import torch

from edgereader.export.parity import check_parity, difference, random_images, recognizer_cases, run_recognizer
from edgereader.export.pipeline import trace_recognizer
from edgereader.models.recognizer import Recognizer
from edgereader.runtime.errors import ParityError

Maker = Callable[..., Recognizer]


@pytest.fixture(scope="module")
def traced(make_recognizer: Maker, tmp_path_factory: pytest.TempPathFactory) -> tuple[Recognizer, Path]:
    network = make_recognizer("None-VGG-None-CTC", num_classes=11, width=0.1)
    path = tmp_path_factory.mktemp("parity") / "recognizer.onnx"
    trace_recognizer(network, path)
    return network, path


def test_an_exact_graph_passes_and_is_reported(traced: tuple[Recognizer, Path]) -> None:
    network, path = traced
    seen: list[int] = []
    parity = check_parity(path, recognizer_cases(network), lambda: seen.append(1))
    assert 0 < parity.worst < 1e-5
    assert (parity.cases, parity.symbols_equal, parity.opset) == (len(seen), True, 18)
    assert {"torch", "onnx", "onnxruntime"} <= parity.versions.keys()


def test_one_altered_weight_fails(traced: tuple[Recognizer, Path], tmp_path: Path) -> None:
    network, path = traced
    model = onnx.load(path)
    weights = max(model.graph.initializer, key=lambda item: len(item.raw_data))
    values = np.frombuffer(weights.raw_data, np.float32).copy()
    values[:10] += 0.5
    weights.raw_data = values.tobytes()
    onnx.save(model, tmp_path / "altered.onnx")
    with pytest.raises(ParityError, match="expected outputs within 0.0002"):
        check_parity(tmp_path / "altered.onnx", recognizer_cases(network))


def test_cases_cover_batches_and_a_mask(traced: tuple[Recognizer, Path]) -> None:
    cases = list(recognizer_cases(traced[0]))
    assert [len(case.inputs["crops"]) for case in cases] == [1, 2, 5, 2]
    assert [bool(case.inputs["allowed"].any()) for case in cases] == [False, False, False, True]


@torch.inference_mode()
def test_the_reference_is_the_network_decoding_greedily(make_recognizer: Maker) -> None:
    network = make_recognizer("None-VGG-BiLSTM-Attn", num_classes=9, width=0.1, max_length=6).double()
    crops = random_images((3, 32, 100, 1), seed=4)
    symbols, log_probs = run_recognizer(network, crops, np.zeros(9, np.float32))
    logits = network(torch.from_numpy(crops).permute(0, 3, 1, 2) / torch.tensor(127.5).double() - 1)
    assert np.array_equal(symbols, logits.argmax(2).numpy())
    assert difference(log_probs, logits.log_softmax(2).numpy()) < 1e-9
    network.float()


def test_difference_is_infinite_where_nothing_can_be_compared() -> None:
    ones = np.ones((2, 3))
    assert difference(ones, np.ones((3, 2))) == float("inf")
    assert difference(np.full((2, 3), np.nan), ones) == float("inf")
    assert difference(ones * 1.01, ones) == pytest.approx(0.01)
    assert difference(np.array([1.0, 5.0]), np.array([1.0, -np.inf])) == 0


def test_images_differ_from_one_another() -> None:
    images = random_images((5, 32, 100, 1), seed=0)
    assert images.dtype == np.uint8
    assert images.std() > 30
    assert len({image.tobytes() for image in images}) == 5
