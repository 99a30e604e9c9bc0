"""The traced wrappers against the networks and against decoding written out step by step."""

import pytest
import torch

from edgereader.export.graphs import FoldedTPS, RecognizerGraph

FORBIDDEN = -1e4


def random_bytes(*shape, seed=0):
    return torch.randint(0, 256, shape, dtype=torch.uint8, generator=torch.Generator().manual_seed(seed))


def decode_under_mask(network, images, allowed):
    """Attention decoding in plain PyTorch, one image and one step at a time."""
    attention = network.Prediction
    all_symbols, all_rows = [], []
    for image in images:
        sequence = network.encode(image[None])
        state = (sequence.new_zeros(1, attention.hidden), sequence.new_zeros(1, attention.hidden))
        symbol, symbols, rows = 0, [], []
        for _ in range(network.config.max_length + 1):
            keys = attention.attention_cell.i2h(sequence)
            state = attention.attention_cell(sequence, keys, torch.tensor([symbol]), state)
            scores = attention.generator(state[0])[0] + allowed
            symbol = int(scores.argmax())
            symbols.append(symbol)
            rows.append(torch.log_softmax(scores, 0))
        all_symbols.append(symbols)
        all_rows.append(torch.stack(rows))
    return all_symbols, torch.stack(all_rows)


@torch.inference_mode()
@pytest.mark.parametrize("transformation", ["None", "TPS"])
def test_attention_is_fed_back_under_the_mask(make_recognizer, transformation):
    network = make_recognizer(f"{transformation}-VGG-BiLSTM-Attn", num_classes=14, width=0.125, max_length=8).double()
    graph = RecognizerGraph(network).eval()
    crops = random_bytes(4, 32, 100, 1)
    images = (crops.permute(0, 3, 1, 2).double() / 255 - 0.5) / 0.5
    free = torch.zeros(14, dtype=torch.float64)
    masked = free.clone()
    masked[graph(crops, free)[0][:, ::2].unique()[1:]] = FORBIDDEN
    for allowed in (free, masked):
        symbols, log_probs = graph(crops, allowed)
        expected_symbols, expected = decode_under_mask(network, images, allowed)
        assert symbols.tolist() == expected_symbols
        assert torch.allclose(log_probs[..., allowed == 0], expected[..., allowed == 0], atol=1e-4)
    assert not torch.isin(symbols, torch.nonzero(masked)).any()
    unfed = (graph(crops, free)[1] + masked).argmax(dim=2)
    assert not torch.equal(symbols, unfed), "the mask must change what is fed back, or this test shows nothing"


@torch.inference_mode()
def test_ctc_symbols_are_the_best_allowed_ones(make_recognizer):
    network = make_recognizer("None-VGG-BiLSTM-CTC", num_classes=11, width=0.25)
    crops = random_bytes(3, 32, 100, 1)
    logits = network((crops.permute(0, 3, 1, 2) / 255 - 0.5) / 0.5)
    allowed = torch.zeros(11)
    allowed[logits.argmax(dim=2).mode().values[0]] = FORBIDDEN
    symbols, log_probs = RecognizerGraph(network)(crops, allowed)
    assert torch.equal(symbols, (logits + allowed).argmax(dim=2))
    assert torch.allclose(log_probs, (logits + allowed).log_softmax(dim=2), atol=1e-3)
    assert not torch.equal(symbols, logits.argmax(dim=2))


@torch.inference_mode()
def test_folded_spline_is_exact(make_recognizer):
    network = make_recognizer("TPS-VGG-None-CTC", num_classes=11, width=0.25)
    images = random_bytes(2, 1, 32, 100).double() / 127.5 - 1
    tps = network.Transformation.double()
    assert torch.allclose(FoldedTPS(tps)(images), tps(images), atol=1e-5)
    assert FoldedTPS(tps).fold.abs().max() < 1.01
