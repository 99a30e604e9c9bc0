"""Shapes, widths and training of the recognizers (their numbers: test_golden.py)."""

import pytest
import torch
from torch.nn import functional as F

from edgereader.models.recognizer import COMBINATIONS, Recognizer, RecognizerConfig, even_contrast


def test_there_are_24_combinations():
    assert len(set(COMBINATIONS)) == 24
    with pytest.raises(ValueError, match="unknown recognizer 'TPS-AlexNet-None-CTC': expected one of None-VGG"):
        RecognizerConfig("TPS-AlexNet-None-CTC")


@torch.inference_mode()
@pytest.mark.parametrize("stages", COMBINATIONS)
def test_any_size_charset_and_width(stages):
    for image_hw, channels in (((32, 100), 1), ((48, 160), 3)):
        config = RecognizerConfig(stages, 7, image_hw, channels, width=0.05, max_length=3)
        logits = Recognizer(config).eval()(torch.randn(2, channels, *image_hw))
        steps = 4 if stages.endswith("Attn") else image_hw[1] // 4 + (-1 if "VGG" in stages else 1)
        assert logits.shape == (2, steps, 7)


@torch.inference_mode()
def test_even_contrast_makes_faint_crops_and_strong_ones_alike():
    strong = torch.randn(2, 1, 32, 100).clamp(-1, 1)
    evened = even_contrast(strong)
    assert torch.allclose(evened.mean(dim=(1, 2, 3)), torch.zeros(2), atol=1e-6)
    assert ((evened.std(dim=(1, 2, 3)) > 0.45) & (evened.std(dim=(1, 2, 3)) <= 0.5)).all()
    assert torch.allclose(even_contrast(0.3 * strong + 0.5), evened, atol=0.3)
    assert even_contrast(torch.full((1, 1, 32, 100), 0.7)).abs().max() < 1e-4
    config = RecognizerConfig("None-VGG-None-CTC", 7, width=0.05, even_contrast=True)
    network = Recognizer(config).eval()
    plain = Recognizer(RecognizerConfig("None-VGG-None-CTC", 7, width=0.05)).eval()
    plain.load_state_dict(network.state_dict())
    assert torch.equal(network(strong), plain(evened))


def test_width_thins_every_layer():
    full, thin = (Recognizer(RecognizerConfig(width=width)).state_dict() for width in (1.0, 0.25))
    for key, tensor in full.items():
        if tensor.ndim >= 2 and "GridGenerator" not in key:
            assert thin[key].numel() < tensor.numel(), key
    assert thin["FeatureExtraction.ConvNet.conv4_2.weight"].shape == (128, 128, 2, 2)


@pytest.mark.parametrize("stages", ["None-VGG-None-CTC", "TPS-VGG-BiLSTM-Attn"])
def test_it_can_be_trained(stages):
    torch.manual_seed(0)
    network = Recognizer(RecognizerConfig(stages, 6, width=0.125, max_length=4))
    images, labels = torch.randn(8, 1, 32, 100), torch.randint(2, 6, (8, 4))
    optimizer = torch.optim.Adam(network.parameters(), 2e-3)
    losses = []
    for _ in range(25):
        if stages.endswith("Attn"):
            before = F.pad(labels, (1, 0))
            logits = network(images, before)
            loss = F.cross_entropy(logits.flatten(0, 1), F.pad(labels, (0, 1), value=1).flatten())
        else:
            log_probs = network(images).log_softmax(2).transpose(0, 1)
            loss = F.ctc_loss(log_probs, labels, torch.full((8,), len(log_probs)), torch.full((8,), 4))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(float(loss))
    assert losses[-1] < 0.9 * losses[0]
    assert all(parameter.grad is not None for parameter in network.parameters())
