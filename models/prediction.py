"""Stage 4: prediction with attention (RARE, Shi et al., CVPR 2016, section 3.2.2).

The other prediction, CTC, is one linear layer.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

GO = 0
"""Class of [GO], the symbol before the first one."""


class Attention(nn.Module):
    """Decodes a sequence symbol by symbol, looking where the attention points."""

    def __init__(self, inputs: int, hidden: int, num_classes: int, max_length: int) -> None:
        super().__init__()
        self.hidden, self.num_classes, self.steps = hidden, num_classes, max_length + 1
        self.attention_cell = AttentionCell(inputs, hidden, num_classes)
        self.generator = nn.Linear(hidden, num_classes)

    def forward(self, sequence: Tensor, targets: Tensor | None = None) -> Tensor:
        """Decode (N, S, inputs) to logits (N, T, num_classes).

        `targets`: int64 (N, T), the symbols *before* each step, so column 0 is [GO]: teacher forcing.
        Without them the symbols are the network's own (greedy), and T is `max_length` + 1.
        """
        keys = self.attention_cell.i2h(sequence)
        hidden = cell = sequence.new_zeros(sequence.shape[0], self.hidden)
        symbols = torch.full_like(hidden[:, 0], GO, dtype=torch.long)
        logits = []
        for step in range(self.steps if targets is None else targets.shape[1]):
            if targets is not None:
                symbols = targets[:, step]
            hidden, cell = self.attention_cell(sequence, keys, symbols, (hidden, cell))
            logits.append(self.generator(hidden))
            if targets is None:
                symbols = logits[-1].argmax(dim=1)
        return torch.stack(logits, dim=1)


class AttentionCell(nn.Module):
    """One step: weigh the sequence by the state, and update the state by the weighted sum."""

    def __init__(self, inputs: int, hidden: int, num_classes: int) -> None:
        super().__init__()
        self.num_classes = num_classes
        self.i2h = nn.Linear(inputs, hidden, bias=False)
        self.h2h = nn.Linear(hidden, hidden)
        self.score = nn.Linear(hidden, 1, bias=False)
        self.rnn = nn.LSTMCell(inputs + num_classes, hidden)

    def forward(
        self, sequence: Tensor, keys: Tensor, symbols: Tensor, state: tuple[Tensor, Tensor]
    ) -> tuple[Tensor, Tensor]:
        """Return the next state (hidden, cell), each (N, hidden).

        `sequence`: (N, S, inputs); `keys`: its projection `i2h(sequence)` (N, S, hidden);
        `symbols`: int64 (N,), the symbols before this step; `state`: as returned.
        """
        energy = self.score(torch.tanh(keys + self.h2h(state[0]).unsqueeze(1)))
        weights = F.softmax(energy, dim=1)
        context = torch.bmm(weights.transpose(1, 2), sequence).squeeze(1)
        one_hot = F.one_hot(symbols, self.num_classes).to(context.dtype)
        hidden, cell = self.rnn(torch.cat([context, one_hot], dim=1), state)
        return hidden, cell
