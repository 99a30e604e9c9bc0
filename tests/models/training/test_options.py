import pytest
import torch

from edgereader.models.data.samples import TrainingDataError
from edgereader.models.training.detector_trainer import DetectorTraining
from edgereader.models.training.options import check_texts, configure
from edgereader.models.training.recognizer_samples import RecognizerTraining

CROPS = [(None, "12"), (None, "abc")]


def options(tmp_path, **given):
    return {"out": tmp_path, "steps": 5, "resume": False, **given}


def test_what_is_not_given_keeps_its_default(tmp_path):
    config = configure(RecognizerTraining, options(tmp_path, width=None, batch=7), ())
    assert (config.width, config.batch, config.steps) == (RecognizerTraining(tmp_path).width, 7, 5)
    assert config.synthetic_share == 1


@pytest.mark.parametrize("kind", [DetectorTraining, RecognizerTraining])
def test_with_data_nothing_is_generated_unless_it_is_asked_for(tmp_path, kind):
    assert configure(kind, options(tmp_path), (CROPS,)).synthetic_share == 0
    assert configure(kind, options(tmp_path, synthetic_share=0.3), (CROPS,)).synthetic_share == 0.3


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"hours": 1.0}, "expected --steps or --hours, got both or none"),
        ({"steps": None}, "expected --steps or --hours, got both or none"),
        ({"synthetic_share": 0.5}, "expected data sets beside it, got none; give --data"),
        ({"resume": True}, "expected the checkpoint to resume from, got nothing there"),
        ({"device": "tpu"}, "expected cpu or cuda, got 'tpu'"),
        ({"stages": "TPS-VGG"}, "expected one of None-VGG-None-CTC, .* got 'TPS-VGG'; choose one"),
    ],
)
def test_what_cannot_be_is_refused(tmp_path, given, message):
    with pytest.raises(TrainingDataError, match=message):
        configure(RecognizerTraining, options(tmp_path, **given), ())


@pytest.mark.skipif(torch.cuda.is_available(), reason="the error of a machine without CUDA")
def test_a_missing_device_is_named(tmp_path):
    with pytest.raises(TrainingDataError, match="expected a CUDA device, got none; train with --device cpu"):
        configure(RecognizerTraining, options(tmp_path, device="cuda"), ())


def test_texts_must_fit_the_charset_and_the_length(tmp_path):
    check_texts(configure(RecognizerTraining, options(tmp_path, charset="abc"), (CROPS,)))
    for wrong in ({"charset": "xyz"}, {"max_length": 1}):
        with pytest.raises(TrainingDataError, match=r"got none in the first 2 samples, such as '12'; give another"):
            check_texts(configure(RecognizerTraining, options(tmp_path, **wrong), (CROPS,)))
