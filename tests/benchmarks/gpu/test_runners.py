import sys

import numpy as np
import pytest
from msgspec.structs import replace

from edgereader.benchmarks.gpu.jobs import CPU, DRY, Job
from edgereader.benchmarks.gpu.runners import images_of, runner

from ...runtime.graphs import write_test_bundle


@pytest.fixture
def job(tmp_path):
    write_test_bundle(tmp_path / "random", steps=5)
    return Job(section="detector", contender=CPU, sizes=("64x96",), folder=str(tmp_path), bundle="", scale=DRY)


def test_fewer_crops_are_the_first_of_more():
    assert np.array_equal(images_of("2 crops"), images_of("32 crops")[:2])
    assert not np.array_equal(images_of("64x96"), images_of("96x64").reshape(1, 64, 96, 3))


def test_a_session_runs_the_images_of_its_size(job):
    region = runner(job)("64x96")()["region"]
    images = images_of("64x96").astype(np.float32)[0, ..., 2] / 255
    assert np.allclose(region[0], images.reshape(32, 2, 48, 2).mean((1, 3)), atol=1e-5)


def test_a_recogniser_reads_all_crops(job):
    outputs = runner(replace(job, section="recognizer"))("2 crops")()
    assert outputs["symbols"].shape == (2, 5)
    assert np.array_equal(outputs["symbols"], outputs["log_probs"].argmax(-1))


def test_pytorch_is_not_part_of_a_process_that_measures_a_backend(job):
    import subprocess

    program = (
        "import sys; from edgereader.benchmarks.gpu.measures import SECTIONS; "
        "print([name for name in ('torch', 'onnx', 'tensorrt', 'pycuda') if name in sys.modules])"
    )
    found = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"
