"""The networks as the runtime runs them: camera bytes in, maps or symbols out.

All that only tracing needs is here, so that the networks stay as the papers draw them. The names of
inputs and outputs are the contract with the runtime.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ..models.craft import CRAFT
from ..models.link_refiner import LinkRefiner
from ..models.prediction import GO, Attention
from ..models.recognizer import Recognizer, even_contrast
from ..models.sequence import BidirectionalLSTM
from ..models.transformation import TPS

IMAGENET_MEAN = (0.485, 0.456, 0.406)
"""Of red, green and blue in 0..1."""
IMAGENET_STD = (0.229, 0.224, 0.225)
"""Of red, green and blue in 0..1."""


class DetectorGraph(nn.Module):
    """CRAFT, with or without its link refiner."""

    mean: Tensor
    std: Tensor

    def __init__(self, craft: CRAFT, refiner: LinkRefiner | None = None) -> None:
        super().__init__()
        self.craft, self.refiner = craft, refiner
        self.register_buffer("mean", 255 * torch.tensor(IMAGENET_MEAN).reshape(3, 1, 1), persistent=False)
        self.register_buffer("std", 255 * torch.tensor(IMAGENET_STD).reshape(3, 1, 1), persistent=False)

    def forward(self, image: Tensor) -> tuple[Tensor, Tensor]:
        """`image`: uint8 (N, H, W, 3) BGR, H and W multiples of 32. Returns region, affinity (N, H/2, W/2)."""
        rgb = bgr_to_rgb(planes(image, self.mean.dtype))
        maps, features = self.craft((rgb - self.mean) / self.std)
        affinity = maps[..., 1] if self.refiner is None else self.refiner(maps, features)[..., 0]
        return maps[..., 0], affinity


class RecognizerGraph(nn.Module):
    """A four-stage recognizer that decodes under a mask of allowed symbols."""

    def __init__(self, network: Recognizer) -> None:
        super().__init__()
        self.network = network
        self.transformation = FoldedTPS(network.Transformation) if isinstance(network.Transformation, TPS) else None
        self.sequence = nn.Sequential(
            *(LSTMOperator(layer) for layer in network.SequenceModeling if isinstance(layer, BidirectionalLSTM))
        )
        self.decoder = MaskedAttention(network.Prediction) if isinstance(network.Prediction, Attention) else None

    def forward(self, crops: Tensor, allowed: Tensor) -> tuple[Tensor, Tensor]:
        """Read crops of text.

        `crops`: uint8 (N, H, W, C), grey or BGR; `allowed`: float32 (symbols,), added to the logits of
        every step, 0 = allowed, -10000 = forbidden. Returns symbols int64 (N, T), the greedy path, and
        log_probs float32 (N, T, symbols).
        """
        images = planes(crops, allowed.dtype)
        images = (bgr_to_rgb(images) if crops.shape[3] == 3 else images) / 127.5 - 1
        if self.network.config.even_contrast:
            images = even_contrast(images)
        if self.transformation is not None:
            images = self.transformation(images)
        features = self.network.FeatureExtraction(images)
        sequence = self.sequence(features.mean(dim=2).transpose(1, 2))
        if self.decoder is not None:
            symbols, logits = self.decoder(sequence, allowed)
        else:
            logits = self.network.Prediction(sequence) + allowed
            symbols = logits.argmax(dim=2)
        return symbols, F.log_softmax(logits, dim=2)


class FoldedTPS(nn.Module):
    """TPS with its two constant matrices multiplied into one, in float64.

    One by one they hold numbers of 17 that cancel; the product's are below 1, which keeps float32 exact
    to 1e-5 and makes float16 possible.
    """

    fold: Tensor

    def __init__(self, tps: TPS) -> None:
        super().__init__()
        self.image_hw, self.localization = tps.image_hw, tps.LocalizationNetwork
        constants = tps.GridGenerator
        fold = constants.P_hat.double() @ constants.inv_delta_C.double()[:, : tps.fiducials]
        self.register_buffer("fold", fold.to(constants.P_hat.dtype), persistent=False)

    def forward(self, images: Tensor) -> Tensor:
        """(N, C, H, W) -> rectified (N, C, H, W)."""
        grid = (self.fold @ self.localization(images)).reshape(-1, *self.image_hw, 2)
        return F.grid_sample(images, grid, padding_mode="border", align_corners=True)


class LSTMOperator(nn.Module):
    """A bidirectional LSTM as the one ONNX operator that it is, where torch would trace every step.

    It has no initial states: ONNX starts at zero then. (torch writes them as one shared tensor, on which
    ONNX Runtime crashes once the graph is float16.)
    """

    weights: Tensor
    recurrence: Tensor
    biases: Tensor

    def __init__(self, layer: BidirectionalLSTM) -> None:
        super().__init__()
        self.layer, self.hidden = layer, layer.rnn.hidden_size
        state = layer.rnn.state_dict()
        ways = ("l0", "l0_reverse")
        self.register_buffer("weights", torch.stack([onnx_gates(state[f"weight_ih_{way}"]) for way in ways]))
        self.register_buffer("recurrence", torch.stack([onnx_gates(state[f"weight_hh_{way}"]) for way in ways]))
        biases = [torch.cat([onnx_gates(state[f"bias_{part}_{way}"]) for part in ("ih", "hh")]) for way in ways]
        self.register_buffer("biases", torch.stack(biases))

    def forward(self, sequence: Tensor) -> Tensor:
        """(N, T, inputs) -> (N, T, outputs)."""
        if not torch.compiler.is_exporting():
            both_ways, _ = self.layer.rnn(sequence)
        else:
            batch, steps, _ = sequence.shape
            states = torch.onnx.ops.symbolic(
                "LSTM",
                [sequence.transpose(0, 1), self.weights, self.recurrence, self.biases],
                {"direction": "bidirectional", "hidden_size": self.hidden},
                dtype=sequence.dtype,
                shape=[steps, 2, batch, self.hidden],
                version=18,
            )
            both_ways = states.permute(2, 0, 1, 3).reshape(batch, steps, 2 * self.hidden)
        joined: Tensor = self.layer.linear(both_ways)
        return joined


class MaskedAttention(nn.Module):
    """The attention decoder, unrolled; each step is fed the best symbol that is allowed.

    The LSTM's weights for the symbol before are a table, looked up by symbol: no one-hot vectors.
    """

    to_context: Tensor
    to_hidden: Tensor
    table: Tensor

    def __init__(self, attention: Attention) -> None:
        super().__init__()
        self.attention, cell = attention, attention.attention_cell
        inputs = cell.rnn.input_size - attention.num_classes
        to_context, to_symbol = cell.rnn.weight_ih.detach().tensor_split([inputs], dim=1)
        biases = (cell.rnn.bias_ih + cell.rnn.bias_hh).detach()
        self.register_buffer("to_context", to_context.T.contiguous(), persistent=False)
        self.register_buffer("to_hidden", cell.rnn.weight_hh.detach().T.contiguous(), persistent=False)
        self.register_buffer("table", to_symbol.T + biases, persistent=False)

    def forward(self, sequence: Tensor, allowed: Tensor) -> tuple[Tensor, Tensor]:
        """Decode (N, S, inputs): symbols int64 (N, T) and masked logits (N, T, symbols)."""
        keys = self.attention.attention_cell.i2h(sequence)
        hidden = cell = sequence.new_zeros(sequence.shape[0], self.attention.hidden)
        before = self.table[GO]
        symbols, logits = [], []
        for _ in range(self.attention.steps):
            hidden, cell = self.step(self.look(sequence, keys, hidden), before, hidden, cell)
            logits.append(self.attention.generator(hidden) + allowed)
            symbols.append(logits[-1].argmax(dim=1))
            before = F.embedding(symbols[-1], self.table)
        return torch.stack(symbols, dim=1), torch.stack(logits, dim=1)

    def look(self, sequence: Tensor, keys: Tensor, hidden: Tensor) -> Tensor:
        """Return the sequence weighed by the attention, (N, inputs)."""
        cell = self.attention.attention_cell
        energy = cell.score(torch.tanh(keys + cell.h2h(hidden).unsqueeze(1)))
        return torch.bmm(F.softmax(energy, dim=1).transpose(1, 2), sequence).squeeze(1)

    def step(self, context: Tensor, before: Tensor, hidden: Tensor, cell: Tensor) -> tuple[Tensor, Tensor]:
        """Return the next hidden and cell state after one step of the LSTM cell, each (N, hidden)."""
        gates = context @ self.to_context + hidden @ self.to_hidden + before
        enter, forget, candidate, leave = gates.chunk(4, dim=1)
        cell = torch.sigmoid(forget) * cell + torch.sigmoid(enter) * torch.tanh(candidate)
        return torch.sigmoid(leave) * torch.tanh(cell), cell


def onnx_gates(rows: Tensor) -> Tensor:
    """Reorder an LSTM's weights from torch's gates (in, forget, cell, out) to ONNX's (in, out, forget, cell)."""
    enter, forget, candidate, leave = rows.chunk(4)
    return torch.cat([enter, leave, forget, candidate])


def planes(pixels: Tensor, dtype: torch.dtype) -> Tensor:
    """Return bytes (N, H, W, C) as numbers (N, C, H, W); the cast comes first: TensorRT takes bytes only so."""
    return pixels.to(dtype).permute(0, 3, 1, 2)


def bgr_to_rgb(images: Tensor) -> Tensor:
    """Return (N, 3, H, W), blue first, with red first."""
    blue, green, red = images.chunk(3, dim=1)
    return torch.cat([red, green, blue], dim=1)
