"""Sections on a bundle of tiny graphs, on the CPU, and PyTorch's contenders, thin."""

import json
import subprocess
import sys

import msgspec
import numpy as np
import pytest
import torch
from msgspec.structs import replace

from edgereader.benchmarks.flops import gflop_of
from edgereader.benchmarks.gpu import measures
from edgereader.benchmarks.gpu.measures import (
    READINGS,
    add_halves,
    answers,
    ceiling,
    compared,
    expected_file,
    frames,
    growth,
    images_of,
    make_engines,
    make_random,
    make_shipped,
    memory,
    prepare,
    runner,
    speeds,
    timed,
    torch_runner,
)
from edgereader.benchmarks.gpu.plan import CPU, DRY, EAGER, ONE_BY_ONE, PIPELINE, Contender, Job
from edgereader.benchmarks.gpu.report import Prepared
from edgereader.benchmarks.networks import random_craft, random_recognizer
from edgereader.benchmarks.speed.device import MIB
from edgereader.runtime.bundles.bundle import Bundle, file_sha256
from edgereader.runtime.errors import BackendError, BackendUnavailable

from ...runtime.graphs import paint_word, write_test_bundle


@pytest.fixture
def job(tmp_path):
    write_test_bundle(tmp_path / "random", steps=5)
    job = Job(section="detector", contender=CPU, sizes=("64x96",), folder=str(tmp_path), bundle="", scale=DRY)
    for section, kind, size in (("detector", "detector", "64x96"), ("batches", "recognizer", "2 crops")):
        outputs = runner(replace(job, section=section))(size)()
        np.savez(expected_file(tmp_path, kind, size), **outputs)
    return job


def test_a_network_is_timed_and_compared(job):
    found, times_ms = speeds(job)("64x96")
    assert (len(times_ms), found.warm_up) == (DRY.runs[0], measures.WARM_UP_RUNS)
    assert found.agreement.apart == 0
    _, times_ms = timed(lambda: None, replace(job, scale=replace(DRY, seconds=60.0, runs=(3, 7))))
    assert len(times_ms) == 7
    found, _ = speeds(replace(job, section="batches"))("2 crops")
    assert found.agreement.rows_equal == 1


def asked(job, measure, monkeypatch):
    """What the process says of each size when this is what its section does."""
    monkeypatch.setitem(measures.SECTIONS, "detector", measure)
    return list(answers(msgspec.json.encode(question) for question in (job, *job.sizes)))


def test_a_size_that_fails_does_not_end_the_others_but_a_missing_backend_and_what_nobody_foresaw_do(job, monkeypatch):
    ends = {"a": BackendError("out of memory"), "b": BackendUnavailable("no driver"), "c": None, "d": KeyError()}

    def measure(size):
        if ends[size]:
            raise ends[size]
        return Prepared(seconds=1.0, detail="made"), []

    (said,) = asked(replace(job, contender=Contender("tensorrt-rtx", "fp32")), speeds, monkeypatch)
    assert said.outcome == "skipped"
    monkeypatch.delitem(sys.modules, "pycuda", raising=False)
    begun, *found = asked(replace(job, sizes=("a", "b", "c")), lambda _: measure, monkeypatch)
    assert begun is True
    assert [(answer.found.outcome, answer.found.reason) for answer in found[:2]] == [
        ("failed", "out of memory"), ("skipped", "no driver"),
    ]  # fmt: skip
    assert found[2].found.detail == "made"
    assert found[2].versions["torch"] == torch.__version__
    assert "pycuda" not in found[2].versions, "only what was loaded"
    with pytest.raises(KeyError):
        asked(replace(job, sizes=("d",)), lambda _: measure, monkeypatch)


def test_maps_of_zeros_swapped_maps_and_no_numbers_are_apart():
    right = {"region": np.full((1, 2, 2), 0.5, np.float32), "affinity": np.full((1, 2, 2), 0.1, np.float32)}
    fp16 = Contender("cuda", "fp16")
    assert compared(right, right, fp16).passed
    for wrong in (
        {name: np.zeros_like(array) for name, array in right.items()},
        {"region": right["affinity"], "affinity": right["region"]},
        {**right, "affinity": np.full((1, 2, 2), np.nan, np.float32)},
    ):
        assert not compared(wrong, right, fp16).passed


