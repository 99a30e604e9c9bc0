import pytest
import torch

from edgereader.models.charsets import CHARSETS, num_classes
from edgereader.models.craft import CRAFT
from edgereader.models.recognizer import COMBINATIONS, Recognizer, RecognizerConfig
from edgereader.models.training.initial import detector_options, recognizer_options
from edgereader.models.training.samples import TrainingDataError


def save(path, network, prefix=""):
    torch.save({prefix + key: value for key, value in network.state_dict().items()}, path)
    return path


@pytest.mark.parametrize("stages", COMBINATIONS)
def test_every_recogniser_is_told_by_its_keys_and_shapes(tmp_path, stages):
    classes = num_classes(CHARSETS["alnum36"], stages.rsplit("-", 1)[1])
    network = Recognizer(RecognizerConfig(stages, classes, width=0.125, channels=3))
    assert recognizer_options(save(tmp_path / "net.pth", network, "module."), None) == {
        "stages": stages,
        "hidden_size": None if "None-CTC" in stages else 32,
        "width": 0.125,
        "channels": 3,
        "charset": CHARSETS["alnum36"],
    }


def test_an_own_charset_must_be_given(tmp_path):
    path = save(tmp_path / "net.pth", Recognizer(RecognizerConfig("None-VGG-None-CTC", 6, width=0.125)))
    with pytest.raises(TrainingDataError, match=r"expected the classes of a known charset \(digits 11, .*got 6; give"):
        recognizer_options(path, None)
    assert recognizer_options(path, "abcde")["charset"] == "abcde"


@pytest.mark.parametrize("strided", [False, True])
def test_the_shape_of_a_detector_is_told(tmp_path, strided):
    path = save(tmp_path / "craft.pth", CRAFT(0.125, strided=strided))
    assert detector_options(path) == {"width": 0.125, "strided": strided}


def test_networks_of_another_kind_are_refused(tmp_path):
    craft = save(tmp_path / "craft.pth", CRAFT(0.125))
    with pytest.raises(
        TrainingDataError, match="expected a checkpoint of a recogniser, got .* tensors such as basenet"
    ):
        recognizer_options(craft, None)
    reader = save(tmp_path / "net.pth", Recognizer(RecognizerConfig("None-VGG-None-CTC", 6, width=0.125)))
    with pytest.raises(TrainingDataError, match="expected a checkpoint of CRAFT, got .* tensors such as Feature"):
        detector_options(reader)


@pytest.mark.parametrize("contents", [b"", b"no checkpoint"])
def test_a_file_that_is_no_checkpoint_is_refused(tmp_path, contents):
    (tmp_path / "net.pth").write_bytes(contents)
    with pytest.raises(TrainingDataError, match=r"net\.pth: expected a checkpoint"):
        detector_options(tmp_path / "net.pth")
