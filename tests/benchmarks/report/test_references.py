import msgspec
import pytest

from edgereader.benchmarks.accuracy.calibration import MEASURED_WITH
from edgereader.benchmarks.report.references import Target, measured, megabytes, read_targets


def test_a_target_is_for_each_set():
    names = {target.set for target in read_targets()}
    assert names == MEASURED_WITH | {
        "digits_meter_apache2:held-out", "crops_receipts:held-out", "all crops", "the bundle",
    }  # fmt: skip


def test_a_target_has_one_limit():
    assert Target(set="a", figure="recall", at_least=0.5).reached(0.5)
    assert not Target(set="a", figure="recall", at_least=0.5).reached(0.49)
    assert Target(set="a", figure="megabytes", at_most=0).reached(0)
    assert not Target(set="a", figure="megabytes", at_most=30).reached(30.1)
    for limits in (b"", b', "at_least": 1, "at_most": 2'):
        with pytest.raises(msgspec.ValidationError, match="one of both"):
            msgspec.json.decode(b'{"set": "a", "figure": "recall"' + limits + b"}", type=Target)


@pytest.mark.parametrize(
    ("set_name", "figure", "value"),
    [
        ("crops_a", "accuracy", 0.915),
        ("scenes_b", "recall", 0.75),
        ("scenes_b", "false_numbers_per_image", 0.4),
        ("all crops", "sure_precision", 0.5),
        ("crops_a", "recall", None),
        ("scenes_gone", "recall", None),
    ],
)
def test_a_target_finds_its_figure(report, bundle, set_name, figure, value):
    assert measured(Target(set=set_name, figure=figure, at_least=0), bundle, report.runs[0]) == value


def test_a_bundle_is_as_large_as_its_model_files(bundle):
    files = [path for path in bundle.root.iterdir() if path.suffix == ".onnx"]
    assert megabytes(bundle) == pytest.approx(sum(path.stat().st_size for path in files) / 1e6)
    target = Target(set="the bundle", figure="megabytes", at_most=30)
    assert measured(target, bundle, None) == megabytes(bundle)
