"""The four-stage recognizer and its 24 combinations (Baek et al., ICCV 2019, figure 3).

What Is Wrong With Scene Text Recognition Model Comparisons? Transformation, feature extraction,
sequence modelling and prediction, each a choice.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product

from torch import Tensor, nn

from .craft import init_convolutions
from .features import RCNN, VGG, ResNetFeatures, Sizes
from .prediction import Attention
from .sequence import BidirectionalLSTM
from .transformation import NUM_FIDUCIALS, TPS
from .width import thin

STAGES = (("None", "TPS"), ("VGG", "RCNN", "ResNet"), ("None", "BiLSTM"), ("CTC", "Attn"))
"""The choices of each stage, in order."""

COMBINATIONS = tuple("-".join(names) for names in product(*STAGES))
"""All 24, for example "TPS-ResNet-BiLSTM-Attn"."""

NEARLY_PLAIN = 0.06
"""Added to twice the deviation of an image in -1..1, so that noise on a plain one is not blown up."""
PUBLISHED_SIZES: Sizes = (32, 64, 128, 256, 512)
FEATURES = {"VGG": VGG, "RCNN": RCNN, "ResNet": ResNetFeatures}


@dataclass(frozen=True)
class RecognizerConfig:
    """All that shapes a recognizer."""

    stages: str = "TPS-ResNet-BiLSTM-Attn"
    """One of `COMBINATIONS`."""
    num_classes: int = 38
    """Classes, the special ones included: CTC 1 + charset, Attn 2 + charset."""
    image_hw: tuple[int, int] = (32, 100)
    """Input height and width in pixels."""
    channels: int = 1
    """Input channels: 1 grey, 3 colour."""
    width: float = 1.0
    """Factor on the channels of every layer; 1.0 is the published network."""
    hidden_size: int | None = None
    """Units of each direction of the BiLSTM, and of Attn; None = 256 times `width`."""
    output_channels: int | None = None
    """Channels that the features end with, their other layers in proportion, rounded down; None = 512 times `width`."""
    fiducials: int = NUM_FIDUCIALS
    """Points that TPS straightens along, an even number of at least 4."""
    max_length: int = 25
    """Longest text that the Attn prediction can decode, in characters; CTC ignores it."""
    even_contrast: bool = False
    """Whether every crop is brought to one mean and deviation first (`even_contrast`); the published ones are not."""

    @property
    def feature_sizes(self) -> Sizes:
        """Return the channels of the feature network's layers."""
        if self.output_channels is None:
            return tuple(thin(size, self.width) for size in PUBLISHED_SIZES)  # type: ignore[return-value]
        return tuple(size * self.output_channels // 512 for size in PUBLISHED_SIZES)  # type: ignore[return-value]

    def __post_init__(self) -> None:
        if self.stages not in COMBINATIONS:
            raise ValueError(f"unknown recognizer {self.stages!r}: expected one of {', '.join(COMBINATIONS)}")


def even_contrast(images: Tensor) -> Tensor:
    """Bring each image of (N, C, H, W) to mean 0 and deviation 0.5, or less where it is nearly of one colour."""
    centred = images - images.mean(dim=(1, 2, 3), keepdim=True)
    deviation = centred.square().mean(dim=(1, 2, 3), keepdim=True).sqrt()
    return centred / (2 * deviation + NEARLY_PLAIN)


class Recognizer(nn.Module):
    """Reads one line of text; at width 1.0 keys and shapes are those of the published checkpoints."""

    def __init__(self, config: RecognizerConfig) -> None:
        super().__init__()
        self.config = config
        transformation, features, sequence, prediction = config.stages.split("-")
        outputs = config.feature_sizes[-1]
        hidden = thin(256, config.width) if config.hidden_size is None else config.hidden_size
        self.Transformation = (
            TPS(config.image_hw, config.channels, config.width, config.fiducials)
            if transformation == "TPS"
            else nn.Identity()
        )
        self.FeatureExtraction = FEATURES[features](config.channels, config.feature_sizes)
        self.SequenceModeling = nn.Sequential()
        if sequence == "BiLSTM":
            self.SequenceModeling.extend(
                [BidirectionalLSTM(outputs, hidden, hidden), BidirectionalLSTM(hidden, hidden, hidden)]
            )
            outputs = hidden
        self.Prediction = (
            Attention(outputs, hidden, config.num_classes, config.max_length)
            if prediction == "Attn"
            else nn.Linear(outputs, config.num_classes)
        )
        init_convolutions(self)

    def encode(self, images: Tensor) -> Tensor:
        """Run the first three stages: images (N, C, H, W) in -1..1 -> sequence (N, T, D)."""
        images = even_contrast(images) if self.config.even_contrast else images
        features = self.FeatureExtraction(self.Transformation(images))
        sequence: Tensor = self.SequenceModeling(features.mean(dim=2).transpose(1, 2))
        return sequence

    def forward(self, images: Tensor, targets: Tensor | None = None) -> Tensor:
        """Read images (N, C, H, W) in -1..1 (sizes of the config): logits (N, T, num_classes).

        `targets`: int64 (N, T), for the teacher forcing of Attn (see `Attention`); never for CTC.
        """
        sequence = self.encode(images)
        logits: Tensor = self.Prediction(sequence) if targets is None else self.Prediction(sequence, targets)
        return logits
