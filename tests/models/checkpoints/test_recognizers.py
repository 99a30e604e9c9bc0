"""All that shapes a recognizer, from its weights, from what lies beside them, or assumed and said."""

from dataclasses import replace

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from edgereader.models.checkpoints import CheckpointError
from edgereader.models.checkpoints.recognizers import open_recognizer
from edgereader.models.checkpoints.training_options import TrainingOptions
from edgereader.models.recognizer import COMBINATIONS, Recognizer, RecognizerConfig
from edgereader.models.transformation import GridGenerator

KINDS = ("TPS-ResNet-BiLSTM-Attn", "TPS-VGG-None-CTC", "None-RCNN-BiLSTM-CTC", "None-VGG-None-Attn")
"""Combinations that have each choice of each stage; the others are for `make nightly`."""
MOST = [name if name in KINDS else pytest.param(name, marks=pytest.mark.slow) for name in COMBINATIONS]

SIZES = {
    "num_classes": st.integers(4, 50),
    "image_hw": st.tuples(st.integers(32, 64), st.integers(32, 120)),
    "channels": st.sampled_from([1, 3]),
    "width": st.sampled_from([0.0625, 0.1]),
    "hidden_size": st.none() | st.integers(1, 40),
    "output_channels": st.none() | st.integers(16, 70),
    "fiducials": st.integers(2, 15).map(lambda half: 2 * half),
    "max_length": st.integers(1, 30),
    "even_contrast": st.booleans(),
}


