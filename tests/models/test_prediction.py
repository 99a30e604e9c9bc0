"""Attention: teacher forcing and greedy decoding are one decoder."""

import torch

from edgereader.models.prediction import GO, Attention


@torch.inference_mode()
def test_teacher_forcing_with_its_own_symbols_is_greedy_decoding():
    torch.manual_seed(0)
    attention = Attention(inputs=12, hidden=10, num_classes=7, max_length=9)
    for parameter in attention.parameters():
        parameter.mul_(4)
    sequence = torch.randn(5, 6, 12)
    greedy = attention(sequence)
    assert greedy.shape == (5, 10, 7)
    best = greedy.argmax(dim=2)
    assert len(best.unique()) > 3
    before = torch.cat([torch.full((5, 1), GO), best[:, :-1]], dim=1)
    assert torch.allclose(attention(sequence, before), greedy, atol=1e-5)
    assert attention(sequence, before[:, :3]).shape == (5, 3, 7)
    other = before.clone()
    other[:, 1] = (other[:, 1] + 1) % 7
    assert not torch.allclose(attention(sequence, other), greedy, atol=1e-2)
