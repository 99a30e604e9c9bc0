import pytest
import torch

from edgereader.models.charsets import CHARSETS, num_classes
from edgereader.models.checkpoints.initial import detector_options, recognizer_options
from edgereader.models.craft import CRAFT
from edgereader.models.data.samples import TrainingDataError
from edgereader.models.recognizer import COMBINATIONS, Recognizer, RecognizerConfig


def save(path, network, prefix=""):
    torch.save({prefix + key: value for key, value in network.state_dict().items()}, path)
    return path


@pytest.mark.parametrize("stages", COMBINATIONS[::5])
def test_every_recognizer_is_told_by_its_keys_and_shapes(tmp_path, stages):
    """All sizes by one width; a hidden size is told only where it is not that width's."""
    classes = num_classes(CHARSETS["alnum36"], stages.rsplit("-", 1)[1])
    network = Recognizer(RecognizerConfig(stages, classes, width=0.125, channels=3))
    told = {"image_hw": (32, 100)} if stages.startswith("TPS") else {}
    assert recognizer_options(save(tmp_path / "net.pth", network, "module."), None) == {
        "stages": stages,
        "width": 0.125,
        "channels": 3,
        "charset": CHARSETS["alnum36"],
        **told,
    }


def test_our_own_checkpoint_tells_how_crops_were_made(tmp_path):
    network = Recognizer(RecognizerConfig("None-VGG-BiLSTM-CTC", 5, width=0.125, hidden_size=24))
    config = {"stages": "None-VGG-BiLSTM-CTC", "charset": "01-.", "image_hw": (48, 256), "widths": (128, 256),
              "max_length": 9, "keep_ratio": True, "stretch": 2.0, "even_contrast": True}  # fmt: skip
    torch.save({"state_dict": network.state_dict(), "config": config}, tmp_path / "net.pt")
    found = recognizer_options(tmp_path / "net.pt", None)
    assert found == {**config, "width": 0.125, "hidden_size": 24, "channels": 1}


def test_an_own_charset_must_be_given(tmp_path):
    path = save(tmp_path / "net.pth", Recognizer(RecognizerConfig("None-VGG-None-CTC", 6, width=0.125)))
    with pytest.raises(TrainingDataError, match=r"expected the classes of a known charset \(digits 11, .*got 6; give"):
        recognizer_options(path, None)
    assert recognizer_options(path, "abcde")["charset"] == "abcde"


def test_networks_of_another_kind_are_refused(tmp_path):
    craft = save(tmp_path / "craft.pth", CRAFT(0.125))
    with pytest.raises(TrainingDataError, match="expected the checkpoint of a recognizer, got a CRAFT detector"):
        recognizer_options(craft, None)
    reader = save(tmp_path / "net.pth", Recognizer(RecognizerConfig("None-VGG-None-CTC", 6, width=0.125)))
    with pytest.raises(TrainingDataError, match="expected the checkpoint of a CRAFT detector, got a recognizer"):
        detector_options(reader)
    reader.write_bytes(b"no checkpoint")
    with pytest.raises(TrainingDataError, match=r"net\.pth: expected a checkpoint"):
        detector_options(reader)
