"""Which plan runs: passports against bundle, version and GPU; nothing of TensorRT is needed."""

import logging

import pytest
from msgspec.structs import replace

from edgereader.runtime.bundles.bundle import Bundle, write_bundle
from edgereader.runtime.errors import BackendUnavailable, BundleError
from edgereader.runtime.sessions.tensorrt.plans import obstacle, usable_plan

from ..engine_bundles import add_plan

HERE = "10.3.0", "sm86"


@pytest.fixture
def folder(make_bundle):
    """A bundle whose detector has graphs, of the same contents, in three precisions."""
    folder = make_bundle()
    bundle = Bundle.open(folder)
    files = bundle.detector.files | dict.fromkeys(("fp16", "int8-trt"), bundle.detector.files["fp32"])
    write_bundle(folder, replace(bundle.manifest, detector=replace(bundle.detector, files=files)))
    return folder


def chosen(folder, precision=None, version="10.3.0", capability="sm86", backend="tensorrt"):
    passport, plan = usable_plan(Bundle.open(folder), "detector", backend, precision, version, capability)
    assert plan.path.read_bytes() == plan.contents
    return passport.precision


def prefer(folder, precision):
    bundle = Bundle.open(folder)
    write_bundle(folder, replace(bundle.manifest, detector=replace(bundle.detector, preferred={"tensorrt": precision})))


def test_the_best_is_the_preferred_one_then_fp16_fp32_int8(folder):
    add_plan(folder, "detector", precision="int8-trt")
    assert chosen(folder) == "int8-trt"
    add_plan(folder, "detector")
    assert chosen(folder) == "fp32"
    add_plan(folder, "detector", precision="fp16")
    assert chosen(folder) == "fp16"
    prefer(folder, "int8-trt")
    assert chosen(folder) == "int8-trt"
    assert chosen(folder, "fp32") == "fp32"


def test_what_was_asked_for_is_all_that_is_looked_at(folder):
    add_plan(folder, "detector")
    with pytest.raises(
        BackendUnavailable, match=r"got none; .*`edgereader engine .* --flavour tensorrt --precision int8`"
    ):
        chosen(folder, "int8-trt")
    with pytest.raises(BackendUnavailable, match=r"got none; .*`edgereader engine .* --flavour tensorrt-rtx`"):
        chosen(folder, backend="tensorrt-rtx")
    with pytest.raises(BackendUnavailable, match="expected a plan of the recognizer"):
        usable_plan(Bundle.open(folder), "recognizer", "tensorrt", None, *HERE)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"version": "10.3.0.26"}, r"expected tensorrt 10\.3\.0\.26, which built it, got 10\.3\.0"),
        ({"targets": ["sm87", "sm89"]}, "expected a GPU of sm87, sm89, got sm86"),
        ({"precision": "int8"}, "expected a graph in int8 in the bundle, got none"),
        ({"onnx_sha256": "a" * 64}, "got one built from aaaaaaaaaaaa"),
    ],
)
def test_a_passport_that_does_not_fit_is_refused(folder, changes, reason):
    path = add_plan(folder, "detector", **changes)
    with pytest.raises(BackendUnavailable, match=f"{path.name}: .*{reason}"):
        chosen(folder)


def test_every_reason_is_given(folder):
    names = [
        add_plan(folder, "detector", precision="fp16", targets=["sm87"]).name,
        add_plan(folder, "detector", version="9.0.1").name,
        add_plan(folder, "detector", precision="int8-trt").name,
    ]
    (folder / "engines" / names[2]).unlink()
    with pytest.raises(BackendUnavailable) as caught:
        chosen(folder)
    assert all(name in str(caught.value) for name in names)


def test_an_altered_plan_is_passed_over_loudly(folder, caplog):
    add_plan(folder, "detector")
    path = add_plan(folder, "detector", precision="fp16")
    path.write_bytes(b"x" * path.stat().st_size)
    with caplog.at_level(logging.WARNING, "edgereader"):
        assert chosen(folder) == "fp32"
    assert f"{path.name} is not run" in caplog.text


@pytest.mark.parametrize(
    ("built", "here", "runs"),
    [
        ("10.3.0", "10.3.0", True),
        ("10.3.0", "10.13.3", True),
        ("10.13.3", "10.3.0", False),
        ("10.3.0", "11.4.1", True),
        ("8.6.1", "10.3.0", False),
        ("11.4.1", "10.13.3", False),
    ],
)
def test_version_compatible_plans_run_with_later_versions(folder, built, here, runs):
    add_plan(folder, "detector", version=built, flags=["version-compatible"])
    bundle = Bundle.open(folder)
    (passport,) = bundle.manifest.engines
    assert (obstacle(passport, bundle.detector, here, "sm86") is None) == runs
    strict = replace(passport, flags=[])
    assert (obstacle(strict, bundle.detector, here, "sm86") is None) == (built == here)


@pytest.mark.parametrize(("capability", "runs"), [("sm75", False), ("sm80", True), ("sm89", True), ("sm120", True)])
def test_hardware_compatible_plans_run_from_ampere_on(folder, capability, runs):
    add_plan(folder, "detector", flags=["hardware-compatible"])
    if runs:
        assert chosen(folder, capability=capability) == "fp32"
    else:
        with pytest.raises(BackendUnavailable, match="expected a GPU of sm86, got sm75"):
            chosen(folder, capability=capability)


def test_no_such_model(make_bundle):
    with pytest.raises(BundleError, match="expected a detector"):
        chosen(make_bundle(detector=False))
