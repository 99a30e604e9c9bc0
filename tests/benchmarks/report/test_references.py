import msgspec
import pytest

from edgereader.benchmarks.accuracy.calibration import MEASURED_WITH
from edgereader.benchmarks.report.references import (
    Target,
    measured,
    measured_peers,
    megabytes,
    own_runs,
    read_peers,
    read_targets,
)


def test_the_peers_were_measured_on_the_same_sets():
    peers = read_peers()
    assert len(peers.peers) == 2
    assert all(set(peer.sets) <= MEASURED_WITH for peer in peers.peers)
    assert set(peers.peers[0].sets) == MEASURED_WITH - {"scenes_barcodes"}


def test_a_target_is_for_each_set():
    names = {target.set for target in read_targets().targets}
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


def test_other_readers_of_a_report_are_peers(report, with_peer):
    assert measured_peers(report) is None
    (peer,) = measured_peers(with_peer).peers
    assert peer.name == "rapidocr 3.10.0"
    assert (peer.sets["crops_a"].accuracy, peer.sets["crops_a"].recall, peer.sets["crops_a"].p50_ms) == (
        0.9,
        None,
        12.3,
    )
    assert (peer.sets["scenes_b"].recall, peer.sets["scenes_b"].precision) == (0.5, 0.25)
    assert own_runs(with_peer) == report.runs
