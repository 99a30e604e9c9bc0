import pytest
from msgspec.structs import replace

from edgereader.runtime.bundles.bundle import Bundle, file_sha256, write_bundle
from edgereader.runtime.bundles.manifest import FileEntry, Passport
from edgereader.runtime.diagnosis.models import Engine, bundle_facts

from .conftest import add_canary


def test_a_sound_bundle(proven_folder):
    facts = bundle_facts(Bundle.open(proven_folder))
    assert (facts.name, facts.folder) == ("test", str(proven_folder))
    assert {kind: model.precisions for kind, model in facts.models.items()} == {
        "detector": ["fp32"],
        "recognizer": ["fp32"],
    }
    assert facts.models["recognizer"].architecture == "None-VGG-None-CTC"
    assert (facts.engines, facts.canary, facts.problems) == ([], True, [])


def test_one_model_and_no_canary(make_bundle):
    facts = bundle_facts(Bundle.open(make_bundle(detector=False)))
    assert (list(facts.models), facts.canary) == (["recognizer"], False)


@pytest.mark.parametrize("name", ["detector.onnx", "canary-maps.png", "engines/r.fp16.engine"])
def test_every_file_is_checked(make_bundle, name):
    folder = add_canary(make_bundle())
    write_engine(folder)
    facts = bundle_facts(Bundle.open(folder))
    assert facts.problems == []
    assert facts.engines == [
        Engine(
            file="r.fp16.engine",
            kind="recognizer",
            precision="fp16",
            flavour="tensorrt",
            version="10.3.0",
            targets=["sm87"],
        )
    ]
    (folder / name).write_bytes(b"x")
    (problem,) = bundle_facts(Bundle.open(folder)).problems
    assert f"{name}: expected" in problem
    assert "export the bundle again" in problem


def write_engine(folder):
    path = folder / "engines" / "r.fp16.engine"
    path.parent.mkdir()
    path.write_bytes(b"plan")
    bundle = Bundle.open(folder)
    passport = Passport(
        file=FileEntry(path=path.name, sha256=file_sha256(path), bytes=4),
        kind="recognizer",
        precision="fp16",
        flavour="tensorrt",
        version="10.3.0",
        targets=["sm87"],
        onnx_sha256=bundle.recognizer.files["fp32"].sha256,
        profile={},
    )
    write_bundle(folder, replace(bundle.manifest, engines=[passport]))
