import subprocess
import sys

from edgereader.benchmarks.speed.children import COLD
from edgereader.runtime.bundles.bundle import shipped


def test_one_byte_on_standard_output_when_the_photo_is_read():
    command = [sys.executable, "-m", COLD, "nothing", "{}", str(shipped("samples") / "meter.jpg")]
    done = subprocess.run(command, capture_output=True, check=True)
    assert done.stdout == b"."


def test_it_imports_no_more_than_a_reader_needs():
    program = "import sys, edgereader.benchmarks.speed.cold; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout.split()
    assert "edgereader.runtime.reader" in loaded
    assert not {"mlperf_loadgen", "torch", "onnx", "shapely", "edgereader.models", "psutil"} & set(loaded)