def test_fp32_may_be_as_far_off_as_tf32_only_where_it_may_be_rounded_to_it():
    right = {"region": np.ones((1, 2, 2), np.float32)}
    got = {"region": right["region"] * 1.005}
    allowed = {runner: compared(got, right, Contender(runner, "fp32")).passed for runner in ("cpu", "cuda", "tensorrt")}
    assert allowed == {"cpu": False, "cuda": False, "tensorrt": True}
    assert compared(got, right, EAGER).passed
    assert not compared(got, right, Contender("PyTorch eager without TF32", "fp32")).passed


def test_a_product_of_matrices_is_timed_in_pytorch(job):
    _, times_ms = ceiling(replace(job, contender=EAGER))("64x64x64")
    assert times_ms
    if torch.cuda.is_available():
        pytest.skip("this PyTorch has CUDA")
    with pytest.raises(BackendUnavailable, match="has no CUDA here"):
        ceiling(replace(job, contender=EAGER, scale=replace(DRY, dry=False)))


def test_a_session_runs_the_images_of_its_size_and_a_recognizer_all_crops(job):
    region = runner(job)("64x96")()["region"]
    images = images_of("64x96").astype(np.float32)[0, ..., 2] / 255
    assert np.allclose(region[0], images.reshape(32, 2, 48, 2).mean((1, 3)), atol=1e-5)
    outputs = runner(replace(job, section="recognizer"))("2 crops")()
    assert outputs["symbols"].shape == (2, 5)
    assert np.array_equal(outputs["symbols"], outputs["log_probs"].argmax(-1))
    assert np.array_equal(images_of("2 crops"), images_of("32 crops")[:2])


def test_pytorch_is_not_part_of_a_process_that_measures_a_backend():
    program = (
        "import sys; from edgereader.benchmarks.gpu.measures import SECTIONS; "
        "print([name for name in ('torch', 'onnx', 'tensorrt', 'pycuda') if name in sys.modules])"
    )
    found = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    path = tmp_path_factory.mktemp("checkpoints")
    torch.save(random_craft(0.125).state_dict(), path / "detector.pt")
    torch.save(random_recognizer(0.125).state_dict(), path / "recognizer.pt")
    return path


@pytest.mark.parametrize(
    ("kind", "size", "shapes"),
    [
        ("detector", "64x96", {"region": (1, 32, 48), "affinity": (1, 32, 48)}),
        ("recognizer", "2 crops", {"symbols": (2, 26), "log_probs": (2, 26, 38)}),
    ],
)
def test_outputs_are_those_of_the_contract_in_buffers_that_stay(folder, kind, size, shapes):
    run = torch_runner(EAGER, kind, folder, gpu=False)(size)
    first, second = run(), run()
    assert {name: array.shape for name, array in first.items()} == shapes
    assert all(first[name].ctypes.data == second[name].ctypes.data for name in shapes)
    assert all(np.isfinite(array).all() for array in first.values())
    half = torch_runner(Contender("PyTorch eager", "fp16"), kind, folder, gpu=False)(size)()
    assert half.keys() == shapes.keys()
    assert kind == "recognizer" or 0 < np.abs(half["region"] - first["region"]).max() < 0.05


@pytest.fixture
def two_frames(tmp_path, monkeypatch):
    """A job whose bundle reads 7 in one frame and 5 in the other, while 7 and 6 is what the CPU is said to read."""
    pictures = []
    for text in "75":
        picture = np.zeros((480, 640, 3), np.uint8)
        paint_word(picture, text, 60, 50)
        pictures.append(picture)
    monkeypatch.setattr(measures, "camera_frames", lambda: pictures)
    write_test_bundle(tmp_path / "shipped")
    (tmp_path / "shipped" / READINGS).write_bytes(msgspec.json.encode([["7"], ["6"]]))
    return Job(section="frames", contender=CPU, sizes=(), folder=str(tmp_path), bundle="", scale=DRY)


def test_frames_are_read_one_by_one_and_in_a_pipeline_and_compared(two_frames):
    measure = frames(two_frames)
    for size, timed_frames in ((ONE_BY_ONE, DRY.frames), (PIPELINE, 0)):
        found, times_ms = measure(size)
        assert (found.readings, found.same, found.missed, found.frames) == (2, 1, 1, DRY.frames)
        assert len(times_ms) == timed_frames
        assert sum(times_ms) <= 1000 * DRY.frames / found.frames_per_s


