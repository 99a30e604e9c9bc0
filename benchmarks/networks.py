"""Networks with random weights that behave as trained ones do: no activation runs away, and outputs vary."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.optim.swa_utils import update_bn

from ..export.graphs import DetectorGraph
from ..export.parity import random_images
from ..models.charsets import CHARSETS, num_classes
from ..models.craft import CRAFT
from ..models.recognizer import Recognizer, RecognizerConfig

STAGES = "TPS-ResNet-BiLSTM-Attn"
CHARSET = "alnum36"
PICTURES = 8
"""Pictures whose statistics the normalisations take."""
SIDE_PX = 256
"""Sides of those that CRAFT is shown."""
SCORE, SPREAD = 0.4, 0.15
"""Mean and deviation of CRAFT's maps, as in a picture full of text."""
LIVELY = 2.5
"""The initial weights behind the features are made so much larger: with them as they are, all crops read alike."""
BENT = 0.02
"""Deviation of the weights that bend TPS's fiducials from crop to crop; they begin at 0."""
DECIDED = 8.0
"""The decoder's last layer is made so much larger, so that its choices are clear."""


class BytesToText(nn.Module):
    """A recognizer as its paper draws it, with the input and the outputs of the exported graph."""

    def __init__(self, network: Recognizer) -> None:
        super().__init__()
        self.network = network

    def forward(self, crops: Tensor) -> tuple[Tensor, Tensor]:
        """Return symbols (N, T) and log_probs (N, T, symbols), float32, of `crops`, uint8 (N, H, W, 1)."""
        logits = self.network(crops.permute(0, 3, 1, 2) / 127.5 - 1).float()
        return logits.argmax(dim=2), logits.log_softmax(dim=2)


def random_craft(width: float) -> CRAFT:
    """Return a detector whose maps lie in 0..1; always the same one."""
    torch.manual_seed(0)
    network = CRAFT(width)
    graph, images = DetectorGraph(network), torch.from_numpy(random_images((PICTURES, SIDE_PX, SIDE_PX, 3), 0))
    update_bn([images], graph.eval())
    with torch.inference_mode():
        maps = torch.stack(graph(images))
    state, scale = network.state_dict(), SPREAD / maps.std(dim=(1, 2, 3))
    state["conv_cls.8.weight"].mul_(scale.reshape(2, 1, 1, 1))
    state["conv_cls.8.bias"].copy_(SCORE - scale * maps.mean(dim=(1, 2, 3)))
    return network


def random_recognizer(width: float) -> Recognizer:
    """Return a recognizer of `CHARSET` that reads something else in every crop; always the same one."""
    torch.manual_seed(0)
    config = RecognizerConfig(STAGES, num_classes=num_classes(CHARSETS[CHARSET], "Attn"), width=width)
    network = Recognizer(config)
    with torch.no_grad():
        for name, weights in network.named_parameters():
            if name.startswith(("SequenceModeling", "Prediction")) and "weight" in name:
                weights.mul_(DECIDED if "generator" in name else LIVELY)
            if name.endswith("localization_fc2.weight"):
                weights.normal_(0, BENT)
    crops = torch.from_numpy(random_images((4 * PICTURES, *config.image_hw, config.channels), 1))
    update_bn([crops], BytesToText(network).eval())
    return network