@pytest.mark.parametrize("stages", MOST)
@settings(max_examples=2, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(sizes=st.fixed_dictionaries(SIZES))
def test_every_option_of_the_benchmark_is_inferred(save, stages, sizes):
    network = Recognizer(RecognizerConfig(stages, **sizes)).eval()
    config = network.config
    told = TrainingOptions(image_hw=config.image_hw, max_length=config.max_length, even_contrast=config.even_contrast)
    if stages.startswith("TPS"):
        told = replace(told, image_hw=None)
    loaded = open_recognizer(save(network), told).network
    found = loaded.config
    for name in ("stages", "num_classes", "image_hw", "channels", "max_length", "even_contrast"):
        assert getattr(found, name) == getattr(config, name), name
    used = 0 if "ResNet" in stages else 1  # VGG and RCNN have no layer of the first size
    assert found.feature_sizes[used:] == config.feature_sizes[used:]
    state = loaded.state_dict()
    assert all(torch.equal(state[key], value) for key, value in network.state_dict().items())
    images = torch.rand(2, config.channels, *config.image_hw)
    with torch.inference_mode():
        assert torch.equal(loaded(images), network(images))


def test_thin_networks_have_one_width(save):
    config = RecognizerConfig("TPS-VGG-BiLSTM-Attn", 13, width=0.1)
    assert open_recognizer(save(Recognizer(config))).network.config == config


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
@pytest.mark.parametrize(("image_hw", "fiducials"), [((32, 100), 20), ((48, 160), 10), ((64, 256), 4)])
def test_constants_of_tps_are_exact_whatever_they_were_saved_in(save, dtype, image_hw, fiducials):
    config = RecognizerConfig("TPS-VGG-None-CTC", 13, image_hw=image_hw, width=0.1, fiducials=fiducials)
    state = {
        key: value.to(dtype) if value.is_floating_point() else value
        for key, value in Recognizer(config).state_dict().items()
    }
    loaded = open_recognizer(save(state)).network
    assert loaded.config == config
    expected = GridGenerator(image_hw, fiducials).state_dict()
    assert all(
        torch.equal(value, expected[key]) for key, value in loaded.Transformation.GridGenerator.state_dict().items()
    )


@pytest.mark.parametrize("image_hw", [(32, 100), (48, 160)])
def test_size_comes_from_tps_or_is_told(save, image_hw):
    config = RecognizerConfig("TPS-VGG-None-CTC", 13, image_hw=image_hw, width=0.0625)
    network = Recognizer(config)
    path, told = save(network), TrainingOptions(image_hw=image_hw)
    assert open_recognizer(path).network.config.image_hw == image_hw
    with pytest.raises(CheckpointError, match="for which its TPS was trained, got 40x100"):
        open_recognizer(path, TrainingOptions(image_hw=(40, 100)))
    bare = save({key: value for key, value in network.state_dict().items() if "GridGenerator" not in key}, "bare.pt")
    assert open_recognizer(bare, told).network.config.image_hw == image_hw
    assert open_recognizer(bare).network.config.image_hw == (32, 100)
    assert any(line.startswith("--size 32x100") for line in open_recognizer(bare).assumed)


def assumed(path, **known):
    return [line.split(",")[0] for line in open_recognizer(path, TrainingOptions(**known)).assumed]


def test_each_assumption_is_said_and_nothing_else(save):
    ctc = save(Recognizer(RecognizerConfig("None-VGG-None-CTC", 11, width=0.0625)), "ctc.pt")
    attn = save(Recognizer(RecognizerConfig("TPS-VGG-None-Attn", 12, width=0.0625)), "attn.pt")
    assert assumed(ctc) == ["--size 32x100", "--fill", "--as-it-is"]
    assert assumed(ctc, keep_ratio=True) == ["--size 32x100", "--stretch 1", "--as-it-is"]
    assert assumed(ctc, image_hw=(64, 200), keep_ratio=False, even_contrast=True) == []
    assert assumed(attn) == ["--fill", "--as-it-is", "--max-length 25"]
    assert assumed(attn, keep_ratio=False, even_contrast=False, max_length=9) == []
    of_easyocr = open_recognizer(ctc, easyocr=True)
    assert (of_easyocr.told.image_hw, of_easyocr.told.widths[0], of_easyocr.told.keep_ratio) == ((64, 2048), 128, True)
    assert [line.split(",")[0] for line in of_easyocr.assumed] == [
        "--size 64x2048",
        "--widths 128",
        "--keep-ratio",
        "--stretch 1",
        "--as-it-is",
    ]


CONFIG = {
    "stages": "None-VGG-BiLSTM-CTC", "charset": "0123456789-", "image_hw": (48, 256), "widths": (64, 128, 256),
    "channels": 1, "width": 0.0625, "hidden_size": 24, "max_length": 12, "keep_ratio": True, "stretch": 2.0,
    "even_contrast": True,
}  # fmt: skip


@pytest.fixture
def own(save):
    """A checkpoint as EdgeReader's trainer leaves it."""
    config = RecognizerConfig("None-VGG-BiLSTM-CTC", 12, width=0.0625, hidden_size=24)
    return save({"state_dict": Recognizer(config).state_dict(), "config": CONFIG})


def test_our_own_checkpoint_says_all(own):
    trained = open_recognizer(own)
    assert trained.assumed == ()
    assert trained.told == TrainingOptions("0123456789-", (48, 256), (64, 128, 256), 12, True, 2.0, True)
    config = trained.network.config
    assert (config.image_hw, config.max_length, config.even_contrast, config.hidden_size) == ((48, 256), 12, True, 24)


def test_a_user_goes_before_the_file(own):
    told = open_recognizer(own, TrainingOptions(image_hw=(32, 100), keep_ratio=False)).told
    assert (told.image_hw, told.keep_ratio, told.even_contrast) == ((32, 100), False, True)


@pytest.mark.parametrize(
    "change", [{"charset": 5}, {"stretch": "2"}, {"image_hw": 32}, {"keep_ratio": "yes"}, {"image_hw": (32,)}]
)
def test_a_config_of_other_types_is_refused(own, save, change):
    contents = torch.load(own)
    contents["config"].update(change)
    with pytest.raises(CheckpointError, match=rf"expected .* got .* at `\$\.{next(iter(change))}`") as caught:
        open_recognizer(save(contents))
    assert "\n" not in str(caught.value)


def test_a_charset_that_does_not_fit_the_weights(own):
    with pytest.raises(CheckpointError, match="expected a charset of 11 characters, got 3; pass --charset"):
        open_recognizer(own, TrainingOptions(charset="abc"))


def test_what_is_not_supported_is_said_and_is_no_damage(save):
    state = Recognizer(RecognizerConfig("TPS-ResNet-BiLSTM-Attn", 13, width=0.0625)).state_dict()
    points = "Transformation.LocalizationNetwork.localization_fc2."
    for change, words in [
        ({"FeatureExtraction.ConvNet.conv0_1.weight": torch.zeros(2, 4, 3, 3)}, r"expected 1 \(grey\) or 3 .* got 4"),
        (
            {points + "weight": torch.zeros(14, 16), points + "bias": torch.zeros(14)},
            "even number .* fiducial points, got 7",
        ),
        ({"Prediction.generator.weight": None}, "expected the weights Prediction.generator.weight, got none"),
        ({"FeatureExtraction.ConvNet.conv4_2.weight": None}, "expected features of VGG, RCNN or ResNet"),
        (
            {"SequenceModeling.1.linear.bias": None},
            "of TPS-ResNet-BiLSTM-Attn, got other ones: no SequenceModeling.1.lin",
        ),
        ({"SequenceModeling.2.linear.bias": torch.zeros(1)}, "also SequenceModeling.2.linear.bias"),
    ]:
        altered = {key: value for key, value in {**state, **change}.items() if value is not None}
        with pytest.raises(CheckpointError, match=words) as caught:
            open_recognizer(save(altered))
        assert "damage" not in str(caught.value)


EASYOCR_YAML = """
network_params:
  input_channel: 1
  output_channel: 32
  hidden_size: 24
imgH: 32
lang_list: ['en']
character_list: "0123456789 \\"'-"
"""


def test_an_easyocr_custom_model(save, tmp_path):
    config = RecognizerConfig("None-VGG-BiLSTM-CTC", 15, output_channels=32, hidden_size=24)
    path, options = save(Recognizer(config)), tmp_path / "custom.yaml"
    options.write_text(EASYOCR_YAML)
    trained = open_recognizer(path, options=options)
    assert trained.told.charset == "0123456789 \"'-"
    told = trained.told
    assert (told.image_hw, told.keep_ratio, told.even_contrast) == ((32, 1024), True, False)
    assert (told.widths[:3], told.widths[-1]) == ((64, 96, 128), 1024)
    assert [line.split(",")[0] for line in trained.assumed] == ["--size 32x1024", "--widths 64"]
    options.write_text(EASYOCR_YAML + "imgW: 200\n")
    told = open_recognizer(path, options=options).told
    assert (told.image_hw, told.widths) == ((32, 200), (64, 96, 128, 160, 192, 200))
    options.write_text(EASYOCR_YAML.replace("hidden_size: 24", "hidden_size: 256"))
    with pytest.raises(CheckpointError, match=r"custom.yaml: expected hidden_size 24 as in the weights, got 256; give"):
        open_recognizer(path, options=options)


def test_opt_txt_of_the_benchmark(save, tmp_path):
    config = RecognizerConfig("TPS-VGG-None-Attn", 12, width=0.0625, fiducials=8, image_hw=(32, 64))
    path, options = save(Recognizer(config)), tmp_path / "opt.txt"
    written = {"imgH": 32, "imgW": 64, "PAD": True, "batch_max_length": 7, "character": "0123456789", "num_fiducial": 8}
    lines = "".join(f"{name}: {value}\n" for name, value in written.items())
    options.write_text(f"------------ Options -------------\n{lines}---------------------------------------\n")
    trained = open_recognizer(path, options=options)
    assert trained.assumed == ()
    assert trained.told == TrainingOptions("0123456789", (32, 64), (), 7, True, 1.0, False)
    options.write_text(f"{lines}Prediction: CTC\n")
    with pytest.raises(CheckpointError, match="expected Prediction Attn as in the weights, got CTC"):
        open_recognizer(path, options=options)


@pytest.mark.parametrize("stages", ["TPS-VGG-None-CTC", "None-VGG-BiLSTM-Attn"])
def test_weights_whose_outputs_are_not_finite(save, stages):
    state = Recognizer(RecognizerConfig(stages, 13, width=0.0625, image_hw=(32, 64))).state_dict()
    huge = {key: value * 1e30 if key.endswith("weight") else value for key, value in state.items()}
    with pytest.raises(CheckpointError, match=f"expected finite outputs of {stages}, got NaN or infinity"):
        open_recognizer(save(huge))


@pytest.mark.parametrize(
    "config",
    [
        {"image_hw": [32, 10**9]},
        {"image_hw": [0, 100]},
        {"max_length": 10**9},
        {"max_length": 0},
        {"image_hw": [-32, 9]},
    ],
)
def test_sizes_beyond_what_a_bundle_says(save, config):
    state = Recognizer(RecognizerConfig("None-VGG-None-Attn", 13, width=0.0625)).state_dict()
    path = save({"state_dict": state, "config": {"stages": "None-VGG-None-Attn", "charset": "0123456789x", **config}})
    with pytest.raises(CheckpointError, match="expected sides of 8 to 8192 pixels and texts of 1 to 1024 characters"):
        open_recognizer(path)


def test_fiducial_points_that_fill_the_memory(save):
    state = Recognizer(RecognizerConfig("TPS-VGG-None-CTC", 13, width=0.0625)).state_dict()
    key = "Transformation.LocalizationNetwork.localization_fc2.weight"
    with pytest.raises(CheckpointError, match="4 to 1024 fiducial points, got 65536"):
        open_recognizer(save(state | {key: torch.zeros(1 << 17, 1)}))


def deep(kind):
    nested = []
    for _ in range(400):
        nested = [nested] if kind is list else {"a": nested}
    return nested


@pytest.mark.parametrize("name", ["charset", "image_hw", "stages", "more", 3])
@pytest.mark.parametrize("kind", [list, dict])
def test_a_config_of_anything(save, name, kind):
    state = Recognizer(RecognizerConfig("None-VGG-None-CTC", 13, width=0.0625)).state_dict()
    circular = kind()
    circular.append(circular) if kind is list else circular.update(a=circular)
    for value in (deep(kind), circular):
        path = save({"state_dict": state, "config": {"stages": "None-VGG-None-CTC", name: value}})
        try:
            assert open_recognizer(path).network.config.num_classes == 13
        except CheckpointError as exc:
            assert "\n" not in str(exc)  # noqa: PT017 - either is right