def test_memory_of_a_dry_run_is_the_process_only_and_of_a_gpu_is_sampled_all_along(two_frames, monkeypatch):
    found, _ = memory(two_frames)("frames")
    assert (found.frames, found.device) == (DRY.soak_frames, None)
    assert found.host.first_mib > 10
    samples = iter(range(0, 1 << 40, 1 << 20))
    monkeypatch.setattr(measures, "device_bytes", lambda: next(samples))
    found, _ = memory(replace(two_frames, scale=replace(DRY, dry=False, soak_frames=50)))("frames")
    assert found.device.last_mib == 49
    assert found.device.slope_mib == pytest.approx(10_000)
    assert not found.device.constant


def test_memory_that_stays_is_constant_and_what_is_too_noisy_to_tell_or_leaks_is_not():
    found = growth([700 * MIB] * 100, 100, 2.0)
    assert (found.slope_mib, found.low_mib, found.high_mib, found.constant) == (0, 0, 0, True)
    noise = np.random.default_rng(0).normal(0, 1, 100)
    found = growth([int((500 + 30 * apart) * MIB) for apart in noise], 100, 2.0)
    assert found.low_mib < 0 < found.high_mib
    assert not found.constant
    found = growth([int((500 + 0.05 * sample + apart) * MIB) for sample, apart in enumerate(noise)], 100, 2.0)
    assert 2 < found.low_mib < 5 < found.high_mib  # 0.05 MiB in 100 frames
    assert not found.constant


@pytest.fixture
def making(tmp_path):
    return Job(section="prepare", contender=CPU, sizes=(), folder=str(tmp_path), bundle="digits-edge", scale=DRY)


def test_the_shipped_bundle_is_copied_and_completed_and_the_package_stays_as_it_is(making, tmp_path, monkeypatch):
    one = measures.camera_frames()[2]
    monkeypatch.setattr(measures, "camera_frames", lambda: [one])
    root = Bundle.open("digits-edge").root
    before = {path.name: file_sha256(path) for path in root.iterdir() if path.is_file()}
    made, _ = prepare(making)("shipped")
    assert made.detail.startswith("digits-edge")
    assert {path.name: file_sha256(path) for path in root.iterdir() if path.is_file()} == before
    bundle = Bundle.open(tmp_path / "shipped")
    assert {"fp32", "fp16"} <= bundle.detector.files.keys() & bundle.recognizer.files.keys()
    assert add_halves(bundle.root) == []
    assert bundle.manifest.canary is not None
    (texts,) = json.loads((tmp_path / "shipped" / READINGS).read_text())
    assert texts
    assert gflop_of(bundle, "detector", (1, 448, 768, 3)) < made.works[0].gflop < 100
    assert make_shipped(tmp_path, making)[1] == made.works


def test_random_networks_that_are_there_are_taken_and_the_rest_is_made(making, tmp_path, monkeypatch):
    write_test_bundle(tmp_path / "random")
    (tmp_path / "recognizer.pt").touch()
    monkeypatch.setattr(measures, "add_halves", lambda _root: [])
    detail, works = make_random(tmp_path, making)
    assert "random weights" in detail
    assert {work.section for work in works} == {"detector", "recognizer", "canvases", "batches"}
    assert np.load(expected_file(tmp_path, "detector", "64x96"))["region"].shape == (1, 32, 48)
    assert np.load(expected_file(tmp_path, "recognizer", "2 crops"))["symbols"].shape == (2, 1)


def test_engines_of_each_kind_are_built_unless_they_are_there(making, tmp_path, monkeypatch):
    write_test_bundle(tmp_path / "random")
    built = []
    build = "edgereader.export.engines.engine.build_engine"
    monkeypatch.setattr(build, lambda *arguments, **_options: built.append(arguments[1:]))
    make_engines("random", tmp_path, replace(making, contender=Contender("tensorrt-rtx", "fp32")))
    assert built == [("detector", "tensorrt-rtx", "fp32"), ("recognizer", "tensorrt-rtx", "fp32")]
