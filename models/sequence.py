"""Stage 3: sequence modelling (CRNN, Shi et al., TPAMI 2017)."""

from __future__ import annotations

from torch import Tensor, nn


class BidirectionalLSTM(nn.Module):
    """An LSTM that reads the line both ways, and a linear layer that joins the two."""

    def __init__(self, inputs: int, hidden: int, outputs: int) -> None:
        super().__init__()
        self.rnn = nn.LSTM(inputs, hidden, bidirectional=True, batch_first=True)
        self.linear = nn.Linear(2 * hidden, outputs)

    def forward(self, sequence: Tensor) -> Tensor:
        """(N, T, inputs) -> (N, T, outputs)."""
        both_ways, _ = self.rnn(sequence)
        joined: Tensor = self.linear(both_ways)
        return joined
