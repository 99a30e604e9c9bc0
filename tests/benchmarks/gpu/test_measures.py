"""Sections of networks, on a bundle of tiny graphs, on the CPU."""

import numpy as np
import pytest
from msgspec.structs import replace

from edgereader.benchmarks.gpu import measures
from edgereader.benchmarks.gpu.jobs import CPU, DRY, EAGER, Contender, Job
from edgereader.benchmarks.gpu.measures import ceiling, compared, prepared, speeds, timed
from edgereader.benchmarks.gpu.runners import expected_file, runner
from edgereader.runtime.errors import BackendError, BackendUnavailable

from ...runtime.graphs import write_test_bundle


@pytest.fixture
def job(tmp_path):
    write_test_bundle(tmp_path / "random", steps=5)
    job = Job(section="detector", contender=CPU, sizes=("64x96",), folder=str(tmp_path), bundle="", scale=DRY)
    for section, kind, size in (("detector", "detector", "64x96"), ("batches", "recognizer", "2 crops")):
        outputs = runner(replace(job, section=section))(size)()
        np.savez(expected_file(tmp_path, kind, size), **outputs)
    return job


def test_a_network_is_timed_and_compared(job):
    ((size, found),) = speeds(job)
    assert size == "64x96"
    assert (len(found.times_ms), found.per_run, found.warm_up) == (DRY.runs[0], 1, measures.WARM_UP_RUNS)
    assert found.agreement.apart == 0
    ((_, found),) = speeds(replace(job, section="batches", sizes=("2 crops",)))
    assert (found.per_run, found.agreement.rows_equal) == (2, 1.0)


def test_a_backend_that_is_not_here_is_said_at_once(job):
    with pytest.raises(BackendUnavailable):
        list(speeds(replace(job, contender=Contender("tensorrt-rtx", "fp32"))))


def test_a_size_that_fails_does_not_end_the_others(job, monkeypatch):
    load = measures.runner(job)

    def loaded(size):
        if size == "64x64":
            raise BackendError("out of memory")
        return load(size)

    monkeypatch.setattr(measures, "runner", lambda _job: loaded)
    found = dict(speeds(replace(job, sizes=("64x64", "64x96"))))
    assert (found["64x64"].outcome, found["64x64"].reason) == ("failed", "out of memory")
    assert found["64x96"].times_ms


def test_runs_go_on_for_the_time_that_is_asked_for(job, monkeypatch):
    scale = replace(DRY, dry=False, seconds=0.2, runs=(3, 1000))
    monkeypatch.setattr(measures, "WARM_UP_S", 0.1)
    times, warm_up = timed(lambda: measures.time.sleep(0.01), replace(job, scale=scale))
    assert 3 <= len(times) <= 21
    assert warm_up >= measures.WARM_UP_RUNS
    times, _ = timed(lambda: None, replace(job, scale=replace(scale, runs=(3, 7))))
    assert len(times) == 7


def test_maps_of_zeros_swapped_maps_and_no_numbers_are_apart():
    right = {"region": np.full((1, 2, 2), 0.5, np.float32), "affinity": np.full((1, 2, 2), 0.1, np.float32)}
    fp16 = Contender("cuda", "fp16")
    assert compared(right, right, fp16).passed
    for wrong in (
        {name: np.zeros_like(each) for name, each in right.items()},
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
    ((size, found),) = ceiling(replace(job, section="ceiling", contender=EAGER, sizes=("64x64x64",)))
    assert size == "64x64x64"
    assert found.times_ms
    with pytest.raises(BackendUnavailable, match="has no CUDA here"):
        list(ceiling(replace(job, contender=EAGER, sizes=("8x8x8",), scale=replace(DRY, dry=False))))


def test_what_cannot_be_prepared_is_an_error(job):
    with pytest.raises(KeyError):
        list(prepared(replace(job, section="prepare", sizes=("something else",))))
