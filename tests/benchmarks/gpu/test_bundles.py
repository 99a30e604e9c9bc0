import json
import shutil

import pytest
from msgspec.structs import replace

from edgereader.benchmarks.flops import gflop_of
from edgereader.benchmarks.gpu import bundles
from edgereader.benchmarks.gpu.bundles import add_halves, make_engines, make_random, make_shipped, prepare
from edgereader.benchmarks.gpu.frames import READINGS
from edgereader.benchmarks.gpu.jobs import CPU, DRY, Contender, Job
from edgereader.benchmarks.gpu.runners import expected
from edgereader.runtime.bundles.bundle import Bundle, file_sha256
from edgereader.runtime.errors import EdgeReaderError

from ...runtime.graphs import write_test_bundle


@pytest.fixture
def job(tmp_path):
    return Job(
        section="prepare", contender=CPU, sizes=("shipped",), folder=str(tmp_path), bundle="digits-edge", scale=DRY
    )


def test_the_shipped_bundle_is_copied_and_completed_and_the_package_stays_as_it_is(job, tmp_path, monkeypatch):
    one = bundles.make_frames()[2]
    monkeypatch.setattr(bundles, "make_frames", lambda: [one])
    root = Bundle.open("digits-edge").root
    before = {path.name: file_sha256(path) for path in root.iterdir() if path.is_file()}
    detail, (work,) = prepare(job)
    assert detail.startswith("digits-edge")
    assert {path.name: file_sha256(path) for path in root.iterdir() if path.is_file()} == before
    made = Bundle.open(tmp_path / "shipped")
    assert {"fp32", "fp16"} <= made.detector.files.keys() & made.recognizer.files.keys()
    assert made.manifest.canary is not None
    (texts,) = json.loads((tmp_path / "shipped" / READINGS).read_text())
    assert texts
    assert gflop_of(made, "detector", (1, 448, 768, 3)) < work.gflop < 100
    assert make_shipped(tmp_path, job)[1] == [work]


def test_random_networks_that_are_there_are_taken_and_the_rest_is_made(job, tmp_path, monkeypatch):
    write_test_bundle(tmp_path / "random")
    (tmp_path / "recognizer.pt").touch()
    monkeypatch.setattr(bundles, "add_halves", lambda _root: [])
    detail, works = make_random(tmp_path, replace(job, sizes=("random",)))
    assert "random weights" in detail
    assert {work.section for work in works} == {"detector", "recognizer", "canvases", "batches"}
    assert expected(tmp_path, "detector", "64x96")["region"].shape == (1, 32, 48)
    assert expected(tmp_path, "recognizer", "2 crops")["symbols"].shape == (2, 1)


def test_halves_are_added_once(tmp_path):
    root = tmp_path / "bundle"
    shutil.copytree(Bundle.open("digits-edge").root, root)
    opened = Bundle.open(root)
    missing = [kind for kind in ("detector", "recognizer") if "fp16" not in getattr(opened, kind).files]
    assert add_halves(root) == missing == ["recognizer"], "that of the detector ships"
    assert add_halves(root) == []


def test_engines_of_each_kind_are_built_unless_they_are_there(job, tmp_path, monkeypatch):
    root, built = write_test_bundle(tmp_path / "random"), []
    monkeypatch.setattr(bundles, "build_engine", lambda *arguments, **_options: built.append(arguments[1:]))
    wanted = replace(job, contender=Contender("tensorrt-rtx", "fp32"))
    make_engines(root, wanted)
    assert built == [("detector", "tensorrt-rtx", "fp32"), ("recognizer", "tensorrt-rtx", "fp32")]


def test_engines_for_a_gpu_that_is_not_here_are_refused_with_the_reason(job, tmp_path):
    write_test_bundle(tmp_path / "random")
    with pytest.raises(EdgeReaderError):
        prepare(replace(job, sizes=("engines random",), contender=Contender("tensorrt", "fp32")))
