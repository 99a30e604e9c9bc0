import msgspec
import pytest

from edgereader.benchmarks.bundle_facts import facts
from edgereader.runtime import Bundle
from edgereader.runtime.bundles.manifest import Quantized


@pytest.fixture
def bundle(repository):
    return Bundle.open(repository / "models/zoo/digits-edge")


def rows(table):
    lines = [line for line in table.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]


def test_facts_are_those_of_the_manifest(bundle):
    found = {row[0]: row[1:] for row in rows(facts(bundle))}
    detector, recognizer = bundle.detector, bundle.recognizer
    assert found["network"] == [detector.architecture, recognizer.stages]
    assert found["size in fp32"] == [f"{spec.files['fp32'].bytes / 1e6:.1f} MB" for spec in (detector, recognizer)]
    assert f"It knows {len(recognizer.charset)} symbols: `{recognizer.charset}`." in facts(bundle)
    assert bundle.manifest.licence in facts(bundle)


def test_what_fewer_bits_cost_and_gain_is_told(bundle):
    common = {"calibrated_on": 9, "validated_on": 9, "labelled": True, "speed_on": "one thread", "versions": {}}
    read = Quantized(
        strings=200, strings_equal=0.995, regions=0, hmean_loss=None, kept_fp32=["a"], speed_ratio=1.84, **common
    )
    find = Quantized(
        strings=0, strings_equal=None, regions=80, hmean_loss=0.25, kept_fp32=[], speed_ratio=2.0, **common
    )
    untimed = msgspec.structs.replace(find, speed_ratio=None, speed_on=None)
    manifest = msgspec.structs.replace(
        bundle.manifest,
        detector=msgspec.structs.replace(bundle.detector, quantized={"int8": find, "fp16": untimed}),
        recognizer=msgspec.structs.replace(bundle.recognizer, quantized={"int8": read}),
    )
    found = {row[0]: row[1:] for row in rows(facts(Bundle(bundle.root, manifest)))}
    assert found["int8 beside fp32"] == [
        "H-mean 0.25 points lower on 80 regions; 2.00 times as fast (one thread)",
        "99.5 % of 200 texts equal, 1 layer kept in fp32; 1.84 times as fast (one thread)",
    ]
    assert found["fp16 beside fp32"] == ["H-mean 0.25 points lower on 80 regions", "–"]


@pytest.mark.parametrize(
    ("loss", "told"),
    [(0.25, "0.25 points lower"), (-0.27, "0.27 points higher"), (0.0, "as high"), (-0.004, "as high")],
)
def test_a_gain_is_called_one(bundle, loss, told):
    gate = msgspec.structs.replace(bundle.detector.quantized["fp16"], hmean_loss=loss, regions=80)
    detector = msgspec.structs.replace(bundle.detector, quantized={"fp16": gate})
    found = facts(Bundle(bundle.root, msgspec.structs.replace(bundle.manifest, detector=detector)))
    assert f"H-mean {told} on 80 regions" in found


def test_several_widths_are_told(bundle):
    recognizer = msgspec.structs.replace(bundle.recognizer, image_hw=(32, 128), widths=(64, 128))
    several = Bundle(bundle.root, msgspec.structs.replace(bundle.manifest, recognizer=recognizer))
    (told,) = (row[2] for row in rows(facts(several)) if row[0] == "input")
    assert told == "crops of 32 × 64 to 128 px, grey, aspect ratio kept"


def test_a_bundle_of_one_model_has_one_column(bundle):
    alone = Bundle(bundle.root, msgspec.structs.replace(bundle.manifest, detector=None))
    found = {row[0]: row[1:] for row in rows(facts(alone))}
    assert found["network"] == ["–", bundle.recognizer.stages]
