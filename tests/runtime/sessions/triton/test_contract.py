"""What stands in a repository about its networks."""

import pytest
from msgspec.structs import replace

from edgereader.runtime.bundles.bundle import Bundle
from edgereader.runtime.errors import BackendError
from edgereader.runtime.sessions.triton.contract import expect_same, identity_of

from ..engine_bundles import add_plan


def test_a_network_is_known_by_what_its_bundle_says_of_it(make_bundle):
    bundle, other = Bundle.open(make_bundle()), Bundle.open(make_bundle(steps=2))
    assert identity_of(bundle, "detector") == identity_of(other, "detector") != identity_of(bundle, "recognizer")
    assert identity_of(bundle, "recognizer") != identity_of(other, "recognizer")
    expect_same(bundle, "recognizer", identity_of(bundle, "recognizer"), "here")
    with pytest.raises(BackendError, match=r"there: expected the recognizer of .*, got another one .* same bundle"):
        expect_same(bundle, "recognizer", identity_of(other, "recognizer"), "there")


def test_other_thresholds_make_another_network(bundle_folder):
    bundle = Bundle.open(bundle_folder)
    spec = replace(bundle.detector, long_side_px=640)
    assert identity_of(Bundle(bundle.root, replace(bundle.manifest, detector=spec)), "detector") != identity_of(
        bundle, "detector"
    )


def test_engines_change_nothing(make_bundle):
    folder = make_bundle()
    before = identity_of(Bundle.open(folder), "detector")
    add_plan(folder, "detector", "tensorrt")
    assert Bundle.open(folder).manifest.engines
    assert identity_of(Bundle.open(folder), "detector") == before
